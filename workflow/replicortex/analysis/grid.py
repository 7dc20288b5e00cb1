"""Neighbours on a square sheet of units, numbered row by row; the sheet has edges, it does not wrap."""

from __future__ import annotations

import numpy as np

from replicortex.core.errors import StudyError

# Steps (down, right) from a unit to its neighbours, each undirected pair once.
STEPS = {
    "rook": ((0, 1), (1, 0)),
    "moore": ((0, 1), (1, 0), (1, 1), (1, -1)),
}


def neighbour_pairs(side: int, neighbours: str = "rook") -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of every undirected pair of neighbours.

    Parameters
    ----------
    side : int
        Units along an edge.
    neighbours : "rook" or "moore"
        The 4 units that share an edge, or the corners too, 8.

    Returns
    -------
    first, second : arrays of shape (pairs,), int64
        Numbers of units, step by step in the order of `STEPS`; at side 16, 480 rook pairs and 930 Moore
        pairs.

    Raises
    ------
    StudyError
        Another word for `neighbours`.
    """
    if neighbours not in STEPS:
        raise StudyError(f"neighbours: '{neighbours}' is unknown; valid are {', '.join(STEPS)}")
    row, column = np.divmod(np.arange(side**2, dtype=np.int64), side)
    first, second = [], []
    for down, right in STEPS[neighbours]:
        there = (row + down < side) & (column + right >= 0) & (column + right < side)
        units = np.flatnonzero(there)
        first.append(units)
        second.append(units + down * side + right)
    return np.concatenate(first), np.concatenate(second)


def grid_weights(side: int, neighbours: str = "rook") -> np.ndarray:
    """Return binary weights of neighbours: 1 where two units are neighbours, else 0.

    Parameters
    ----------
    side, neighbours
        As for `neighbour_pairs`.

    Returns
    -------
    array of shape (side^2, side^2), float64, symmetric

    Raises
    ------
    StudyError
        Another word for `neighbours`.
    """
    first, second = neighbour_pairs(side, neighbours)
    weights = np.zeros((side**2, side**2))
    weights[first, second] = weights[second, first] = 1.0
    return weights
