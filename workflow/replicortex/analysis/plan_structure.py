"""How orderly a plan between layers is: depth correlation, trace, hubness, with chance levels."""

from __future__ import annotations

import numpy as np

from replicortex.analysis.optimal_transport import solve
from replicortex.errors import StudyError
from replicortex.randomness import generator


def depth_correlation(plan: np.ndarray) -> float:
    """Return the Pearson correlation of relative source and target depth, weighted by the plan.

    NaN where one system has a single layer.
    """
    plan = np.asarray(plan, dtype=np.float64)
    if min(plan.shape) < 2:
        return float("nan")
    share = plan / plan.sum()
    rows, columns = (np.linspace(0, 1, n) for n in plan.shape)
    row = rows - share.sum(1) @ rows
    column = columns - share.sum(0) @ columns
    spread = (share.sum(1) @ row**2) * (share.sum(0) @ column**2)
    return float(row @ share @ column / np.sqrt(spread)) if spread > 0 else float("nan")


def depth_null(n: int, m: int, draws: int, seed: int) -> np.ndarray:
    """Return depth correlations (draws,) of optimal plans under random uniform costs (n, m)."""
    random = generator(seed, "depth null", n, m)
    return np.array([depth_correlation(solve(random.random((n, m)))) for _ in range(draws)])


def trace(plan: np.ndarray) -> float:
    """Return the share of mass on the diagonal of a square plan; 1/n by chance."""
    if plan.shape[0] != plan.shape[1]:
        raise StudyError(f"trace: a square plan expected, found {plan.shape}")
    return float(np.trace(plan) / plan.sum())


def hubness(costs: np.ndarray) -> float:
    """Return the distinct target layers that are some layer's cheapest, over min(L, M)."""
    return len(np.unique(costs.argmin(1))) / min(costs.shape)
