"""From numbers per unit to one number with its 95 % interval, for one table or thousands at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from replicortex.analysis.intervals import (
    cohens_d_interval,
    fieller_interval,
    jackknifed,
    t_interval,
)
from replicortex.analysis.permutation import MOST_FLIPPED, sign_flip, sign_flips
from replicortex.core.errors import StudyError
from replicortex.verdicts.measure import Compiled
from replicortex.verdicts.model import Claim

LEVEL = 0.95


class Estimate(NamedTuple):
    """A number over its units, or one for each of many tables: arrays (...).

    `n` counts the units, members for pairs, 0 where nothing was sampled; `sd` is that between units
    (pseudo-values for pairs); the interval ends at the number itself where there is none. NaN: not defined.
    """

    ours: np.ndarray
    sd: np.ndarray
    n: int
    lower: np.ndarray
    upper: np.ndarray


def members_of(labels: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """Return the members of pairs (pairs, 2), numbered in the order of their first appearance."""
    names = {
        name: place for place, name in enumerate(dict.fromkeys(n for two in labels for n in two))
    }
    return np.array([[names[one] for one in label] for label in labels])


def units(compiled: Compiled, claim: Claim) -> int:
    """Return how many units were sampled: members where the rows are pairs."""
    if not claim.over:
        return 0
    if claim.over[0].other is not None:
        return int(members_of(compiled.labels).max()) + 1
    return len(compiled.labels)


def estimate(claim: Claim, compiled: Compiled, cells: np.ndarray) -> Estimate:
    """Return the claim's number and interval.

    Parameters
    ----------
    claim
        What is made of the numbers.
    compiled
        Its formula and units.
    cells : array of shape (..., units, cells)
        The table's own, or simulated ones.
    """
    n = units(compiled, claim)
    numbers = compiled.formula(cells)
    if claim.as_ == "sign-flip p":
        p = _sign_flips(numbers)
        return Estimate(p, np.full_like(p, np.nan), n, p, p)
    if claim.as_ == "cohens d":
        return _cohens_d(cells, n)
    pairs = bool(claim.over) and claim.over[0].other is not None
    if pairs and n >= 3:
        mean = numbers.mean(axis=-1)
        numbers = jackknifed(numbers, members_of(compiled.labels))
    else:
        mean = numbers.mean(axis=-1)
    if n < 2 or numbers.shape[-1] < 2:  # two members are one pair
        nan = np.full_like(mean, np.nan)
        return Estimate(mean, nan, n, *((mean, mean) if claim.exact else (nan, nan)))
    sd = numbers.std(axis=-1, ddof=1)
    if compiled.relative is not None and not pairs:
        at = compiled.relative
        lower, upper = fieller_interval(cells[..., at.start], cells[..., at.end], LEVEL)
        return Estimate(mean, sd, n, lower - at.less, upper - at.less)
    bad = np.asarray(~np.isfinite(numbers).all(axis=-1))
    lower, upper = t_interval(np.where(bad[..., None], 0.0, numbers), LEVEL)
    blank = np.where(bad, np.nan, 0.0)
    return Estimate(mean, sd, n, lower + blank, upper + blank)


def _sign_flips(differences: np.ndarray) -> np.ndarray:
    """One-sided p of `to` lying above `from`; a fall is tested by naming them the other way."""
    if differences.ndim == 1:
        return np.asarray(sign_flip(differences, "greater"))
    return sign_flips(differences)


def _cohens_d(cells: np.ndarray, n: int) -> Estimate:
    """Cohen's d of two groups of units, pooled s.d.; interval from the non-central t.

    The ends of the interval rise with d: of many d they are read off a fine curve.
    """
    start, end = cells[..., 0], cells[..., 1]
    if n < 2:
        nan = np.full(start.shape[:-1], np.nan)
        return Estimate(nan, nan, n, nan, nan)
    pooled = np.sqrt((start.var(axis=-1, ddof=1) + end.var(axis=-1, ddof=1)) / 2)
    gap = end.mean(axis=-1) - start.mean(axis=-1)
    flat = pooled <= 1e-14 * np.abs(gap)
    d = np.where(flat, np.nan, gap / np.where(flat, 1.0, pooled))
    nan = np.full_like(d, np.nan)
    if d.ndim == 0:
        if flat:
            return Estimate(d, nan, n, nan, nan)
        lower, upper = cohens_d_interval(float(d), n, LEVEL)
        return Estimate(d, nan, n, np.asarray(lower), np.asarray(upper))
    known = np.linspace(np.nanmin(d), np.nanmax(d), 129)
    ends = np.array([cohens_d_interval(float(one), n, LEVEL) for one in known])
    lower, upper = (np.interp(d, known, ends[:, side]) for side in (0, 1))
    return Estimate(d, nan, n, lower, upper)


def smallest_p(n: int) -> float:
    """Return the smallest p value of a one-sided sign-flip test of n units."""
    if n > MOST_FLIPPED:
        raise StudyError(f"an exact sign-flip test goes up to {MOST_FLIPPED} units, found {n}")
    return 2.0**-n
