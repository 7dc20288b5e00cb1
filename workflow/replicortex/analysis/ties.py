"""Ties: values that differ by no more than what rounding leaves have one rank."""

import numpy as np

# Values whose arithmetic is not known here may be off by some last places of the row's largest
# value: a sum, a division and a root of numbers that were each rounded once. Whoever knows more
# levels its values first, as `rdm.correlation_distance` does.
SPACINGS = 8
EPS = float(np.finfo(np.float64).eps)


def tolerance(rows: np.ndarray) -> np.ndarray:
    """Return how far values of each row may differ and still be ties.

    Parameters
    ----------
    rows : array of shape (..., m), finite

    Returns
    -------
    array of shape (...,): 8 spacings (2.2e-16) of the row's largest absolute value
    """
    within: np.ndarray = SPACINGS * EPS * np.abs(rows).max(axis=-1, initial=0.0)
    return within


def constant(rows: np.ndarray) -> np.ndarray:
    """Return which rows of an array of shape (..., m) hold but one value, up to `tolerance`."""
    flat: np.ndarray = np.ptp(rows, axis=-1) <= tolerance(rows)
    return flat


def level(row: np.ndarray, within: float | np.ndarray) -> np.ndarray:
    """Give values that rounding alone may have parted one value, the lowest of them.

    In ascending order, a value that lies no more than `within` above the one before it belongs to
    the same group. What lies no further than that from 0 is 0.

    Parameters
    ----------
    row : array of shape (m,), finite and not negative
    within : float, or array of shape (m,)
        By how much rounding may part two values that are the same; of two values with different
        bounds the larger counts.

    Returns
    -------
    array of shape (m,)
    """
    widest = np.max(within, initial=0.0)
    gaps = np.diff(np.sort(row), prepend=0.0)
    if not ((gaps > 0) & (gaps <= widest)).any():  # as a rule
        return row.copy()
    order = np.argsort(row)
    # Zero is a value too, exact, before the lowest one.
    ascending = np.concatenate([[0.0], row[order]])
    bounds = np.concatenate([[0.0], np.broadcast_to(within, row.shape)[order]])
    opens = np.diff(ascending) > np.maximum(bounds[1:], bounds[:-1])
    first = np.maximum.accumulate(np.where(opens, np.arange(1, len(ascending)), 0))
    levelled = np.empty_like(row)
    levelled[order] = ascending[first]
    return levelled


def average_ranks(rows: np.ndarray) -> np.ndarray:
    """Return the ranks of each row, from 1; ties, up to `tolerance`, share their mean rank.

    Parameters
    ----------
    rows : array of shape (k, m), finite

    Returns
    -------
    array of shape (k, m), float64
    """
    rows = np.asarray(rows, dtype=np.float64)
    ranks = np.empty_like(rows)
    for row, within, ranked in zip(rows, tolerance(rows), ranks, strict=True):
        _, starts, group = groups(row, within)
        ends = np.append(starts[1:], len(row))
        ranked[:] = ((starts + ends + 1) / 2)[group]
    return ranks


def groups(row: np.ndarray, within: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort a row and find its groups of ties.

    Parameters
    ----------
    row : array of shape (m,)
    within : float
        Distance, in ascending order, up to which a value belongs to the group of the one before.

    Returns
    -------
    order (m,): positions of the values in ascending order. starts (g,): where in that order each
    group begins. group (m,): number of the group that each value, as given, belongs to.
    """
    order = np.argsort(row)
    opens = np.empty(len(row), dtype=bool)
    opens[:1] = True
    np.greater(np.diff(row[order]), within, out=opens[1:])
    group = np.empty(len(row), dtype=np.intp)
    group[order] = np.cumsum(opens) - 1
    return order, np.flatnonzero(opens), group
