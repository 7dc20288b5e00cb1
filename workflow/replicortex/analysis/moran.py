"""Moran's I: how alike neighbours on a sheet are."""

from __future__ import annotations

import numpy as np

from replicortex.core.errors import StudyError

BLOCK = 512  # maps at once: what is made of them stays in a processor's cache


def morans_i(maps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return I = (N / W) sum_ij w_ij z_i z_j / sum_i z_i^2, z the map less its mean.

    Moran 1950; weights enter as they are (not row-standardised). A constant map gives 0.

    Parameters
    ----------
    maps
        (n, units): one map a row.
    weights
        (units, units), W their sum.

    Raises
    ------
    StudyError
        When a map is not finite.
    """
    maps = np.asarray(maps, dtype=np.float64)
    if not np.isfinite(maps).all():
        raise StudyError("Moran's I: a map has values that are not finite")
    scale = maps.shape[1] / weights.sum()
    found = np.empty(len(maps))
    for start in range(0, len(maps), BLOCK):
        part = slice(start, start + BLOCK)
        mean = maps[part].mean(1, keepdims=True)
        centred = maps[part] - mean
        power = np.einsum("nu,nu->n", centred, centred)
        products = np.einsum("nu,nu->n", centred @ weights, centred)
        # Rounding leaves a constant map a power of about 1e-32 of its square.
        flat = power <= 1e-24 * (power + maps.shape[1] * mean[:, 0] ** 2)
        found[part] = np.where(flat, 0.0, scale * products / np.where(flat, 1.0, power))
    return found
