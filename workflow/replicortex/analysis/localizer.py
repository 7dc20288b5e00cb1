"""Category-selective units: a t-test against each other domain, all of which must pass."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from replicortex.errors import StudyError, nearest


class Localized(NamedTuple):
    """Selectivity of units for one domain."""

    passes: np.ndarray  # bool (units,): preferred over each other domain at the rate asked for
    mean_t: np.ndarray  # (units,): mean of t over the comparisons; constant units have -inf


def rejected(p: np.ndarray, q: float, method: Literal["by", "bh"] = "by") -> np.ndarray:
    """Return which p-values (n,) a false-discovery rate q rejects: Benjamini-Yekutieli or -Hochberg."""
    p = np.asarray(p, dtype=float)
    if np.isnan(p).any():
        raise StudyError("p-values: a value is NaN")
    if p.size == 0:
        return np.zeros(0, dtype=bool)
    order = np.argsort(p, kind="stable")
    ranks = np.arange(1, p.size + 1)
    strict = (1 / ranks).sum() if method == "by" else 1.0
    below = np.flatnonzero(p[order] <= q * ranks / (p.size * strict))
    found = np.zeros(p.size, dtype=bool)
    if below.size:
        found[order[: below[-1] + 1]] = True
    return found


def localize(
    activations: np.ndarray,
    domains: np.ndarray,
    target: str,
    *,
    q: float = 0.05,
    method: Literal["by", "bh"] = "by",
) -> Localized:
    """Test units (images, units) for a domain of images against each other domain.

    Two-sided two-sample t-tests of equal variance; false discoveries are bounded over the units of
    each comparison; a unit passes when every comparison is rejected with t > 0.

    Raises
    ------
    StudyError
        When the target is no domain, shapes do not fit, or an activation is not finite.
    """
    from scipy.stats import t as student

    X, domains = np.asarray(activations, dtype=float), np.asarray(domains)
    names = sorted(set(domains.tolist()))
    if target not in names:
        raise StudyError(f"localizer: no images of '{target}'{nearest(target, names)}")
    if X.ndim != 2 or len(X) != len(domains):
        raise StudyError(f"localizer: activations {X.shape} for {len(domains)} labelled images")
    if not np.isfinite(X).all():
        raise StudyError(f"localizer: {np.count_nonzero(~np.isfinite(X))} activations not finite")
    live = np.ptp(X, axis=0) > 0
    counts, means, squares = {}, {}, {}
    for name in names:
        part = X[domains == name]
        counts[name] = len(part)
        means[name] = part.mean(0)
        squares[name] = part.var(0) * len(part)
    passes, all_t = live.copy(), []
    for name in names:
        if name == target:
            continue
        n, m = counts[target], counts[name]
        if min(n, m) < 2:
            raise StudyError(f"localizer: '{name}' or '{target}' has fewer than 2 images")
        free = n + m - 2
        error = np.sqrt((squares[target] + squares[name]) / free * (1 / n + 1 / m))
        known = live & (error > 0)
        difference = means[target] - means[name]
        t = np.where(known, difference / np.where(known, error, 1), 0.0)
        p = 2 * student.sf(np.abs(t), free)
        passes &= known & rejected(p, q, method) & (t > 0)
        all_t.append(t)
    return Localized(passes, np.where(live, np.mean(all_t, axis=0), -np.inf))


def most_selective(found: Localized, count: int) -> tuple[np.ndarray, float]:
    """Return indices of the `count` best units by mean t, those that pass first, and the share that passes.

    Where fewer pass than were asked for, the next by mean t fill up, and the share says so.
    """
    live = np.isfinite(found.mean_t)
    if live.sum() < count:
        raise StudyError(f"localizer: asked for {count} units, only {live.sum()} ever change")
    order = np.lexsort((-found.mean_t, ~found.passes))[:count]
    return order, float(found.passes[order].mean())
