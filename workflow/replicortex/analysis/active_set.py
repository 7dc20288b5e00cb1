"""Least squares with a sparse or positive solution, compiled: many targets on one Gram matrix.

Coordinate descent finds most of each target's support; from there whole sets of coordinates change
sides until the conditions of optimality hold (block principal pivoting, Kim and Park 2011), and the
weights are solved for exactly.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numpy as np
from numba import types
from numba.extending import get_cython_function_address

from replicortex.analysis.compiled import compiled

_pointer: Any = types.CPointer
_INT, _REAL = _pointer(types.int32), _pointer(types.float64)
# LAPACK's Cholesky solver, by SciPy's own pointer, under a name that compiled code may keep.
llvmlite.binding.add_symbol(
    "replicortex_dposv", get_cython_function_address("scipy.linalg.cython_lapack", "dposv")
)
_dposv: Any = types.ExternalFunction(
    "replicortex_dposv",
    types.void(_pointer(types.uint8), _INT, _INT, _REAL, _INT, _REAL, _INT, _INT),
)


@compiled
def _slopes(
    gram: np.ndarray, cross: np.ndarray, l2: float, weights: np.ndarray, slope: np.ndarray
) -> None:
    """Fill in the descent direction of the smooth part: cross - (gram + l2) weights."""
    for i in range(len(cross)):
        slope[i] = cross[i] - l2 * weights[i]
    for j in range(len(cross)):
        if weights[j] != 0:
            weight, row = weights[j], gram[j]
            for i in range(len(cross)):
                slope[i] -= row[i] * weight


@compiled
def _violation(slope: np.ndarray, weights: np.ndarray, l1: float, positive: bool) -> float:
    """Return the largest violation of the conditions, as `encoding.violation` does for many."""
    worst = 0.0
    for j in range(len(weights)):
        if weights[j] != 0:
            worst = max(worst, abs(slope[j] - l1 * np.sign(weights[j])))
        else:
            worst = max(worst, (slope[j] if positive else abs(slope[j])) - l1)
    return worst


@compiled
def _sweep(
    gram: np.ndarray,
    l1: float,
    l2: float,
    positive: bool,
    weights: np.ndarray,
    slope: np.ndarray,
) -> tuple[float, int]:
    """Minimise over each coordinate in turn; return the largest change of slope, and of signs."""
    largest, changed = 0.0, 0
    for j in range(len(weights)):
        steep, old, new = gram[j, j] + l2, weights[j], 0.0
        if steep > 0:
            pull = slope[j] + steep * old
            if pull > l1:
                new = (pull - l1) / steep
            elif pull < -l1 and not positive:
                new = (pull + l1) / steep
        if new != old:
            step, row = new - old, gram[j]
            weights[j] = new
            for i in range(len(weights)):
                slope[i] -= row[i] * step
            slope[j] -= l2 * step
            largest = max(largest, abs(step) * steep)
            changed += np.sign(new) != np.sign(old)
    return largest, changed


@compiled
def _pivot(
    gram: np.ndarray,
    cross: np.ndarray,
    l1: float,
    l2: float,
    positive: bool,
    weights: np.ndarray,
    slope: np.ndarray,
    bound: float,
    rounds: int,
    inner: np.ndarray,
) -> None:
    """Solve exactly on the support, exchanging coordinates; nothing changes where that cycles.

    All coordinates whose sign is wrong, or that violate their condition at 0, change sides at once;
    if their number does not fall, the last of them alone. `inner` is room for a support's matrix.
    """
    count = len(weights)
    sign, wrong = np.sign(weights), np.empty(count, np.bool_)
    trial, trial_slope, solved = np.empty(count), np.empty(count), np.empty(count)
    support = np.empty(count, np.int64)
    upper, one = np.full(1, ord("U"), np.uint8), np.ones(1, np.int32)
    order, failed = np.empty(1, np.int32), np.zeros(1, np.int32)
    fewest, patience = count + 1, 3
    for _ in range(rounds):
        size = 0
        for j in range(count):
            trial[j] = 0.0
            if sign[j] != 0:
                support[size] = j
                size += 1
        if size:
            # The lower half by rows is the upper half by columns, which is LAPACK's order.
            for a in range(size):
                row = gram[support[a]]
                for b in range(a + 1):
                    inner[a * size + b] = row[support[b]]
                inner[a * size + a] += l2
                solved[a] = cross[support[a]] - l1 * sign[support[a]]
            order[0] = size
            _dposv(
                upper.ctypes,
                order.ctypes,
                one.ctypes,
                inner.ctypes,
                order.ctypes,
                solved.ctypes,
                order.ctypes,
                failed.ctypes,
            )
            if failed[0] != 0:
                return
            for a in range(size):
                trial[support[a]] = solved[a]
        _slopes(gram, cross, l2, trial, trial_slope)
        many, last = 0, -1
        for j in range(count):
            if sign[j] != 0:
                wrong[j] = trial[j] * sign[j] < 0 and (positive or l1 > 0)
            else:
                reach = trial_slope[j] if positive else abs(trial_slope[j])
                wrong[j] = reach > l1 + bound
            if wrong[j]:
                many += 1
                last = j
        if many == 0:
            weights[:], slope[:] = trial, trial_slope
            return
        alone = False
        if many < fewest:
            fewest, patience = many, 3
        elif patience:
            patience -= 1
        else:
            alone = True
        for j in range(count):
            if wrong[j] and (j == last or not alone):
                sign[j] = 0.0 if sign[j] != 0 else np.sign(trial_slope[j])


@compiled
def solve(
    gram: np.ndarray,
    cross: np.ndarray,
    l1: float,
    l2: float,
    positive: bool,
    weights: np.ndarray,
    bounds: np.ndarray,
    sweeps: int,
    rounds: int,
    stalled: int,
) -> int:
    """Minimise w'Gw/2 - c'w + l1 |w|_1 + l2 |w|^2 / 2 for each target, from the weights given.

    A target's weights do not depend on the other targets. Signed, or at least 0.

    Parameters
    ----------
    gram, cross
        (units, units), C-ordered, and (targets, units).
    weights
        (targets, units), C-ordered: the start, and then the solution.
    bounds
        (targets,): the largest violation of the conditions.
    sweeps, rounds, stalled
        Sweeps over the coordinates before the first exact solution, sooner where a sweep changes no
        sign, and twice as many before each further one; exchanges in an exact solution; sweeps in all.

    Returns
    -------
    How many targets are still above their bound.
    """
    targets, units = cross.shape
    slope, inner = np.empty(units), np.empty(units * units)
    unsolved = 0
    for v in range(targets):
        w, c, bound = weights[v], cross[v], bounds[v]
        _slopes(gram, c, l2, w, slope)
        done = _violation(slope, w, l1, positive) <= bound
        spent, batch = 0, sweeps
        while not done and spent < stalled:
            largest = np.inf
            for _ in range(min(batch, stalled - spent)):
                largest, changed = _sweep(gram, l1, l2, positive, w, slope)
                spent += 1
                if largest <= bound or (changed == 0 and batch == sweeps):
                    break
            if largest <= bound:  # of slopes that many steps have changed
                _slopes(gram, c, l2, w, slope)
                done = _violation(slope, w, l1, positive) <= bound
            if not done:
                _pivot(gram, c, l1, l2, positive, w, slope, bound, rounds, inner)
                done = _violation(slope, w, l1, positive) <= bound
            batch *= 2
        unsolved += not done
    return unsolved
