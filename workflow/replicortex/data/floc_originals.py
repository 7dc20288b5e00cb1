"""The functional-localizer images as published (VPNL/fLoc): 11 x 144 grey JPEGs, 1024 x 1024."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.data import manifest as manifests
from replicortex.data import pictures
from replicortex.data.floc import DOMAINS
from replicortex.data.needed import ANYWHERE, Needed

FILE = re.compile(r"(?:.*/)?stimuli/(?P<category>\w+)/(?P=category)-(?P<number>\d+)\.jpg$")
EACH = 144  # images of a category


def expected(each: int = EACH) -> list[Needed]:
    """Return the files that `read` opens, `each` of a category, in any folder."""
    return [
        (f"{ANYWHERE}stimuli/{category}/{category}-{number}.jpg",)
        for category in sorted(DOMAINS)
        for number in range(1, each + 1)
    ]


def read(manifest: Path, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images, uint8 (n, side, side), categories in alphabetical order, and their domains.

    Raises
    ------
    StudyError
        When a category is missing, an image is damaged, or one lies in two folders with other
        content.
    """
    from PIL import Image

    dataset = manifests.load(manifest)
    found: dict[str, list[tuple[int, str]]] = {category: [] for category in sorted(DOMAINS)}
    for name in dataset.files:
        if (match := FILE.match(name)) and match["category"] in found:
            found[match["category"]].append((int(match["number"]), name))
    images, domains = [], []
    for category, files in found.items():
        if not files:
            raise StudyError(f"{manifest}: no images stimuli/{category}/{category}-<number>.jpg")
        first: dict[int, str] = {}
        for number, name in sorted(files):
            known = first.setdefault(number, name)
            if known != name:
                if dataset.files[known].sha256 == dataset.files[name].sha256:
                    continue
                raise StudyError(
                    f"{manifest}: '{known}' and '{name}' have one name and other content; "
                    "leave one of them"
                )
            image = Image.fromarray(pictures.read(dataset.path(name), "L"))
            images.append(np.asarray(image.resize((side, side), Image.Resampling.BOX)))
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
