"""What is predicted from what: units of each set, voxels with their noise, splits of the images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from papers.sparse_positive.encoding_settings import Images, Planted
from replicortex.analysis.encoding import standard
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator
from replicortex.data import nsd


class Design(NamedTuple):
    """One encoding problem; features and voxels standardised on the training images.

    `features`: unit set -> (train, validation, test), each (images, units). `passing`: unit set ->
    how many of its units, from the first, pass the localizer. `ceiling`: largest r of each voxel,
    NaN where unknown. `left_out`: how many voxels had no response in some session.
    """

    features: dict[str, tuple[np.ndarray, ...]]
    voxels: tuple[np.ndarray, ...]
    ceiling: np.ndarray
    passing: dict[str, int]
    left_out: int = 0


def parts_of(count: int, images: Images, seed: int) -> list[np.ndarray]:
    """Return random places of train, validation and test images.

    Raises
    ------
    StudyError
        When the splits need more images than there are.
    """
    sizes = [images.train, images.validation, images.test]
    if sum(sizes) > count:
        raise StudyError(f"splits {sizes} need {sum(sizes)} images, there are {count}")
    order = generator(seed, "splits").permutation(count)
    return np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])


def in_proportion(images: Images, count: int) -> Images:
    """Return the sizes of the splits, made smaller in proportion where there are too few images."""
    asked = images.model_dump()
    total = sum(asked.values())
    if total <= count:
        return images
    return Images(**{part: size * count // total for part, size in asked.items()})


def make(
    features: Mapping[str, np.ndarray],
    voxels: np.ndarray,
    parts: list[np.ndarray],
    ceiling: np.ndarray | None = None,
    passing: Mapping[str, int] | None = None,
) -> Design:
    """Split and standardise by the training images.

    Parameters
    ----------
    features
        Unit set -> (images, units).
    voxels
        (images, voxels), the images in the same order.
    parts
        Places of train, validation and test images.
    ceiling, passing
        As in `Design`.

    Raises
    ------
    StudyError
        When a set has another number of images than the voxels.
    """

    def cut(values: np.ndarray, what: str) -> tuple[np.ndarray, ...]:
        if len(values) != len(voxels):
            raise StudyError(f"{what}: {len(values)} images, the voxels have {len(voxels)}")
        scale = standard(values[parts[0]], what)
        return tuple(scale(np.asarray(values[part], dtype=np.float64)) for part in parts)

    known = np.full(voxels.shape[1], np.nan) if ceiling is None else ceiling
    return Design(
        {name: cut(values, f"{name} units") for name, values in features.items()},
        cut(voxels, "voxels"),
        known,
        dict(passing or {}),
    )


def noisy(signal: np.ndarray, ncsnr: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the noise of a mean over three presentations to a signal brought to s.d. 1.

    ncsnr is the ratio of the s.d. of signal and of a single presentation's noise.
    """
    signal = (signal - signal.mean(0)) / signal.std(0)
    return signal + rng.normal(size=signal.shape) / (np.sqrt(nsd.REPEATS) * ncsnr)


def mixes(
    units: np.ndarray, voxels: int, each: int, rng: np.random.Generator, negative: float = 0.0
) -> np.ndarray:
    """Return sparse mixes of standardised units, (images, voxels): positive, but for `negative`.

    `negative`: the probability that a weight has a minus.
    """
    z = standard(units, "cortex")(units)
    live = np.flatnonzero(z.any(0))
    if len(live) < each:
        raise StudyError(
            f"cortex: {each} units are mixed in a voxel, {len(live)} units ever change"
        )
    chosen = [rng.choice(live, each, replace=False) for _ in range(voxels)]
    weights = np.stack([rng.random(each) for _ in chosen])
    if negative:
        weights *= np.where(rng.random(weights.shape) < negative, -1, 1)
    return np.stack([z[:, c] @ w for c, w in zip(chosen, weights, strict=True)], axis=1)


def planted(
    region: str, settings: Planted, ncsnr: np.ndarray, seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return units and voxels from latents, of which a face and a scene one oppose each other.

    A unit is a rectified sum of latents, a face unit's with the face latent on top; the region's
    voxels are sparse positive mixes of a second draw of such units. Random units have no latent
    on top.

    Returns
    -------
    Unit set -> (images, units), and voxels (images, len(ncsnr)) with noise.
    """
    rng = generator(seed, "planted", region)
    n = settings.images.train + settings.images.validation + settings.images.test
    k, p = settings.latents, settings.units
    latents = rng.normal(size=(n, k))
    opposed = settings.opposition
    latents[:, 1] = -opposed * latents[:, 0] + np.sqrt(1 - opposed**2) * latents[:, 1]

    def population(latent: int | None) -> np.ndarray:
        loads = rng.normal(size=(k, p)) * settings.spread
        if latent is not None:
            loads[latent] += 1
        return np.maximum(latents @ loads + rng.normal(size=(n, p)) * settings.noise, -1)

    features = {"face": population(0), "scene": population(1), "random": population(None)}
    cortex = population(0 if region == "FFA" else 1)
    return features, noisy(
        mixes(cortex, len(ncsnr), settings.mixed, rng, settings.negative), ncsnr, rng
    )
