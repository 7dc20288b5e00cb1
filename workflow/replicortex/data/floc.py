"""The functional-localizer images (Stigliani et al. 2015), packed at 128 x 128, grey."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError
from replicortex.files import read_arrays

FILE = "floc_128_gray.npz"
# Two categories make a domain; scrambled pictures belong to none.
DOMAINS = {
    "adult": "faces",
    "child": "faces",
    "body": "bodies",
    "limb": "bodies",
    "corridor": "places",
    "house": "places",
    "car": "objects",
    "instrument": "objects",
    "number": "characters",
    "word": "characters",
    "scrambled": "scrambled",
}


def read(manifest: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 (n, side, side), and the domain of each, (n,).

    Raises
    ------
    StudyError
        When the file is not the packed set, or has a category that is unknown.
    """
    path = manifests.load(manifest).path(FILE)
    try:
        with np.load(path, allow_pickle=False) as packed:
            images, categories = packed["images"], packed["categories"][packed["labels"]]
    except (OSError, ValueError, KeyError) as error:
        raise StudyError(f"{path}: is not the packed localizer set ({error})") from None
    unknown = sorted(set(categories) - set(DOMAINS))
    if unknown:
        raise StudyError(f"{path}: unknown category '{unknown[0]}'; known: {', '.join(DOMAINS)}")
    return images, np.array([DOMAINS[category] for category in categories])


def small(images: np.ndarray, side: int = 32) -> np.ndarray:
    """Return images as uint8 (n, side, side, 3): means over squares, three equal channels.

    Raises
    ------
    StudyError
        When the side is no multiple of the wanted one.
    """
    step, rest = divmod(images.shape[1], side)
    if rest:
        raise StudyError(
            f"localizer images: their side of {images.shape[1]} pixels is no multiple of {side}"
        )
    means = images.reshape(-1, side, step, side, step).mean((2, 4)).round().astype(np.uint8)
    return np.repeat(means[..., None], 3, axis=3)


def keys(manifest: Path) -> list[tuple[str, int]]:
    """Return category and number of each image of `read`, in its order: what the originals are named by.

    Raises
    ------
    StudyError
        When the file does not number its images.
    """
    path = manifests.load(manifest).path(FILE)
    packed = read_arrays(path, "install it again")
    missing = {"categories", "labels", "index"} - set(packed)
    if missing:
        raise StudyError(f"{path}: has no array '{min(missing)}', so that no image has a name")
    names = packed["categories"][packed["labels"]]
    return [(str(n), int(i)) for n, i in zip(names, packed["index"], strict=True)]
