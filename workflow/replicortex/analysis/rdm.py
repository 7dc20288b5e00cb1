"""Representational dissimilarity matrices (RDMs): distances between all pairs of stimuli."""

from typing import Literal

import numpy as np

from replicortex.analysis import ties
from replicortex.core.errors import StudyError

Undefined = Literal["error", "nan"]


def correlation_distance(
    features: np.ndarray, what: str = "features", *, undefined: Undefined = "error"
) -> np.ndarray:
    """One minus the Pearson correlation between rows: 0 to 2, not halved, not squared.

    Parameters
    ----------
    features : array of shape (..., n_stimuli, n_features), n_features >= 2
        One row per stimulus; leading axes (subjects, layers) give one RDM each.
    what : str
        How to call the features in an error.
    undefined : "error" or "nan"
        What a row with the same value everywhere gives: it has no correlation. With "nan" all its
        distances are NaN, but that from itself.

    Returns
    -------
    array of shape (..., n_stimuli, n_stimuli), float64
        Exactly symmetric, with a zero diagonal. Distances that rounding alone may have parted
        are equal (`ties.level`). Centring, the norm and the product of two rows of f features
        are off by (f + 3) spacings of 1 (2.2e-16) at most, in whatever order they are summed:
        two distances that are the same differ by 2 (f + 3) spacings at most.

    Raises
    ------
    StudyError
        A row that holds NaN or infinity, or (unless `undefined` is "nan") the same value everywhere.
    """
    features = _as_rows(features, what)
    if features.shape[-1] < 2:
        raise StudyError(
            f"{what}: a correlation distance needs at least 2 features per stimulus, "
            f"found {features.shape[-1]}"
        )
    centred, norm = _centred(features)
    flat = _constant(features, norm)
    constant = np.argwhere(flat)
    if len(constant) and undefined == "error":
        raise StudyError(
            f"constant features in {what}: {len(constant)} row(s), the first at index "
            f"{_index(constant[0])}, have the same value in all {features.shape[-1]} features, "
            "so their correlation is not defined"
        )
    unit = np.divide(centred, np.where(flat[..., None], 1.0, norm), out=centred)
    within = 2 * (features.shape[-1] + 3) * ties.EPS
    products = unit @ unit.swapaxes(-1, -2)
    distances = _tidy(np.subtract(1.0, products, out=products), top=2.0, within=within)
    if len(constant):
        apart = ~np.eye(features.shape[-2], dtype=bool)
        distances[(flat[..., :, None] | flat[..., None, :]) & apart] = np.nan
    return distances


def constant_rows(features: np.ndarray) -> np.ndarray:
    """Return which rows (..., n_stimuli, n_features) hold one value only, up to rounding: bool.

    Rounding in the mean leaves such a row with a tiny norm, relative to its own size.
    """
    features = np.asarray(features, dtype=np.float64)
    return _constant(features, _centred(features)[1])


def _constant(features: np.ndarray, norm: np.ndarray) -> np.ndarray:
    size = np.abs(features).max(axis=-1) * np.sqrt(features.shape[-1])
    flat: np.ndarray = norm[..., 0] <= 1e-13 * size
    return flat


