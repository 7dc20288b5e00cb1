"""From intervals to verdicts: direction and size, two answers.

Direction: the interval of each unit lies beyond the claim's boundary, on its wrong side, or includes it.
Size (the paper's own data alone): ours lies within the paper's prediction interval where its n and
spread are known, else within the stated tolerance. On other data size is shown and decides nothing.

- *replicated*; *replicated, smaller*; *replicated, larger*: beyond the boundary, and the size;
- *contradicted*: on the wrong side of the threshold;
- *excludes the published size*: neither, but the published number lies outside the interval;
- *cannot tell*: the interval includes both;
- controls: *holds*, *does not hold* (the interval ends short of the boundary), *cannot tell*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from replicortex.verdicts.intervals import LEVEL
from replicortex.verdicts.model import Claim
from replicortex.verdicts.words import (
    CANNOT_TELL,
    CONTRADICTED,
    DOES_NOT_HOLD,
    EXCLUDES,
    HOLDS,
    LARGER,
    ORDER,
    REPLICATED,
    SMALLER,
)


class Interval(NamedTuple):
    """An interval over one unit: arrays (...)."""

    lower: Any
    upper: Any


def predicted(claim: Claim, n: int) -> tuple[float, float]:
    """Return the 95 % prediction interval of our mean over n units; NaN where the paper gives no spread.

    Spence and Stanley 2016: published mean +- t s sqrt(1/n + 1/n_published), on the paper's own spread
    and degrees of freedom; Patil et al. 2016 do the same for a correlation.
    """
    published = claim.published
    named = {unit.name for unit in claim.over}
    if published is None or published.sd is None or not n or published.over not in named:
        return math.nan, math.nan
    count = published.n or 0
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * published.sd * math.sqrt(1 / n + 1 / count)
    return published.low - half, published.high + half


def sides(claim: Claim, intervals: Sequence[Interval]) -> np.ndarray:
    """Return where the intervals lie: 1 beyond the boundary, -1 on the wrong side, 0 neither, (...).

    With several units, all of them have to lie there.
    """
    found = np.stack([_side(claim, one) for one in intervals])
    return np.where((found > 0).all(axis=0), 1, np.where((found < 0).all(axis=0), -1, 0))


def _side(claim: Claim, interval: Interval) -> np.ndarray:
    """Return where an interval lies: 1 beyond the boundary, -1 on the wrong side, 0 neither, (...).

    With direction zero: 1 within the tolerance, -1 wholly outside of it.
    """
    lower, upper = (np.asarray(end, dtype=float) for end in interval)
    if claim.verdict.direction == "zero":
        within = float(claim.verdict.within or 0.0)
        low, high = lower - claim.nothing, upper - claim.nothing
        inside = _at_most(high, within) & _at_most(-low, within)
        outside = (low > within) | (high < -within)
        return np.where(inside, 1, np.where(outside, -1, 0))
    # An interval short of what matters denies a control; a published claim, when it lies on the wrong side.
    wrong = claim.boundary if claim.kind == "control" else claim.threshold
    boundary = claim.boundary
    if claim.verdict.direction == "negative":
        lower, upper, boundary, wrong = -upper, -lower, -boundary, -wrong
    beyond = lower > boundary
    if claim.exact:
        return np.where(np.isnan(lower), 0, np.where(beyond, 1, np.where(upper <= wrong, -1, 0)))
    return np.where(beyond, 1, np.where(upper < wrong, -1, 0))


def sizes(claim: Claim, ours: Any, n: int) -> np.ndarray:
    """Return how our number compares with the published one: 0 as published, -1 nearer to nothing, 1 beyond.

    Parameters
    ----------
    ours : array of shape (...)
    n
        Our units, for the prediction interval.
    """
    ours = np.asarray(ours, dtype=float)
    low, high = size_range(claim, n)
    tolerant = 1e-9 * max([1.0, *(abs(end) for end in (low, high) if math.isfinite(end))])
    if claim.published is None:
        return np.zeros(ours.shape, dtype=int)
    nearer = np.abs(ours - claim.nothing) < abs(_nearest_end(claim) - claim.nothing)
    missed = (ours < low - tolerant) | (ours > high + tolerant)
    return np.where(~missed, 0, np.where(nearer, -1, 1))


def size_range(claim: Claim, n: int) -> tuple[float, float]:
    """Return the range in which ours is as published: the prediction interval, else the tolerance."""
    if claim.published is None:
        return -math.inf, math.inf
    low, high = predicted(claim, n)
    if not math.isnan(low):
        return low, high
    within = claim.verdict.within
    within = math.inf if within is None else within
    return claim.published.low - within, claim.published.high + within


def _nearest_end(claim: Claim) -> float:
    """The end of the published range that is nearer to where nothing is, or the finite one."""
    assert claim.published is not None
    ends = [end for end in (claim.published.low, claim.published.high) if math.isfinite(end)]
    return min(ends, key=lambda end: abs(end - claim.nothing), default=claim.nothing)


def judge(claim: Claim, intervals: Sequence[Interval], ours: Any, n: int, same: bool) -> np.ndarray:
    """Return verdicts as places in `ORDER`, (...).

    Parameters
    ----------
    intervals
        One for each unit that the claim names; the number itself twice where nothing was sampled.
    ours : array of shape (...)
    n
        Number of our units.
    same
        Whether the data are the paper's own.
    """
    side = sides(claim, intervals)
    if claim.kind == "control":
        return _coded(side, HOLDS, CANNOT_TELL, DOES_NOT_HOLD)
    found = _coded(side, REPLICATED, CANNOT_TELL, CONTRADICTED)
    if claim.verdict.direction == "zero":
        return found
    if same:
        size = sizes(claim, ours, n)
        found = np.where((side > 0) & (size < 0), ORDER.index(SMALLER), found)
        found = np.where((side > 0) & (size > 0), ORDER.index(LARGER), found)
    return np.where((side == 0) & _excluded(claim, intervals), ORDER.index(EXCLUDES), found)


def _excluded(claim: Claim, intervals: Sequence[Interval]) -> np.ndarray:
    """Whether the published number lies outside the interval of every unit."""
    assert claim.published is not None
    if claim.exact or claim.as_ == "sign-flip p":
        return np.zeros(np.shape(intervals[0].lower), dtype=bool)
    low, high = claim.published.low, claim.published.high
    outside = [(np.asarray(one.upper) < low) | (np.asarray(one.lower) > high) for one in intervals]
    return np.asarray(np.stack(outside).all(axis=0))


def _coded(side: np.ndarray, good: str, unsure: str, bad: str) -> np.ndarray:
    codes = [ORDER.index(word) for word in (good, unsure, bad)]
    return np.where(side > 0, codes[0], np.where(side < 0, codes[2], codes[1]))


def _at_most(value: np.ndarray, limit: float) -> np.ndarray:
    """`value <= limit`, where 0.9 - 0.75 counts as 0.15."""
    return np.asarray((value <= limit) | np.isclose(value, limit, rtol=1e-9, atol=0))


def reason(claim: Claim, intervals: Sequence[Interval], verdict: str, ours: float, n: int) -> str:
    """Return why, in one sentence: interval and boundary, then the size."""
    where = [
        _where(claim, one, name)
        for one, name in zip(intervals, _names(claim, len(intervals)), strict=True)
    ]
    said = "; ".join(where)
    if verdict in (SMALLER, LARGER, REPLICATED) and claim.verdict.direction != "zero":
        low, high = size_range(claim, n)
        if math.isfinite(low) or math.isfinite(high):
            how = "predicted" if not math.isnan(predicted(claim, n)[0]) else "tolerated"
            kind = "within" if verdict == REPLICATED else "outside"
            said += f"; {kind} the {how} [{low:.3g}, {high:.3g}]"
    if verdict == EXCLUDES and claim.published is not None:
        said += f", and excludes the published {claim.published.text()}"
    return said


def _names(claim: Claim, count: int) -> list[str]:
    return [f" over {unit.name}" for unit in claim.over] if count > 1 else [""] * count


def _where(claim: Claim, interval: Interval, name: str) -> str:
    """Return in words where an interval, or an exact number, lies; `name` is that of its unit."""
    lower, upper = float(interval.lower), float(interval.upper)
    what = f"{lower:.3g}" if claim.exact else f"[{lower:.3g}, {upper:.3g}]{name}"
    side = int(_side(claim, interval))
    if claim.verdict.direction == "zero":
        word = {1: "lies within", 0: "reaches beyond", -1: "lies outside"}[side]
        return f"{what} {word} {claim.nothing:.3g} ± {claim.verdict.within:.3g}"
    positive = claim.verdict.direction == "positive"
    beyond, short = ("above", "below") if positive else ("below", "above")
    if side > 0:
        return f"{what} lies {beyond} {claim.boundary:.3g}"
    if side < 0:
        wrong = claim.boundary if claim.kind == "control" else claim.threshold
        word = f"is not {beyond}" if claim.exact else f"lies {short}"
        return f"{what} {word} {wrong:.3g}"
    return f"{what} does not lie {beyond} {claim.boundary:.3g}"
