"""How often a claim's own rule would give each verdict, on tables whose truth is known.

Tables of a claim are drawn unit by unit from a normal law with the observed covariance of the cells
that its measure reads, so that pairing and shared pairs stay, and centred so that its number is, on
average, at the boundary of the claim (the truth in which "met" is wrong, but hardest to tell) or
at the published number. Measure, interval and verdict are the code that judges the tables.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from replicortex.verdicts.intervals import estimate, members_of, units
from replicortex.verdicts.measure import Compiled
from replicortex.verdicts.model import Claim
from replicortex.verdicts.verdict import Interval, judge
from replicortex.verdicts.words import MET, MIN_UNITS, NONE, ORDER

DRAWS = 2000
MANY = 4096  # units from which the centre of a number that is not linear is found
LIMIT = {"positive": 0.025, "negative": 0.025, "zero": 0.05}  # rate of "met" where it is wrong
CONFIDENCE = 0.95  # over all claims of a paper
RATES = tuple(word for word in ORDER if word not in NONE)
COLUMNS = (
    *("paper", "id", "over", "n", "draws", "boundary", "met_at_boundary", "lower", "upper"),
    *("limit", "calibrated", "reason", "published"),
    *(f"{word} at published" for word in RATES),
)


def calibration(
    claim: Claim, compiled: Compiled | str, same: bool, claims: int, draws: int = DRAWS
) -> dict[str, Any]:
    """Return one row of the calibration table (`COLUMNS` without "paper").

    Parameters
    ----------
    claim
        The claim, judged by its first unit.
    compiled
        Its cells, or why there are none.
    same
        Whether the data are the paper's own.
    claims
        Number of claims over which the exact binomial bound is Bonferroni's.
    draws
        Tables for each truth.
    """
    row: dict[str, Any] = {
        "id": claim.id,
        "over": claim.over[0].name if claim.over else "",
        "boundary": _truth(claim),
        "limit": limit(claim),
        "calibrated": "not calibrated",
    }
    why = compiled if isinstance(compiled, str) else _why_not(claim, compiled)
    if why or isinstance(compiled, str):
        return {**row, "reason": why}
    row["n"] = units(compiled, claim)
    codes = simulated(claim, compiled, _truth(claim), same, draws, "boundary")
    if codes is None:
        return {**row, "reason": "no table of this spread has its number at the boundary"}
    met = int(np.isin(codes, [ORDER.index(word) for word in MET]).sum())
    lower, upper = binomial_bounds(met, draws, 1 - (1 - CONFIDENCE) / max(claims, 1))
    row |= {"draws": draws, "met_at_boundary": met / draws, "lower": lower, "upper": upper}
    row["calibrated"] = "no" if lower > limit(claim) else "yes"
    published = _published(claim)
    if published is not None:
        found = simulated(claim, compiled, published, same, draws, "published")
        if found is not None:
            row["published"] = published
            row |= {
                f"{word} at published": float((found == ORDER.index(word)).mean()) for word in RATES
            }
    return row


def limit(claim: Claim) -> float:
    """Return the largest rate of "met" that a claim's rule may have at its boundary.

    That of a p value is its threshold.
    """
    return claim.threshold if claim.as_ == "sign-flip p" else LIMIT[claim.verdict.direction]


def _truth(claim: Claim) -> float:
    """Return the number at which "met" would be wrong: the boundary, or the edge of the tolerance."""
    if claim.as_ == "sign-flip p":
        return 0.0  # of the differences
    if claim.verdict.direction == "zero":
        return claim.nothing + (claim.verdict.within or 0.0)
    return claim.boundary


def _published(claim: Claim) -> float | None:
    if claim.published is None or claim.as_ == "sign-flip p":
        return None
    low, high = claim.published.low, claim.published.high
    if math.isfinite(low) and math.isfinite(high):
        return (low + high) / 2
    return next((end for end in (low, high) if math.isfinite(end)), None)


def _why_not(claim: Claim, compiled: Compiled) -> str:
    """Return why a claim cannot be simulated from its own cells, in words; "" when it can."""
    n = units(compiled, claim)
    if not claim.over:
        return "an exact number: nothing was sampled"
    if n < MIN_UNITS:
        return f"{n} units"
    if claim.as_ == "sign-flip p" and n > 12:
        return f"a sign-flip test of {n} units is not simulated"
    spread = compiled.formula(compiled.cells)
    if not np.isfinite(spread).all():
        return "its number is not defined in every unit"
    least = 1e-9 * max(float(np.abs(spread).max()), abs(_truth(claim)))  # less is rounding
    if np.ptp(compiled.cells, axis=0).max() == 0 or np.ptp(spread) <= least:
        return "its units do not differ at all"
    return ""


def binomial_bounds(count: int, draws: int, confidence: float) -> tuple[float, float]:
    """Return the exact (Clopper and Pearson 1934) one-sided bounds of a rate, each at a confidence."""
    tail = 1 - confidence
    lower = float(stats.beta.ppf(tail, count, draws - count + 1)) if count else 0.0
    upper = float(stats.beta.isf(tail, count + 1, draws - count)) if count < draws else 1.0
    return lower, upper


def simulated(
    claim: Claim, compiled: Compiled, truth: float, same: bool, draws: int, which: str
) -> np.ndarray | None:
    """Return the verdicts (draws,) on tables whose number is, on average, the truth; None if none is."""
    stream = np.random.default_rng(_seed(claim.id, which))
    if compiled.counts:
        if not 0 < truth < 1:
            return None
        cells = (stream.random((draws, *compiled.cells.shape)) < truth).astype(float)
    else:
        centre = _centre(claim, compiled, truth, stream)
        if centre is None:
            return None
        cells = centre + _noise(claim, compiled, draws, stream)
    found = estimate(claim, compiled, cells)
    interval = Interval(found.lower, found.upper)
    return judge(claim, [interval] * max(len(claim.over), 1), found.ours, found.n, same)


def _seed(name: str, which: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{name} {which}".encode()).digest()[:8], "big")


def _noise(claim: Claim, compiled: Compiled, draws: int, stream: np.random.Generator) -> np.ndarray:
    """Return deviations from the centre, (draws, units, cells), with the covariance of the units."""
    root = _root(compiled.cells)
    n = len(compiled.cells)
    if claim.over[0].other is None:
        return np.asarray(stream.standard_normal((draws, n, root.shape[0])) @ root)
    # A pair's deviation is that of its two members and one of its own, as far as the pairs tell them apart.
    members = members_of(compiled.labels)
    shared, own = pair_variances(compiled.formula(compiled.cells), members)
    count = int(members.max()) + 1
    of_members = math.sqrt(shared) * stream.standard_normal((draws, count, root.shape[0]))
    of_pairs = math.sqrt(own) * stream.standard_normal((draws, n, root.shape[0]))
    whole = of_members[:, members].sum(axis=2) + of_pairs
    return np.asarray((whole / math.sqrt(2 * shared + own)) @ root)


def pair_variances(numbers: np.ndarray, members: np.ndarray) -> tuple[float, float]:
    """Return the variance of a member and that of a pair itself, of numbers (pairs,) with members (pairs, 2).

    By the moments of squared differences: pairs that share a member differ by less. With three members
    every two pairs share one, and all is given to the members: that makes means vary most.
    """
    gaps = (numbers[:, None] - numbers[None, :]) ** 2 / 2
    sharing = (members[:, None, :, None] == members[None, :, None, :]).any(axis=(2, 3))
    upper = np.triu(np.ones_like(sharing), 1).astype(bool)
    with_one = gaps[upper & sharing].mean()
    if not (upper & ~sharing).any():
        return float(with_one), 0.0
    without = gaps[upper & ~sharing].mean()
    shared = max(0.0, min(float(without - with_one), float(with_one)))
    return shared, max(0.0, float(with_one) - shared)


def _root(cells: np.ndarray) -> np.ndarray:
    """Return R (k, k) with R' R the covariance of cells (units, k), of whatever rank."""
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(cells, rowvar=False, ddof=1)))
    return np.asarray(np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T)


