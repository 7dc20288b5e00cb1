"""Repeat-averaged spike counts of macaque V4 neurons with their images (Cowley et al. 2023).

A session is `responses_<session>.npy` (neurons, images) and `images_<session>.zip`, whose images,
sorted by base name, are the columns.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError


def read(manifest: Path, session: str) -> tuple[np.ndarray, np.ndarray]:
    """Return one session's images and responses.

    Returns
    -------
    Images, uint8 (n, height, width, 3), RGB; mean spike counts in 100 ms, float64 (n, neurons).

    Raises
    ------
    StudyError
        When the session is absent, a file is damaged, or their counts differ.
    """
    from PIL import Image, UnidentifiedImageError

    dataset = manifests.load(manifest)
    responses, packed = (
        dataset.path(f"responses_{session}.npy"),
        dataset.path(f"images_{session}.zip"),
    )
    try:
        counts = np.load(responses).astype(np.float64).T
    except (ValueError, OSError, EOFError) as error:
        raise StudyError(f"{responses}: truncated or no array ({error})") from None
    try:
        with zipfile.ZipFile(packed) as archive:
            names = [
                name
                for name in archive.namelist()
                if name.endswith(".jpg") and not PurePosixPath(name).name.startswith(".")
            ]
            names.sort(key=lambda name: PurePosixPath(name).name)
            images = [
                np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
                for name in names
            ]
    except (zipfile.BadZipFile, UnidentifiedImageError, OSError) as error:
        raise StudyError(f"{packed}: truncated or damaged ({error})") from None
    if counts.ndim != 2 or len(counts) != len(images):
        raise StudyError(
            f"session {session}: {len(images)} images, but responses of shape {counts.T.shape}"
        )
    return np.stack(images), counts


def shared(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places of the images that two sessions share, pixel for pixel, in matching order.

    An image that a session shows more than once counts with its first place.
    """
    first: dict[bytes, int] = {}
    for place, image in enumerate(one):
        first.setdefault(image.tobytes(), place)
    pairs: dict[int, int] = {}
    for place, image in enumerate(other):
        if (found := first.get(image.tobytes())) is not None:
            pairs.setdefault(found, place)
    order = sorted(pairs)
    return np.array(order, dtype=int), np.array([pairs[p] for p in order], dtype=int)