def _centred(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centred = features - features.mean(axis=-1, keepdims=True)
    return centred, np.linalg.norm(centred, axis=-1, keepdims=True)


def euclidean_distance(features: np.ndarray, what: str = "features") -> np.ndarray:
    """Plain Euclidean distance between rows: the root of the summed squares, not squared and
    not divided by the number of features.

    Parameters, shapes and errors as for `correlation_distance`; constant rows and single
    features are allowed. From the Gram form, whose rounding error of about 1e-8 of the rows'
    norm shows between (almost) equal rows only. There it is levelled too: the squares of two
    distances that are the same differ by 2 (f + 3) spacings (2.2e-16) of the summed squares of
    both rows at most, with f features, and squares no larger than that are 0.
    """
    features = _as_rows(features, what)
    # Distances do not change with the origin; near it the Gram form loses least. The median of
    # each feature lies near most rows, wherever a single one is.
    centred = features - np.median(features, axis=-2, keepdims=True)
    squares = np.einsum("...ij,...ij->...i", centred, centred)
    gram = centred @ centred.swapaxes(-1, -2)
    sums = squares[..., :, None] + squares[..., None, :]
    within = 2 * (features.shape[-1] + 3) * ties.EPS * sums
    distances: np.ndarray = np.sqrt(_tidy(sums - 2.0 * gram, top=np.inf, within=within))
    return distances


def check(rdm: np.ndarray, what: str) -> np.ndarray:
    """Return the RDM as float64, or say what is wrong with it.

    Parameters
    ----------
    rdm : array of shape (..., n_stimuli, n_stimuli), n_stimuli >= 3
        Leading axes (subjects) are checked together.
    what : str
        How to call the RDM in an error: the file, the ROI.

    Raises
    ------
    StudyError
        Not square, NaN or infinity, not symmetric or a diagonal that is not zero (beyond
        rounding: 1e-6 of the largest value), or the same value in every pair (up to
        `ties.tolerance`).
    """
    rdm = np.asarray(rdm, dtype=np.float64)
    if rdm.ndim < 2 or rdm.shape[-1] != rdm.shape[-2]:
        raise StudyError(f"{what}: an RDM is square (n_stimuli, n_stimuli), found {rdm.shape}")
    if rdm.shape[-1] < 3:
        raise StudyError(f"{what}: an RDM needs at least 3 stimuli, found {rdm.shape[-1]}")
    bad = np.argwhere(~np.isfinite(rdm))
    if len(bad):
        raise StudyError(
            f"{what}: RDM has {len(bad)} value(s) that are NaN or infinite, "
            f"the first at {_index(bad[0])}"
        )
    tolerance = 1e-6 * np.abs(rdm).max(initial=0.0)
    uneven = np.argwhere(np.abs(rdm - rdm.swapaxes(-1, -2)) > tolerance)
    if len(uneven):
        first = tuple(uneven[0])
        mirrored = (*first[:-2], first[-1], first[-2])
        raise StudyError(
            f"{what}: RDM is not symmetric: {rdm[first]:.6g} at {_index(first)} but "
            f"{rdm[mirrored]:.6g} at {_index(mirrored)}"
        )
    diagonal = np.argwhere(np.abs(np.diagonal(rdm, axis1=-2, axis2=-1)) > tolerance)
    if len(diagonal):
        raise StudyError(
            f"{what}: RDM has {len(diagonal)} value(s) on its diagonal that are not zero, "
            f"the first for stimulus {diagonal[0][-1]}"
        )
    pairs = upper(rdm)
    if ties.constant(pairs).any():
        raise StudyError(f"{what}: RDM is constant: all pairs have the same dissimilarity")
    return rdm


def upper(rdm: np.ndarray) -> np.ndarray:
    """Return the strict upper triangle, row by row, as a copy.

    Parameters
    ----------
    rdm : array of shape (..., n_stimuli, n_stimuli)
        RDMs, or masks of pairs.

    Returns
    -------
    array of shape (..., n_stimuli * (n_stimuli - 1) / 2), same type
    """
    rdm = np.asarray(rdm)
    n = rdm.shape[-1]
    whole = rdm.reshape(*rdm.shape[:-2], n * n)
    return whole.take(_upper_places(n), axis=-1)


def _upper_places(n: int) -> np.ndarray:
    """Return where the strict upper triangle of n x n lies when its rows are one after another."""
    return np.flatnonzero(np.tri(n, k=-1, dtype=bool).T)


def square(pairs: np.ndarray) -> np.ndarray:
    """Return the RDMs of which `upper` gives these pairs, with a zero diagonal.

    Parameters
    ----------
    pairs : array of shape (..., n_pairs), n_pairs = n (n - 1) / 2

    Returns
    -------
    array of shape (..., n, n), same type
    """
    pairs = np.asarray(pairs)
    n = int((1 + np.sqrt(1 + 8 * pairs.shape[-1])) / 2 + 0.5)
    if n * (n - 1) // 2 != pairs.shape[-1]:
        raise StudyError(f"{pairs.shape[-1]} values are not the strict upper triangle of an RDM")
    rdm = np.zeros((*pairs.shape[:-1], n, n), dtype=pairs.dtype)
    rows, columns = np.triu_indices(n, k=1)
    rdm[..., rows, columns] = pairs
    rdm[..., columns, rows] = pairs
    return rdm


def _as_rows(features: np.ndarray, what: str) -> np.ndarray:
    """Return features as float64 (..., n_stimuli, n_features), checked.

    Raises
    ------
    StudyError
        Fewer than two stimuli, NaN or infinity.
    """
    features = np.asarray(features, dtype=np.float64)
    if features.ndim < 2 or features.shape[-2] < 2:
        raise StudyError(
            f"{what}: expected at least 2 stimuli as rows (n_stimuli, n_features), "
            f"found shape {features.shape}"
        )
    bad = np.argwhere(~np.isfinite(features).all(axis=-1))
    if len(bad):
        raise StudyError(
            f"{what}: {len(bad)} row(s) hold NaN or infinity, the first at index {_index(bad[0])}"
        )
    return features


def _tidy(distances: np.ndarray, top: float, within: float | np.ndarray) -> np.ndarray:
    """Make distances exactly symmetric, within [0, top], zero on the diagonal, and ties equal."""
    distances = distances + distances.swapaxes(-1, -2)
    distances *= 0.5
    np.clip(distances, 0.0, top, out=distances)
    places = _upper_places(distances.shape[-1])
    for place in np.ndindex(distances.shape[:-2]):
        one = distances[place]
        bounds = within if np.ndim(within) == 0 else upper(np.asarray(within)[place])
        pairs = one.take(places)
        levelled = ties.level(pairs, bounds)
        if levelled is not pairs:
            one.flat[places] = one.T.flat[places] = levelled
    diagonal = np.arange(distances.shape[-1])
    distances[..., diagonal, diagonal] = 0.0
    return distances


def _index(position: np.ndarray | tuple[int, ...]) -> str:
    numbers = [str(int(i)) for i in position]
    return numbers[0] if len(numbers) == 1 else f"[{', '.join(numbers)}]"
