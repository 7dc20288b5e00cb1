"""Exact transport between uniform masses: assignment at equal widths, else the network simplex.

All masses are uniform, and every plan's masses sum to 1.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

from replicortex.analysis.screening import FLOAT32, screened
from replicortex.core.errors import StudyError

MARGINAL_TOLERANCE = 1e-10
ITERATIONS = 10_000_000  # of the network simplex
# Arcs from which few of them are sought first. Measured: at 256 x 384 (square, 768 x 768) half the time.
MANY = 1 << 16
MANY_SQUARE = 1 << 19


def check_marginals(plan: csr_array | np.ndarray) -> None:
    """Check that a plan is non-negative, each row carries 1/n and each column 1/m.

    Raises
    ------
    ArithmeticError
        Naming the largest deviation, when it exceeds 1e-10.
    """
    n, m = plan.shape
    rows, columns = np.asarray(plan.sum(axis=1)), np.asarray(plan.sum(axis=0))
    off = max(np.abs(rows - 1 / n).max(), np.abs(columns - 1 / m).max())
    if not off <= MARGINAL_TOLERANCE or plan.min() < 0:
        raise ArithmeticError(f"transport plan: marginals are off by {off:.3g}, or masses negative")


def transport(cost: np.ndarray, *, iterations: int = ITERATIONS) -> tuple[csr_array, float]:
    """Solve one transport problem with uniform masses exactly.

    Equal widths are an assignment, all else goes to the network simplex; of many arcs the few that an
    optimal plan may use are found first (`screening`), which changes no cost. The simplex stops at gains
    below a fixed size, so costs are moved and scaled to [0, 1) first, which changes no plan: costs in
    any unit are solved to the same relative accuracy.

    Parameters
    ----------
    cost
        (n, m), finite.
    iterations
        Cap of the network simplex.

    Returns
    -------
    The plan, (n, m) with masses summing to 1, and its cost: the sum of cost times mass.

    Raises
    ------
    StudyError
        When a cost is not finite, or the simplex hits its cap before the optimum.
    """
    cost = np.asarray(cost, dtype=np.float64)
    if cost.ndim != 2 or 0 in cost.shape:
        raise StudyError(f"transport: a cost of shape {cost.shape} is given, (n, m) expected")
    if not np.isfinite(cost).all():
        raise StudyError("transport: the costs hold NaN or infinite values")
    n, m = cost.shape
    scaled = _scaled(cost)
    found = None
    if n * m >= (MANY_SQUARE if n == m else MANY):
        found = screened(
            scaled.astype(np.float32), FLOAT32, lambda i, j: scaled[i, j], iterations=iterations
        )
    if found is not None:
        plan = found[0]
    elif n == m:
        plan = csr_array((np.full(n, 1 / n), linear_sum_assignment(scaled)), shape=(n, m))
    else:
        plan = csr_array(_simplex(scaled, iterations))
    check_marginals(plan)
    return plan, total_cost(cost, plan)


def _scaled(cost: np.ndarray) -> np.ndarray:
    """Return costs less the lowest, over a power of two that leaves them below 1."""
    # By the size first: the difference of the highest and the lowest might overflow.
    cost = np.ldexp(cost, -np.frexp(np.abs(cost).max())[1])
    cost -= cost.min()
    scaled: np.ndarray = np.ldexp(cost, -np.frexp(cost.max())[1])
    return scaled


def total_cost(cost: np.ndarray, plan: csr_array) -> float:
    """Return what a plan (n, m) costs, in the unit of the cost (n, m): mass times cost, summed."""
    entries = plan.tocoo()
    return float(np.dot(cost[entries.row, entries.col], entries.data))


def _simplex(cost: np.ndarray, iterations: int) -> np.ndarray:
    """Return the plan (n, m) of the network simplex, masses 1/n and 1/m; Bonneel et al. (2011), by POT.

    Raises
    ------
    StudyError
        When it does not finish.
    """
    import ot

    n, m = cost.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the log tells the same, and is an error below
        plan: np.ndarray
        plan, log = ot.emd(
            np.full(n, 1 / n), np.full(m, 1 / m), cost, numItermax=iterations, log=True
        )
    if log["warning"] is not None:
        raise StudyError(
            f"transport: the network simplex did not finish a problem of {n} x {m} units within "
            f"{iterations} iterations ({log['warning']}); raise the cap"
        )
    return plan
