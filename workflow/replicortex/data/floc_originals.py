"""The functional-localizer images as published (VPNL/fLoc): 11 x 144 grey JPEGs, 1024 x 1024."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.data.floc import DOMAINS
from replicortex.errors import StudyError

FILE = re.compile(r"(?:.*/)?stimuli/(?P<category>\w+)/(?P=category)-(?P<number>\d+)\.jpg$")


def read(manifest: Path, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 (n, side, side), categories in alphabetical order, and their domains.

    Raises
    ------
    StudyError
        When a category is missing or an image is damaged.
    """
    from PIL import Image, UnidentifiedImageError

    dataset = manifests.load(manifest)
    found: dict[str, list[tuple[int, str]]] = {category: [] for category in sorted(DOMAINS)}
    for name in dataset.files:
        if (match := FILE.match(name)) and match["category"] in found:
            found[match["category"]].append((int(match["number"]), name))
    images, domains = [], []
    for category, files in found.items():
        if not files:
            raise StudyError(f"{manifest}: no images stimuli/{category}/{category}-<number>.jpg")
        for _, name in sorted(files):
            path = dataset.path(name)
            try:
                image = Image.open(path).convert("L").resize((side, side), Image.Resampling.BOX)
            except (OSError, UnidentifiedImageError) as error:
                raise StudyError(f"{path}: truncated or no image ({error})") from None
            images.append(np.asarray(image))
            domains.append(DOMAINS[category])
    return np.stack(images), np.array(domains)


def keys(manifest: Path) -> list[tuple[str, int]]:
    """Return category and number of each image of `read`, in its order.

    Raises
    ------
    StudyError
        When an image is there twice.
    """
    matches = [match for match in map(FILE.match, manifests.load(manifest).files) if match]
    found = sorted((m["category"], int(m["number"])) for m in matches if m["category"] in DOMAINS)
    for one, other in pairwise(found):
        if one == other:
            raise StudyError(f"{manifest}: image {one[0]}-{one[1]}.jpg is there twice")
    return found
