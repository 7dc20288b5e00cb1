"""How reliable voxels are: ncsnr as in NSD's FFA and PPA, from what is published of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from replicortex.analysis.encoding import noise_ceiling
from replicortex.core.errors import StudyError

LOW = 0.2  # ncsnr above which DeepNSD's table lists voxels
GRID = np.linspace(0.0005, 0.9995, 1000)


class Spread:
    """ncsnr of a region's voxels: a Weibull law above 0.2.

    It has the share of voxels above the threshold, and their mean ceiling, of DeepNSD's table.

    Parameters
    ----------
    listed, kept
        Voxels with ncsnr above 0.2, and above `threshold`.
    ceiling
        Mean ceiling (r) of those kept.
    threshold
        0.3.

    Raises
    ------
    StudyError
        When no such law has this mean ceiling, or the threshold is not above 0.2.
    """

    def __init__(self, listed: int, kept: int, ceiling: float, threshold: float) -> None:
        from scipy.optimize import brentq

        if not 0 < kept < listed:
            raise StudyError(f"ncsnr: {kept} of {listed} voxels kept: expected fewer than listed")
        if threshold <= LOW:
            raise StudyError(
                f"ncsnr: a threshold of {threshold} found, one above {LOW} expected: voxels are "
                "listed from there on"
            )
        self.threshold, self.share = threshold, kept / listed

        def missed(log_shape: float) -> float:
            return float(noise_ceiling(self._above(GRID, np.exp(log_shape))).mean()) - ceiling

        low, high = np.log(0.3), np.log(8)
        if missed(low) * missed(high) > 0:
            raise StudyError(f"ncsnr: no spread gives a mean ceiling of {ceiling}")
        self.shape = float(np.exp(brentq(missed, low, high)))

    def _above(self, quantiles: np.ndarray, shape: float) -> np.ndarray:
        """Quantiles of the part above the threshold."""
        scale = (self.threshold - LOW) / (-np.log(self.share)) ** (1 / shape)
        # The survivors of the threshold start at a survival of `share`.
        return LOW + scale * (-np.log(self.share * (1 - quantiles))) ** (1 / shape)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return ncsnr of `count` voxels above the threshold."""
        return self._above(rng.random(count), self.shape)

    def listed_ceiling(self) -> float:
        """Return the mean ceiling of all voxels above 0.2: a number it was not made from."""
        scale = (self.threshold - LOW) / (-np.log(self.share)) ** (1 / self.shape)
        every = LOW + scale * (-np.log(1 - GRID)) ** (1 / self.shape)
        return float(noise_ceiling(every).mean())


def spread(table: Mapping[int, list[float]], person: int, threshold: float) -> Spread:
    """Return the spread of one region in one person.

    Parameters
    ----------
    table
        Section `ncsnr.<region>`: person -> [listed, kept, mean ceiling of those kept].

    Raises
    ------
    StudyError
        When the person has no entry.
    """
    entry = table.get(person)
    if entry is None:
        raise StudyError(
            f"ncsnr: is missing for person {person}; found {', '.join(map(str, table))}"
        )
    return Spread(int(entry[0]), int(entry[1]), float(entry[2]), threshold)
