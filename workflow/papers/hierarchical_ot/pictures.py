"""The images that networks learn, and those that they are compared on; the same for every seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator
from replicortex.data import cifar


def training_images(images: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return training images, uint8 (count, 32, 32, 3), and labels (count,): drawn at random.

    Raises
    ------
    StudyError
        When the data set has fewer.
    """
    pictures, labels, _ = cifar.read(images, "train")
    if count > len(labels):
        raise StudyError(
            f"vision.train_images: {count} are asked for, the data set has {len(labels)}"
        )
    chosen = generator(0, "training images").permutation(len(labels))[:count]
    return pictures[chosen], labels[chosen]


def test_images(images: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images that networks are compared on, uint8 (count, 32, 32, 3), and labels (count,).

    Raises
    ------
    StudyError
        When the data set has fewer.
    """
    pictures, labels, _ = cifar.read(images, "test")
    if count > len(labels):
        raise StudyError(f"vision.stimuli: {count} are asked for, the data set has {len(labels)}")
    chosen = generator(0, "stimuli").permutation(len(labels))[:count]
    return pictures[chosen], labels[chosen]
