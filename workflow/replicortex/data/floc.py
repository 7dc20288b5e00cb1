"""The functional-localizer images (Stigliani et al. 2015), packed at 128 x 128, grey."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError

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
