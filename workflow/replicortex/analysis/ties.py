"""Ties: values that differ by no more than what rounding leaves have one rank."""

import numpy as np

# Values whose arithmetic is not known here may be off by some last places of the row's largest
# value: a sum, a division and a root of numbers that were each rounded once. Whoever knows more
# levels its values first, as `rdm.correlation_distance` does.
SPACINGS = 8
EPS = float(np.finfo(np.float64).eps)
LEAST = 2.0**-900  # of a row's spread, for it to be scaled
MENDINGS = 8  # rounds of exchanges before a row is sorted plainly


def tolerance(rows: np.ndarray) -> np.ndarray:
    """Return how far values of each row may differ and still be ties.

    Parameters
    ----------
    rows : array of shape (..., m), finite

    Returns
    -------
    array of shape (...,): 8 spacings (2.2e-16) of the row's largest absolute value
    """
    rows = np.asarray(rows)
    low, high = rows.min(axis=-1, initial=0.0), rows.max(axis=-1, initial=0.0)
    within: np.ndarray = SPACINGS * EPS * np.maximum(-low, high)
    return within


def constant(rows: np.ndarray) -> np.ndarray:
    """Return which rows of an array of shape (..., m) hold but one value, up to `tolerance`."""
    low, high = rows.min(axis=-1), rows.max(axis=-1)
    flat: np.ndarray = high - low <= SPACINGS * EPS * np.maximum(abs(low), abs(high))
    return flat


def level(row: np.ndarray, within: float | np.ndarray) -> np.ndarray:
    """Give values that rounding alone may have parted one value, the lowest of them.

    Where nothing is to be levelled, as a rule, `row` itself is returned.

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
    if not ((gaps > 0) & (gaps <= widest)).any():
        return row
    order = np.argsort(row)
    # Zero is a value too, exact, before the lowest one.
    ascending = np.concatenate([[0.0], row[order]])
    bounds = np.concatenate([[0.0], np.broadcast_to(within, row.shape)[order]])
    opens = np.diff(ascending) > np.maximum(bounds[1:], bounds[:-1])
    first = np.maximum.accumulate(np.where(opens, np.arange(1, len(ascending)), 0))
    levelled = np.empty_like(row)
    levelled[order] = ascending[first]
    return levelled


def average_ranks(rows: np.ndarray, less: float = 0.0) -> np.ndarray:
    """Return the ranks of each row, from 1; ties, up to `tolerance`, share their mean rank.

    Parameters
    ----------
    rows : array of shape (k, m), finite
    less : float
        Taken from every rank.

    Returns
    -------
    array of shape (k, m), float64
    """
    rows = np.asarray(rows, dtype=np.float64)
    ranks = np.empty_like(rows)
    sorter = Sorter(rows.shape[-1])
    one_each = np.arange(1.0, rows.shape[-1] + 1) - less
    for row, ranked in zip(rows, ranks, strict=True):
        order, starts = sorter.groups(row)
        if starts is None:
            ranked[order] = one_each
        else:
            sizes = np.diff(starts, append=len(row))
            ranked[order] = np.repeat(starts + ((sizes + 1) / 2 - less), sizes)
    return ranks


class Sorter:
    """Sorts rows of m values, one after another, and finds their groups of ties.

    Value and position are packed into one whole number, and the numbers sorted: NumPy sorts numbers
    several times as fast as it finds an order. The value, scaled to the bits that the position
    leaves (44 for 258,840 values), keeps its order up to equality: scaling and truncation are
    monotone. What equal bits leave out of order is mended by exchanges of neighbours, or where
    there is much of it (one value far out), sorted plainly.
    """

    def __init__(self, m: int) -> None:
        self._bits = m.bit_length()
        self._places = np.arange(m)
        # Used again for each row: new memory costs as much as the work.
        self._scaled, self._packed, self._gaps = (
            np.empty(m),
            self._places.copy(),
            self._places[1:].copy(),
        )

    def groups(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Sort a row; a value no more than `tolerance` above the one before belongs to its group.

        Parameters
        ----------
        row : array of shape (m,), finite

        Returns
        -------
        order (m,): positions of the values in ascending order, those of equal values in any order;
        good until the next row. starts (g,): where in that order each group begins; None where each
        value is its own group.
        """
        low, high = row.min(initial=np.inf), row.max(initial=-np.inf)
        within = SPACINGS * EPS * max(abs(low), abs(high))
        order, apart = self._ascending(row, low, high - low, within)
        if apart:
            return order, None
        opens = np.empty(len(row), dtype=bool)
        opens[:1] = True
        np.greater(np.diff(row[order]), within, out=opens[1:])
        return order, None if opens.all() else np.flatnonzero(opens)

    def _ascending(
        self, row: np.ndarray, low: float, spread: float, within: float
    ) -> tuple[np.ndarray, bool]:
        """Return the order, and whether all values are known to lie more than `within` apart."""
        bits, scaled, packed, gaps = self._bits, self._scaled, self._packed, self._gaps
        if not LEAST < spread < np.inf:
            return np.argsort(row), False
        scale = 2.0 ** (62 - bits) / spread
        np.subtract(row, low, out=scaled)
        scaled *= scale
        packed[:] = scaled
        packed <<= bits
        packed |= self._places
        packed.sort()
        np.subtract(packed[1:], packed[:-1], out=gaps)
        # Values whose numbers differ by more than `within` and the two that truncation may take.
        apart = int(gaps.min()) >> bits >= within * scale + 3
        packed &= (1 << bits) - 1
        return (packed, True) if apart else (_mended(row, packed), False)


def _mended(row: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the order of a row, given one in which few neighbours are exchanged."""
    values = row[order]
    for _ in range(MENDINGS):
        falls = np.flatnonzero(values[1:] < values[:-1])
        if not len(falls):
            return order
        falls = falls[np.diff(falls, prepend=-2) > 1]  # of a run, the first alone
        for sequence in (order, values):
            sequence[falls], sequence[falls + 1] = sequence[falls + 1], sequence[falls]
    return np.argsort(row)
