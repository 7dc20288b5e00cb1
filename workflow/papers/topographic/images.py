"""Which images of CIFAR-10 train, validate and test: the first of each class [code]."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.data import cifar

if TYPE_CHECKING:
    from papers.topographic.training_settings import Split

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


def read(manifest: Path, split: Split) -> dict[str, Labelled]:
    """Return "validation", "train" and "test".

    Parameters
    ----------
    manifest
        Of a CIFAR-10 data set.
    split
        Images of each class: validation (the first ones), train (those that follow), test.

    Raises
    ------
    StudyError
        When the classes are not CIFAR-10's ten, on whose order animacy rests, or have too few
        images.
    """
    images, labels, classes = cifar.read(manifest, "train")
    _check_classes(manifest, labels, classes)
    after = split.validation
    parts = {}
    for name, start in (("validation", 0), ("train", after)):
        chosen = of_each_class(labels, start, getattr(split, name), f"split.{name}")
        parts[name] = Labelled(images[chosen], labels[chosen])
    images, labels, classes = cifar.read(manifest, "test")
    _check_classes(manifest, labels, classes)
    chosen = of_each_class(labels, 0, split.test, "split.test")
    parts["test"] = Labelled(images[chosen], labels[chosen])
    return parts


def _check_classes(manifest: Path, labels: np.ndarray, classes: list[str]) -> None:
    if len(classes) != CLASSES:
        raise StudyError(f"{manifest}: {len(classes)} classes, {CLASSES} expected (CIFAR-10)")
    strange = labels[(labels < 0) | (labels >= CLASSES)]
    if len(strange):
        raise StudyError(
            f"{manifest}: label {strange[0]} belongs to none of the {CLASSES} classes of CIFAR-10"
        )
