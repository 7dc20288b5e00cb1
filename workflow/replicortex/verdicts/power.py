"""What a claim's design could find, and what a paper's verdicts would be worth by chance alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from replicortex.analysis.intervals import noncentral_t_cdf
from replicortex.verdicts.intervals import LEVEL, Estimate
from replicortex.verdicts.model import Claim

POWER = 0.8
MOST_UNITS = 10_000  # a design that needs more is told as this many


class Power(NamedTuple):
    """What a design can find.

    `detectable`: the number nearest to the boundary that would be found to lie beyond it with a power of
    80 %, at the observed spread and n (for `zero`, the smallest tolerance in which no effect would be
    found to lie). `needed`: units that would find the published number so.
    """

    detectable: float
    needed: float


NOTHING = Power(math.nan, math.nan)


@cache
def shift(n: int) -> float:
    """Return the distance from the boundary, in standard errors, that n units find with 80 % power.

    The power of "the t-interval lies beyond" is that of the one-sided t-test at half its level.
    """
    freedom = n - 1
    bound = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    if freedom < 2:
        return math.inf

    def missing(distance: float) -> float:
        return 1 - noncentral_t_cdf(bound, freedom, distance) - POWER

    return float(brentq(missing, 0, 4 * bound + 10))


@cache
def tolerance(n: int) -> float:
    """Return the tolerance, in standard errors, within which n units would find no effect to lie.

    P(|mean| + t s <= w) averaged over the spread that n units may show.
    """
    freedom = n - 1
    if freedom < 2:
        return math.inf
    bound = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    law = stats.chi(freedom, scale=1 / math.sqrt(freedom))
    spread = np.linspace(law.ppf(1e-9), law.isf(1e-9), 2001)
    weight = law.pdf(spread)

    def missing(width: float) -> float:
        room = np.clip(width - bound * spread, 0, None)
        inside = 2 * stats.norm.cdf(room) - 1
        return float(np.trapezoid(weight * inside, spread)) - POWER

    return float(brentq(missing, 0, 8 * bound + 20))


def of_units(claim: Claim, sd: float, n: int) -> Power:
    """Return the power of a design over units: their spread, and how many there are.

    Parameters
    ----------
    sd
        Between units, in the unit of the claim.
    n
        Units, members for pairs.
    """
    if claim.as_ in ("sign-flip p", "cohens d") or n < 3 or not math.isfinite(sd):
        return NOTHING
    error = sd / math.sqrt(n)
    if claim.verdict.direction == "zero":
        return Power(tolerance(n) * error, _needed(claim.verdict.within or 0.0, sd, tolerance))
    reach = claim.boundary + _sign(claim) * shift(n) * error
    return Power(reach, _needed(_published_distance(claim), sd, shift))


def of_interval(claim: Claim, lower: float, upper: float) -> Power:
    """Return the power of a table's own interval, taken as a normal's; units are not known."""
    error = (upper - lower) / (2 * stats.norm.ppf((1 + LEVEL) / 2))
    factor = float(stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(POWER))
    if not math.isfinite(error) or claim.verdict.direction == "zero":
        return NOTHING
    return Power(claim.boundary + _sign(claim) * factor * float(error), math.nan)


def _sign(claim: Claim) -> int:
    return 1 if claim.verdict.direction == "positive" else -1


def _published_distance(claim: Claim) -> float:
    """Return how far beyond the boundary the published number lies; NaN where it is open or short."""
    if claim.published is None:
        return math.nan
    ends = [end for end in (claim.published.low, claim.published.high) if math.isfinite(end)]
    sign = _sign(claim)
    nearest = min((sign * (end - claim.boundary) for end in ends), default=math.nan)
    return nearest if nearest > 0 else math.nan


def _needed(distance: float, sd: float, standard: Callable[[int], float]) -> float:
    """Return how many units find a distance with 80 % power; NaN where there is none.

    `standard`: the distance that so many units find, in standard errors.
    """
    if not distance > 0:
        return math.nan
    if sd == 0:
        return 3

    def found(n: int) -> bool:
        return standard(n) * sd / math.sqrt(n) <= distance

    if not found(MOST_UNITS):
        return MOST_UNITS
    low, high = 2, MOST_UNITS  # fewer than 3 are never judged
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high


def p_value(claim: Claim, estimate: Estimate) -> float:
    """Return the one-sided p of the claim against its boundary; NaN where nothing was sampled.

    For an equivalence, the larger p of the two one-sided tests (Schuirmann 1987).
    """
    ours, sd, n = float(estimate.ours), float(estimate.sd), estimate.n
    if claim.as_ == "sign-flip p":
        return ours
    lower, upper = float(estimate.lower), float(estimate.upper)
    if claim.exact or not math.isfinite(lower) or not math.isfinite(upper):
        return math.nan
    if math.isfinite(sd) and n >= 2:
        error, law = sd / math.sqrt(n), stats.t(n - 1)
    else:
        error, law = (upper - lower) / (2 * stats.norm.ppf((1 + LEVEL) / 2)), stats.norm
    if claim.verdict.direction == "zero":
        edge = (claim.verdict.within or 0.0) - abs(ours - claim.nothing)
    else:
        edge = ours - claim.boundary
        edge = edge if claim.verdict.direction == "positive" else -edge
    if error == 0:
        return 0.0 if edge > 0 else 1.0
    return float(law.sf(edge / error))


def benjamini_hochberg(p: Sequence[float]) -> np.ndarray:
    """Return adjusted p values (n,) of tests with p (n,); NaN stay and are not counted."""
    values = np.asarray(p, dtype=float)
    found = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    if len(known):
        found[known] = stats.false_discovery_control(values[known])
    return found
