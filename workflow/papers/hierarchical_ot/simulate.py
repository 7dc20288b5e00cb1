"""Simulated subjects: regions with a planted hierarchy, three repeats, known noise."""

from __future__ import annotations

import numpy as np

from replicortex.randomness import generator


def subjects(cortex: dict, noise: float, seed: int) -> list[list[np.ndarray]]:
    """Return [subject][region] responses (stimuli, voxels), averaged over repeats.

    Regions follow one another as random nonlinear maps of shared features; a subject's voxels are
    mixtures of a region's features, variance 1, plus `noise` (standard deviation of one repeat).
    """
    random = generator(seed, "cortex")
    features = random.normal(size=(cortex["stimuli"], 20))
    found: list[list[np.ndarray]] = [[] for _ in range(cortex["subjects"])]
    for _ in range(cortex["regions"]):
        features = np.tanh(features @ random.normal(size=(20, 20)) / 2)
        for subject in found:
            # Each voxel leans on one feature, or no matching of units could be found.
            mixing = 0.3 * random.normal(size=(20, cortex["voxels"]))
            mixing[random.integers(20, size=cortex["voxels"]), np.arange(cortex["voxels"])] += 2
            signal = features @ mixing
            signal = (signal - signal.mean(0)) / signal.std(0)
            shape = (cortex["repeats"], *signal.shape)
            subject.append(signal + noise * random.normal(size=shape).mean(0))
    return found