def _centre(
    claim: Claim, compiled: Compiled, truth: float, stream: np.random.Generator
) -> np.ndarray | None:
    """Return the mean of the cells (cells,) at which the claim's number is the truth."""
    means = np.asarray(compiled.cells.mean(axis=0))
    moved = compiled.moved.astype(float)
    if claim.as_ == "cohens d":
        pooled = math.sqrt(float(compiled.cells.var(axis=0, ddof=1).mean()))
        return np.asarray(means + moved * (truth * pooled - float(means[1] - means[0])))
    if ratio := compiled.relative:  # of the means, so that no search is needed
        missing = (truth + ratio.less) * float(means[ratio.start]) - float(means[ratio.end])
        return np.asarray(means + moved * missing) if means[ratio.start] > 0 else None
    noise = stream.standard_normal((MANY, len(means))) @ _root(compiled.cells)
    noise = np.concatenate([noise, -noise])  # no mean of its own

    def gap(shift: float) -> float:
        values = compiled.formula(means + shift * moved + noise)
        return float(np.nanmean(values)) - truth

    at, step = gap(0.0), gap(1.0) - gap(0.0)
    if not math.isfinite(at) or not math.isfinite(step) or step == 0:
        return None
    guess = -at / step
    if abs(gap(guess)) <= 1e-9 * max(1.0, abs(truth)):
        return np.asarray(means + guess * moved)
    reach = 2 * abs(guess) + float(np.abs(compiled.cells).max()) + 1e-9
    for _ in range(20):
        if gap(-reach) * gap(reach) < 0:
            return np.asarray(means + float(brentq(gap, -reach, reach, xtol=1e-12)) * moved)
        reach *= 2
    return None
