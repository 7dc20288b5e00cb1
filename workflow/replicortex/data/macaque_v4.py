"""Spike counts of macaque V4 neurons and their images (Cowley et al. 2023), per session.

Responses carry no names: image n is their column n, says the data's readme. Images are named
`image0001.jpg` onwards, so that an image that is missing, or one too many, is found by its name; that
the columns themselves were not reordered, only the manifest's sha256 tells.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests
from replicortex.data import pictures


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
    with reading(path, "responses, an npy file"):
        if not path.read_bytes().startswith(b"\x93NUMPY"):
            raise ValueError("it is no npy")  # NumPy would tell of pickles
        responses = np.load(path, allow_pickle=False)
    if responses.ndim != 2 or 0 in responses.shape or responses.dtype.kind not in "iuf":
        raise StudyError(
            f"{path}: numbers (neurons, images) expected, {responses.dtype} {responses.shape} found"
        )
    if not np.isfinite(responses).all():
        raise StudyError(f"{path}: (neurons, images) without NaN expected, {responses.shape} found")
    turned: np.ndarray = responses.T.astype(np.float64)
    return turned


def read_images(manifest: Path, session: str) -> tuple[list[str], np.ndarray]:
    """Return base names and images, uint8 (n_images, side, side, 3), in the order of responses.

    Image n of the archive, by the number in its name, is column n of the responses.

    Raises
    ------
    StudyError
        When the session is unknown, the archive is damaged or holds anything but images that are
        numbered from 1 without a gap, or counts differ from the responses'.
    """
    path = _path(manifest, session, "images_{}.zip")
    with reading(path, "an archive of images (zip)"), zipfile.ZipFile(path) as archive:
        entries = _numbered(path, [entry for entry in archive.infolist() if not entry.is_dir()])
        images = [pictures.decoded(archive.read(entry)) for entry in entries]
    expected = len(read_responses(manifest, session))
    if len(images) != expected:
        raise StudyError(f"{path}: {len(images)} images found, {expected} responses lie beside it")
    names = [Path(entry.filename).name for entry in entries]
    for name, image in zip(names, images, strict=True):
        if image.shape != images[0].shape:
            raise StudyError(
                f"{path}: {name} is {image.shape[1]} x {image.shape[0]} pixels, {names[0]} is "
                f"{images[0].shape[1]} x {images[0].shape[0]}; one size expected"
            )
    return names, np.stack(images)


def _numbered(path: Path, entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return an archive's images in the order of the numbers in their names: 1, 2, 3, ..."""
    found: dict[int, zipfile.ZipInfo] = {}
    for entry in entries:
        match = re.fullmatch(r"image(\d+)\.jpg", Path(entry.filename).name)
        if match is None:
            raise StudyError(
                f"{path}: holds '{entry.filename}'; images image0001.jpg, image0002.jpg, ... alone "
                "expected, one for each column of the responses"
            )
        number = int(match[1])
        if number in found:
            raise StudyError(
                f"{path}: image {number} is there twice ('{found[number].filename}' and "
                f"'{entry.filename}'): which of them was shown?"
            )
        found[number] = entry
    missing = set(range(1, len(found) + 1)) - set(found)
    if missing or not found:
        raise StudyError(
            f"{path}: has no image {min(missing, default=1)}, {len(found)} images found; numbers from "
            "1 without a gap expected, one for each column of the responses"
        )
    return [found[number] for number in sorted(found)]


def shared_images(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return indices of the images that two sessions share, matched by pixels, aligned.

    An image that occurs more than once in a session is matched in order of occurrence: its copies
    are the same picture, so that any pairing of them is right.
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
