"""The functional-localizer images (Stigliani et al. 2015), packed at 128 x 128, grey.

An image's label stands at its place in the same file, which `pack` writes in one go; a label is the
place of its name in `categories`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.files import read_arrays
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests

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
        When the file is not the packed set, has another number of labels than of images, or a
        category that is unknown.
    """
    path = manifests.load(manifest).path(FILE)
    with reading(path, "the packed localizer set (npz)"):
        with np.load(path, allow_pickle=False) as packed:
            images, labels, categories = (packed[n] for n in ("images", "labels", "categories"))
        if images.dtype != np.uint8 or images.ndim != 3 or labels.shape != images.shape[:1]:
            raise StudyError(
                f"{path}: images are {images.dtype} {images.shape} with labels {labels.shape}, "
                "uint8 (n, side, side) and (n,) expected"
            )
        if not len(labels) or labels.dtype.kind not in "iu" or labels.min() < 0:
            raise StudyError(f"{path}: labels from 0 expected, found {labels.dtype} {labels.shape}")
        categories = categories[labels].tolist()
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
