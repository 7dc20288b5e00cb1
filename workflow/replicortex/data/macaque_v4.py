"""Spike counts of macaque V4 neurons and their images (Cowley et al. 2023), per session."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError, nearest


def sessions(manifest: Path) -> list[str]:
    """Return the sessions of the data set, such as "210322"."""
    files = manifests.load(manifest).files
    return sorted(
        name.removeprefix("responses_").removesuffix(".npy")
        for name in files
        if name.startswith("responses_")
    )


def read_responses(manifest: Path, session: str) -> np.ndarray:
    """Return spike counts (per 100 ms, averaged over repeats), float64 (n_images, n_neurons).

    Raises
    ------
    StudyError
        When the session is unknown, or the file is damaged or holds NaN.
    """
    path = _path(manifest, session, "responses_{}.npy")
    try:
        responses = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise StudyError(f"{path}: is no readable npy file ({error})") from None
    if responses.ndim != 2 or not np.isfinite(responses).all():
        raise StudyError(f"{path}: (neurons, images) without NaN expected, {responses.shape} found")
    return responses.T.astype(np.float64)


def read_images(manifest: Path, session: str) -> tuple[list[str], np.ndarray]:
    """Return base names and images, uint8 (n_images, side, side, 3), in the order of responses.

    Images sorted by base name are the columns of the responses.

    Raises
    ------
    StudyError
        When the session is unknown, the archive is damaged, or counts differ from the responses'.
    """
    from PIL import Image, UnidentifiedImageError

    path = _path(manifest, session, "images_{}.zip")
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).name: name for name in archive.namelist() if name.endswith(".jpg")}
            order = sorted(names)
            images = [
                np.asarray(Image.open(io.BytesIO(archive.read(names[name]))).convert("RGB"))
                for name in order
            ]
    except (zipfile.BadZipFile, UnidentifiedImageError, OSError) as error:
        raise StudyError(f"{path}: is no readable archive of images ({error})") from None
    expected = len(read_responses(manifest, session))
    if len(images) != expected:
        raise StudyError(f"{path}: {len(images)} images found, {expected} responses lie beside it")
    return order, np.stack(images)


def shared_images(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return indices of the images that two sessions share, matched by pixels, aligned.

    An image that occurs more than once in a session is matched in order of occurrence.
    """
    places: dict[bytes, list[int]] = {}
    for number, image in enumerate(other):
        places.setdefault(_digest(image), []).append(number)
    pairs = []
    for number, image in enumerate(one):
        if found := places.get(_digest(image)):
            pairs.append((number, found.pop(0)))
    indices = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return indices[:, 0], indices[:, 1]


def _digest(image: np.ndarray) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()


def _path(manifest: Path, session: str, pattern: str) -> Path:
    known = sessions(manifest)
    if session not in known:
        raise StudyError(f"{manifest}: has no session '{session}'{nearest(session, known)}")
    return manifests.load(manifest).path(pattern.format(session))
