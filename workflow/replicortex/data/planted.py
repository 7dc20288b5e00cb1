"""Responses of made-up subjects to stimuli: regions with a planted hierarchy, repeats, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replicortex.core.randomness import generator

FEATURES = 20  # of each region
OWN = 0.5  # s.d. of each subject's own part of a region, the shared part has 1


@dataclass(frozen=True)
class Subject:
    """One subject's regions.

    `signal[r]` (stimuli, voxels) has variance 1 in each voxel; `noise[r]` (voxels,) is the s.d. of
    one repeat's noise. The signal-to-noise ratio of a voxel (NSD's ncsnr) is 1 / noise.
    """

    signal: list[np.ndarray]
    noise: list[np.ndarray]

    def repeat(self, region: int, rng: np.random.Generator) -> np.ndarray:
        """Return responses to all stimuli, shown once: (stimuli, voxels)."""
        signal, noise = self.signal[region], self.noise[region]
        return signal + noise * rng.normal(size=signal.shape)


def subjects(
    *,
    count: int,
    regions: int,
    voxels: int,
    stimuli: int,
    noise: float,
    seed: int,
    renewal: float = 0.0,
) -> list[Subject]:
    """Return subjects whose regions correspond, each region a nonlinear map of the one before.

    `renewal` is the share of each region's variance that is new, of no earlier region: with 0 every
    region tells of every other, with 1 none does.

    A voxel leans on one feature of its region, or no matching of units could be found; subjects
    have mixtures, and half of their features, of their own. A voxel's noise is `noise` times a
    factor drawn from 0.5 to 1.5.
    """
    shared = generator(seed, "planted")
    own = [generator(seed, "planted", subject) for subject in range(count)]
    features = shared.normal(size=(stimuli, FEATURES))
    found = [Subject([], []) for _ in range(count)]
    for _ in range(regions):
        features = np.tanh(features @ shared.normal(size=(FEATURES, FEATURES)) / 2)
        fresh = shared.normal(size=features.shape)
        features = np.sqrt(1 - renewal) * features / features.std() + np.sqrt(renewal) * fresh
        for subject, rng in zip(found, own, strict=True):
            private = OWN * rng.normal(size=features.shape) * features.std()
            mixing = 0.3 * rng.normal(size=(FEATURES, voxels))
            mixing[rng.integers(FEATURES, size=voxels), np.arange(voxels)] += 2
            signal = (features + private) @ mixing
            subject.signal.append((signal - signal.mean(0)) / signal.std(0))
            subject.noise.append(noise * rng.uniform(0.5, 1.5, voxels))
    return found
