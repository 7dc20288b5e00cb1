"""Rank correlations of many vectors at once: rank each vector once, then one matrix product.

Values that differ by no more than rounding leaves are ties (`ties.tolerance`).

Rounding: ranks less their mean are multiples of a half, their products of a quarter, and no sum of
m products exceeds m^3 / 12. For up to 300,000 values (775 stimuli) each sum is exact, in whatever
order a kernel adds: rho is off by a product, a root and a division alone, 2 spacings of 1 (2.2e-16),
and is the same to the bit on every processor.
"""

import numpy as np

from replicortex.analysis import ties
from replicortex.core.errors import StudyError

# Rows of the second argument whose ranks are held at once: bounds the memory, which new costs time too.
BLOCK = 6


def centred_ranks(values: np.ndarray, what: str = "vector", start: int = 0) -> np.ndarray:
    """Return the ranks of each row, ties averaged, less their mean: multiples of a half.

    Parameters
    ----------
    values : array of shape (k, m), m >= 3
    what : str
        How to call the rows in an error.
    start : int
        Number of the first row, there.

    Raises
    ------
    StudyError
        NaN or infinity, or a row with the same value everywhere, up to `ties.tolerance`.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 3:
        raise StudyError(f"{what}: expected rows of at least 3 values, found shape {values.shape}")
    bad = np.flatnonzero(~(np.isfinite(values.min(axis=1)) & np.isfinite(values.max(axis=1))))
    if len(bad):
        raise StudyError(
            f"{what}: NaN or infinity in {len(bad)} row(s), the first is {start + bad[0]}"
        )
    constant = np.flatnonzero(ties.constant(values))
    if len(constant):
        raise StudyError(
            f"{what}: all values are the same in {len(constant)} row(s), the first is "
            f"{start + constant[0]}: a rank correlation is not defined"
        )
    return ties.average_ranks(values, less=(values.shape[1] + 1) / 2)


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's rho between every row of `a` and every row of `b`, ties averaged.

    Parameters
    ----------
    a : array of shape (k, m)
    b : array of shape (l, m)
        The same m pairs of stimuli: select by a mask of pairs before.

    Returns
    -------
    array of shape (k, l), float64

    Raises
    ------
    StudyError
        Different lengths, NaN or infinity, or a constant row.
    """
    a, b = np.asarray(a), np.asarray(b)
    _of_one_length(("first", a), ("second", b))
    ranks_a = centred_ranks(a, "first vectors")
    rho = np.empty((len(a), len(b)))
    for start in range(0, len(b), BLOCK):
        part = slice(start, start + BLOCK)
        ranks_b = centred_ranks(b[part], "second vectors", start)
        rho[:, part] = ranks_a @ ranks_b.T
        rho[:, part] /= np.sqrt(np.outer(_squares(ranks_a), _squares(ranks_b)))
    return np.clip(rho, -1.0, 1.0, out=rho)


def partial_spearman(a: np.ndarray, b: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Partial Spearman's rho: Pearson's r of the residuals of the ranks.

    All vectors are ranked (ties averaged); the ranks of `a` and `b` are regressed on the ranks
    of all controls together, with an intercept; the residuals are correlated. A row which the
    controls explain wholly has no residual, and its partial rho is NaN.

    Parameters
    ----------
    a : array of shape (k, m)
    b : array of shape (l, m)
    controls : array of shape (c, m)
        c = 0 gives `spearman`.

    Returns
    -------
    array of shape (k, l), float64

    Raises
    ------
    StudyError
        Different lengths, NaN or infinity, or a constant row.
    """
    controls = np.asarray(controls, dtype=np.float64)
    if controls.shape[0] == 0:
        return spearman(a, b)
    named = ("first", a), ("second", b), ("control", controls)
    _of_one_length(*named)
    ranked = [centred_ranks(rows, f"{name} vectors") for name, rows in named]
    ranks_a, ranks_b, ranks_c = (ranks / np.sqrt(_squares(ranks))[:, None] for ranks in ranked)
    # An orthonormal basis of the controls; controls that repeat each other add no dimension.
    _, sizes, basis = np.linalg.svd(ranks_c, full_matrices=False)
    basis = basis[sizes > 1e-10 * sizes[0]]
    residual_a, residual_b = _residuals(ranks_a, basis), _residuals(ranks_b, basis)
    rho: np.ndarray = np.clip(residual_a @ residual_b.T, -1.0, 1.0)
    return rho


def _residuals(ranks: np.ndarray, basis: np.ndarray) -> np.ndarray:
    residuals = ranks - (ranks @ basis.T) @ basis
    norm = np.linalg.norm(residuals, axis=1, keepdims=True)
    explained = norm <= 1e-7  # of ranks with norm 1: what is left is rounding
    return np.where(explained, np.nan, residuals / np.where(explained, 1.0, norm))


def _of_one_length(*named: tuple[str, np.ndarray]) -> None:
    lengths = {name: np.shape(rows)[-1] for name, rows in named}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} in the {name}" for name, length in lengths.items())
        raise StudyError(f"vectors to correlate differ in length: {found}")


def _squares(ranks: np.ndarray) -> np.ndarray:
    """Return the sum of squares of each row (k, m): (k,)."""
    sums: np.ndarray = np.einsum("ij,ij->i", ranks, ranks)
    return sums
