"""Which units prefer one domain of images to every other."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy.stats import ttest_ind

from replicortex.core.errors import StudyError, nearest


class Localized(NamedTuple):
    """Per unit: passes every comparison, and mean t over the comparisons (NaN if constant)."""

    selective: np.ndarray
    t: np.ndarray


def benjamini_yekutieli(p: np.ndarray, q: float = 0.05) -> np.ndarray:
    """Return which of the p-values, (m,), are rejected at false discovery rate q.

    Benjamini and Yekutieli 2001, theorem 1.3: valid under any dependence. NaN is never rejected
    and does not count among the tests.
    """
    p = np.asarray(p, dtype=np.float64)
    if p.ndim != 1 or not 0 < q < 1 or ((p < 0) | (p > 1)).any():
        raise StudyError("false discovery rate: expected p-values in a row and 0 < q < 1")
    tested = np.flatnonzero(~np.isnan(p))
    rejected = np.zeros(len(p), dtype=bool)
    if not len(tested):
        return rejected
    m = len(tested)
    order = tested[np.argsort(p[tested], kind="stable")]
    bounds = q * np.arange(1, m + 1) / (m * (1 / np.arange(1, m + 1)).sum())
    below = np.flatnonzero(p[order] <= bounds)
    if len(below):
        rejected[order[: below[-1] + 1]] = True
    return rejected


def localize(
    activations: np.ndarray, domains: np.ndarray, target: str, q: float = 0.05
) -> Localized:
    """Compare the target domain with each other one, by t-tests with equal variances.

    A unit is selective when every comparison is significant (two-sided, Benjamini-Yekutieli over
    the units of that comparison) with the target's mean the larger. Constant units never are.

    Parameters
    ----------
    activations
        (images, units).
    domains
        (images,), a name each.
    target
        The preferred domain.

    Raises
    ------
    StudyError
        Shapes that do not fit, NaN, an unknown target, fewer than two domains or two images.
    """
    x = np.asarray(activations, dtype=np.float64)
    domains = np.asarray(domains)
    if x.ndim != 2 or domains.shape != (len(x),):
        raise StudyError(f"localizer: activations are {x.shape}, domains {domains.shape}")
    if not np.isfinite(x).all():
        bad = np.flatnonzero(~np.isfinite(x).all(0))[0]
        raise StudyError(f"localizer: unit {bad} has NaN or infinite activations")
    names = sorted(set(domains.tolist()))
    if target not in names:
        raise StudyError(f"localizer: domain '{target}' is unknown{nearest(target, names)}")
    if len(names) < 2 or min((domains == name).sum() for name in names) < 2:
        raise StudyError("localizer: at least two domains of at least two images are needed")
    live = np.ptp(x, axis=0) > 0
    passes = live.copy()
    scores = np.full((len(names) - 1, x.shape[1]), np.nan)
    wanted = x[domains == target][:, live]
    for row, other in enumerate(name for name in names if name != target):
        with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
            # Of a unit that gives one value to all images of a domain: the other domain's spread counts.
            warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
            found = ttest_ind(wanted, x[domains == other][:, live], axis=0)
        t = np.full(x.shape[1], np.nan)
        p = np.full(x.shape[1], np.nan)
        # A unit silent for both domains has no t: it does not prefer the target.
        t[live] = np.where(np.isnan(found.statistic), 0.0, found.statistic)
        p[live] = found.pvalue
        scores[row] = t
        passes &= benjamini_yekutieli(p, q) & (t > 0)
    t = np.full(x.shape[1], np.nan)
    t[live] = scores[:, live].mean(0)
    return Localized(passes, t)


class Chosen(NamedTuple):
    """Places of units by falling mean t, and the share of those asked for that pass every test."""

    units: np.ndarray
    passing: float


def top(found: Localized, count: int, *, fill: bool = False) -> Chosen:
    """Return up to `count` units, selective ones first, and the share of `count` that pass.

    Fewer pass than asked: those that pass are returned, or with `fill` the list goes on with the
    units of the next largest mean t.
    """
    if count < 1:
        raise StudyError(f"localizer: at least 1 unit is to be asked for, found {count}")
    order = np.lexsort((-np.nan_to_num(found.t, nan=-np.inf), ~found.selective))
    order = order[~np.isnan(found.t[order])]
    passing = min(count, int(found.selective.sum()))
    return Chosen(order[: count if fill else passing], passing / count)
