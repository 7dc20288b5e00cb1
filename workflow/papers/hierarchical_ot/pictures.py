"""The images that networks learn, and those that they are compared on; the same for every seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator
from replicortex.data import cifar


def training_images(images: Path, vision: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return training images, uint8 (n, 32, 32, 3), and labels (n,): drawn at random."""
    pictures, labels, _ = cifar.read(images, "train")
    if vision["train_images"] > len(labels):
        raise StudyError(
            f"vision.train_images: {vision['train_images']} are asked for, the data set has "
            f"{len(labels)}"
        )
    chosen = generator(0, "training images").permutation(len(labels))[: vision["train_images"]]
    return pictures[chosen], labels[chosen]


def test_images(images: Path, vision: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the images that networks are compared on, uint8 (n, 32, 32, 3), and labels."""
    pictures, labels, _ = cifar.read(images, "test")
    if vision["stimuli"] > len(labels):
        raise StudyError(
            f"vision.stimuli: {vision['stimuli']} are asked for, the data set has {len(labels)}"
        )
    chosen = generator(0, "stimuli").permutation(len(labels))[: vision["stimuli"]]
    return pictures[chosen], labels[chosen]
