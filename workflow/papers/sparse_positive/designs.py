"""What is predicted from what: features of matched and mismatched units, and voxels with noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from replicortex.analysis.encoding import standardise
from replicortex.errors import StudyError
from replicortex.randomness import generator

# Which units a region is made of.
REGIONS = {"FFA": "face", "PPA": "scene"}


class Design(NamedTuple):
    """One encoding problem, three splits of images; features and voxels standardised on train."""

    features: dict[str, tuple[np.ndarray, ...]]  # unit set -> (train, validation, test)
    voxels: tuple[np.ndarray, ...]


def _split(
    features: Mapping[str, np.ndarray], voxels: np.ndarray, images: Mapping[str, int], seed: int
) -> Design:
    counts = [images["train"], images["validation"], images["test"]]
    if sum(counts) > len(voxels):
        raise StudyError(f"splits {counts} need {sum(counts)} images, there are {len(voxels)}")
    order = generator(seed, "splits").permutation(len(voxels))
    parts = np.split(order[: sum(counts)], np.cumsum(counts)[:-1])
    return Design(
        {name: standardise(*(X[part] for part in parts)) for name, X in features.items()},
        standardise(*(voxels[part] for part in parts)),
    )


def _noisy(signal: np.ndarray, ceiling: float, rng: np.random.Generator) -> np.ndarray:
    """Signal of s.d. 1 and noise such that its correlation with the signal is the ceiling."""
    signal = (signal - signal.mean(0)) / signal.std(0)
    return signal + rng.normal(size=signal.shape) * np.sqrt(1 / ceiling**2 - 1)


def _mixes(units: np.ndarray, voxels: int, each: int, rng: np.random.Generator) -> np.ndarray:
    """Sparse positive mixes of standardised units, (images, voxels)."""
    z = standardise(units)[0]
    live = np.flatnonzero(z.any(0))
    chosen = [rng.choice(live, each, replace=False) for _ in range(voxels)]
    return np.stack([z[:, c] @ rng.random(each) for c in chosen], axis=1)


def planted(region: str, settings: Mapping[str, Any], ceiling: float, seed: int) -> Design:
    """Units and voxels from latents, of which the first (face) and second (scene) oppose each other.

    Units: rectified sums of latents, a face unit's with the face latent on top; the region's
    voxels: sparse positive mixes of a second draw of such units.
    """
    rng = generator(seed, "planted", region)
    images = settings["images"]
    n, k, p = sum(images.values()), settings["latents"], settings["units"]
    latents = rng.normal(size=(n, k))
    opposed = settings["opposition"]
    latents[:, 1] = -opposed * latents[:, 0] + np.sqrt(1 - opposed**2) * latents[:, 1]

    def population(latent: int) -> np.ndarray:
        loads = rng.normal(size=(k, p)) * settings["spread"]
        loads[latent] += 1
        return np.maximum(latents @ loads + rng.normal(size=(n, p)) * 0.1, -1)

    features = {"face": population(0), "scene": population(1)}
    cortex = population(0 if region == "FFA" else 1)
    voxels = _noisy(_mixes(cortex, settings["voxels"], settings["mixed"], rng), ceiling, rng)
    return _split(features, voxels, images, seed)


def semi_real(
    region: str,
    features: Mapping[str, np.ndarray],
    space: str,
    settings: Mapping[str, Any],
    ceiling: float,
    seed: int,
) -> Design:
    """One network's units predict sparse positive mixes of another's, on real images."""
    rng = generator(seed, "semi-real", region)
    cortex = features[f"{settings['cortex']}|{REGIONS[region]}|floc"]
    voxels = _noisy(_mixes(cortex, settings["voxels"], settings["mixed"], rng), ceiling, rng)
    units = {name: features[f"{space}|{name}|floc"] for name in ("face", "scene", "random")}
    return _split(units, voxels, settings["images"], seed)


def macaque(
    features: Mapping[str, np.ndarray], space: str, settings: Mapping[str, Any], seed: int
) -> Design:
    """A network's units predict real V4 neurons."""
    units = {name: features[f"{space}|{name}|v4"] for name in ("face", "scene", "random")}
    return _split(units, features["v4|responses"], settings["images"], seed)
