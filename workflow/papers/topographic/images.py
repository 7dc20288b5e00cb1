"""Which images of CIFAR-10 train, validate and test: the first of each class [code]."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from replicortex.data import cifar
from replicortex.errors import StudyError

CLASSES = 10
# In CIFAR-10's order: bird, cat, deer, dog, frog and horse are animate [code].
ANIMATE = (False, False, True, True, True, True, True, True, False, False)


class Labelled(NamedTuple):
    """Images, uint8 (n, 32, 32, 3), or features, and their classes, int64 (n,)."""

    images: np.ndarray
    labels: np.ndarray


def of_each_class(labels: np.ndarray, start: int, count: int, where: str) -> np.ndarray:
    """Return places of images `start` to `start + count` of each class, class by class.

    Raises
    ------
    StudyError
        When a class has too few images.
    """
    chosen = []
    for label in range(CLASSES):
        places = np.flatnonzero(labels == label)
        if len(places) < start + count:
            raise StudyError(
                f"{where}: {start + count} images of each class are asked for, class {label} of "
                f"the data set has {len(places)}"
            )
        chosen.append(places[start : start + count])
    return np.concatenate(chosen)


def read(manifest: Path, split: dict[str, int]) -> dict[str, Labelled]:
    """Return "validation", "train" and "test".

    Parameters
    ----------
    manifest
        Of a CIFAR-10 data set.
    split
        Images of each class: validation (the first ones), train (those that follow), test.
    """
    images, labels, _ = cifar.read(manifest, "train")
    after = split["validation"]
    parts = {}
    for name, start in (("validation", 0), ("train", after)):
        chosen = of_each_class(labels, start, split[name], f"split.{name}")
        parts[name] = Labelled(images[chosen], labels[chosen])
    images, labels, _ = cifar.read(manifest, "test")
    chosen = of_each_class(labels, 0, split["test"], "split.test")
    parts["test"] = Labelled(images[chosen], labels[chosen])
    return parts
