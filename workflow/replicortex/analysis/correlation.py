"""Pearson's r of columns, and its one answer where it is undefined: NaN, never 0.

A column that does not vary has no correlation. Whoever averages says over how many columns, and how many
were left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from replicortex.core.errors import StudyError

CONSTANT = 1e-12  # s.d. below which a column is constant: rounding leaves about 3e-17


class Mean(NamedTuple):
    """Mean of the defined correlations (NaN: none is), and how many were undefined and left out."""

    value: float
    undefined: int


def pearson(predicted: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each column; NaN for a constant prediction or observation.

    Of a model without any weight rounding leaves an s.d. near 3e-17 and an r near 1e-17: such a
    column is constant, not uncorrelated. So columns are to vary by about 1, as standardised ones do.

    Parameters
    ----------
    predicted, observed : arrays of shape (n, columns)

    Returns
    -------
    array of shape (columns,), float64

    Raises
    ------
    StudyError
        Shapes that differ, an empty matrix, NaN or infinity.
    """
    p, o = _matrix(predicted, "predictions"), _matrix(observed, "responses")
    if p.shape != o.shape:
        raise StudyError(f"correlation: predictions are {p.shape}, responses {o.shape}")
    p, o = p - p.mean(0), o - o.mean(0)
    sd_p, sd_o = np.sqrt((p * p).mean(0)), np.sqrt((o * o).mean(0))
    live = (sd_p >= CONSTANT) & (sd_o >= CONSTANT)
    products = (p * o).mean(0)
    r: np.ndarray = np.divide(products, sd_p * sd_o, out=np.full(len(live), np.nan), where=live)
    return r


def mean_pearson(predicted: np.ndarray, observed: np.ndarray) -> Mean:
    """Return the mean over the columns that have a correlation, and how many have none.

    Parameters
    ----------
    predicted, observed : arrays of shape (n, columns)

    Raises
    ------
    StudyError
        As `pearson`.
    """
    r = pearson(predicted, observed)
    defined = r[~np.isnan(r)]
    return Mean(float(defined.mean()) if len(defined) else float("nan"), len(r) - len(defined))


def _matrix(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise StudyError(f"{what}: expected a filled matrix (n, columns), found {values.shape}")
    if not np.isfinite(values).all():
        bad = np.flatnonzero(~np.isfinite(values).all(0))[0]
        raise StudyError(f"{what}: NaN or infinity in column {bad}")
    return values
