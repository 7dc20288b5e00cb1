"""Transport between uniform masses by few arcs, with proof that no other arc would lower its cost.

An optimal plan uses n + m - 1 of n m arcs. Potentials of entropic transport tell where they lie; the
network simplex solves the problem on some three times as many; its dual potentials then show that every
arc left out costs at least what it could save. Costs may be known roughly, to a stated error: exact
ones are asked for only where the error leaves a doubt.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix, csr_array

# None of these changes a result: they say where the search begins, and when it is given up.
ENTROPIC = 50  # units of entropy in the range of the costs; exp(-50) is a float32 still
SWEEPS = 15
ARCS = (2.5, 5.0, 10.0)  # per unit, for the first problem; the next where they carry no plan
REACH = 500  # arcs dearer than the potentials by less than a part of the range join the second
MOST = 1 / 8  # share of all arcs above which the whole problem is as cheap
ROUNDS = 12
CERTAIN = 1e-10  # of the range: duality gap and violation of a plan that counts as optimal
FLOAT32 = 2.0**-24  # relative error of rounding


class Solved(NamedTuple):
    """Flows, whole numbers, along arcs (rows and columns), and the potentials of all units."""

    flows: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    of_rows: np.ndarray
    of_columns: np.ndarray


def screened(
    rough: np.ndarray,
    error: float,
    exact: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    iterations: int,
) -> tuple[csr_array, float] | None:
    """Solve one transport problem with uniform masses on few of its arcs.

    Parameters
    ----------
    rough
        Costs, (n, m) float32, finite.
    error
        How far each of them may be off.
    exact
        Gives the costs of arcs (rows (k,), columns (k,)), float64.
    iterations
        Cap of each run of the network simplex.

    Returns
    -------
    The plan, (n, m) with masses summing to 1, multiples of 1 / lcm(n, m), and its cost; None where
    few arcs do not suffice (many ties, costs that differ by less than the error, or are further off).
    """
    n, m = rough.shape
    low, high = float(rough.min()), float(rough.max())
    spread = high - low
    if not spread > 0:
        return None
    left = np.empty_like(rough)  # costs less potentials: what a plan on an arc costs too much
    potentials = _entropic(rough, low, spread, left)
    if not all(np.isfinite(one).all() for one in potentials):
        return None
    _less(rough, *potentials, left)
    for share in ARCS:
        arcs = _first(left, share * (n + m))
        less = left.ravel()[arcs].astype(np.float64)
        solved = _solve(arcs, less, potentials, (n, m), iterations)
        if solved is not None:
            break
    known = np.zeros(n * m, dtype=bool)
    arcs, costs = np.empty(0, dtype=np.intp), np.empty(0)
    for _ in range(ROUNDS):
        if solved is None:
            return None
        potentials = solved.of_rows, solved.of_columns
        _less(rough, *potentials, left)
        largest = max(abs(low), abs(high), *(float(np.abs(one).max()) for one in potentials))
        doubt = error + 12 * FLOAT32 * largest  # of `left`: the costs' own, and three roundings
        reach = max(1.5 * doubt, spread / REACH)
        if len(arcs) and not (~known[np.flatnonzero(left < doubt)]).any():
            return _certified(arcs, costs, solved, CERTAIN * spread)
        new = np.flatnonzero(left < reach)
        new = new[~known[new]]
        if len(arcs) + len(new) > MOST * n * m:
            return None
        known[new] = True
        found = exact(*np.divmod(new, m))
        if np.abs(rough.ravel()[new] - found).max(initial=0) > error:
            return None
        arcs, costs = np.concatenate([arcs, new]), np.concatenate([costs, found])
        rows, columns = np.divmod(arcs, m)
        less = costs - potentials[0][rows] - potentials[1][columns]
        solved = _solve(arcs, less, potentials, (n, m), iterations)
    return None


def _entropic(
    rough: np.ndarray, low: float, spread: float, kernel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return potentials (n,) and (m,) after some sweeps of Sinkhorn's algorithm; fills `kernel`."""
    n, m = rough.shape
    unit = spread / ENTROPIC
    np.subtract(np.float32(low), rough, out=kernel)
    kernel *= np.float32(1 / unit)
    np.exp(kernel, out=kernel)
    columns = np.ones(m, dtype=np.float32)
    with np.errstate(all="ignore"):  # what is not finite is found out
        for _ in range(SWEEPS):
            rows = np.float32(1 / n) / (kernel @ columns)
            columns = np.float32(1 / m) / (rows @ kernel)
        return unit * np.log(rows.astype(np.float64)), unit * np.log(columns.astype(np.float64))


def _less(rough: np.ndarray, rows: np.ndarray, columns: np.ndarray, left: np.ndarray) -> None:
    """Fill `left` with costs less the potentials."""
    np.subtract(rough, rows.astype(np.float32)[:, None], out=left)
    np.subtract(left, columns.astype(np.float32), out=left)


def _first(left: np.ndarray, count: float) -> np.ndarray:
    """Return about so many arcs, those of least cost, and one at least of each row and column."""
    flat = left.ravel()
    sample = flat[:: max(1, flat.size // 20_000) | 1]  # an odd step meets every column
    place = min(len(sample) - 1, round(count / flat.size * len(sample)))
    chosen = left <= np.partition(sample, place)[place]
    for row in np.flatnonzero(~chosen.any(axis=1)):
        chosen[row, left[row].argmin()] = True
    for column in np.flatnonzero(~chosen.any(axis=0)):
        chosen[left[:, column].argmin(), column] = True
    return np.flatnonzero(chosen)


def _solve(
    arcs: np.ndarray,
    less: np.ndarray,
    potentials: tuple[np.ndarray, np.ndarray],
    shape: tuple[int, int],
    iterations: int,
) -> Solved | None:
    """Solve by the network simplex on some arcs; None where they carry no plan, or at the cap.

    Parameters
    ----------
    arcs
        (k,), each row * m + column.
    less
        Their costs less the potentials, which shortens the search and changes no plan.
    """
    import ot

    n, m = shape
    common = math.gcd(n, m)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the log tells the same
        plan, log = ot.emd(
            np.full(n, float(m // common)),  # whole numbers: flows are exact
            np.full(m, float(n // common)),
            coo_matrix((less, np.divmod(arcs, m)), shape=shape),
            numItermax=iterations,
            log=True,
            center_dual=False,
        )
    if log["warning"] is not None:
        return None
    middle = log["u"].mean()
    of_rows, of_columns = potentials[0] + (log["u"] - middle), potentials[1] + (log["v"] + middle)
    return Solved(np.rint(plan.data), plan.row, plan.col, of_rows, of_columns)


def _certified(
    arcs: np.ndarray, costs: np.ndarray, solved: Solved, within: float
) -> tuple[csr_array, float] | None:
    """Return the plan and its cost where both are proved by the potentials."""
    n, m = shape = len(solved.of_rows), len(solved.of_columns)
    rows, columns = np.divmod(arcs, m)
    worst = float((costs - solved.of_rows[rows] - solved.of_columns[columns]).min())
    order = np.argsort(arcs)
    places = order[np.searchsorted(arcs, solved.rows * m + solved.columns, sorter=order)]
    masses = solved.flows / math.lcm(n, m)
    total = float(np.dot(costs[places], masses))
    gap = total - float(solved.of_rows.mean() + solved.of_columns.mean())
    if not (abs(gap) <= within and worst >= -within):
        return None
    return csr_array((masses, (solved.rows, solved.columns)), shape=shape), total
