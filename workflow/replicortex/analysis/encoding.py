"""Encoding models of many voxels at once, and tuning reorientation.

Prince, Conwell, Alvarez and Konkle (2024, Re-Align), appendix A.2 and A.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

from replicortex.analysis import active_set
from replicortex.core.errors import StudyError, nearest

Kind = Literal["ols", "lasso", "ridge", "elastic_net"]
Empty = Literal["nan", "zero"]
Scale = Literal["sklearn", "sample"]

KINDS = ("ols", "lasso", "ridge", "elastic_net")
CONSTANT = 1e-12  # s.d. below which a column is constant, over its largest value
STALLED = 20_000  # sweeps over the coordinates
SWEEPS = 10  # of them before the first exact solution, which costs about as much
PIVOTS = 100  # exchanges of units
DEFINITE = (
    1e-6  # smallest over largest eigenvalue, above which a Gram matrix loses no digits that count
)


class Standard(NamedTuple):
    """Mean and s.d. of each column; a constant column has s.d. 0 and becomes 0."""

    mean: np.ndarray
    sd: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the columns standardised, (n, columns)."""
        live = self.sd > 0
        return np.where(live, (values - self.mean) / np.where(live, self.sd, 1), 0.0)


def standard(values: np.ndarray, what: str = "features") -> Standard:
    """Return mean and population s.d. of columns, to standardise other images by them.

    The unit in which a column is given changes nothing: fields in tesla are as good as in femtotesla.
    """
    values = _matrix(values, what)
    sd = values.std(0)
    flat = sd <= CONSTANT * np.abs(values).max(0)
    return Standard(values.mean(0), np.where(flat, 0.0, sd))


def cosine_distances(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return 1 - cosine over images, (units, voxels), in [0, 2]; NaN for a zero vector.

    Nothing is centred here (A.2).
    """
    x = _matrix(features, "features")
    t = _matrix(targets, "targets")
    if len(x) != len(t):
        raise StudyError(f"reorientation: features have {len(x)} images, targets {len(t)}")
    lengths_x, lengths_t = np.linalg.norm(x, axis=0), np.linalg.norm(t, axis=0)
    x = np.divide(x, lengths_x, out=np.full_like(x, np.nan), where=lengths_x > 0)
    t = np.divide(t, lengths_t, out=np.full_like(t, np.nan), where=lengths_t > 0)
    distances: np.ndarray = 1 - np.clip(x.T @ t, -1, 1)
    return distances


def reorientation(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray, empty: Empty = "nan"
) -> np.ndarray:
    """Return Theta of each voxel: sum_i |w_i| d_i / sum_i |w_i|, d = 1 - cosine; in [0, 2].

    Parameters
    ----------
    features
        (images, units).
    targets
        (images, voxels): what the model predicts (figures 2 to 4), or the true target (figure 1).
    weights
        (voxels, units), or (units,) for a single voxel.
    empty
        Of a voxel whose weights are all zero: "nan", or "zero" as in the authors' code. A target
        that is zero everywhere has Theta NaN.

    Raises
    ------
    StudyError
        Shapes that do not fit, NaN, another `empty`, or a weight on a unit that is 0 everywhere:
        it has no direction, and counting its weight would make Theta too low.
    """
    if empty not in ("nan", "zero"):
        raise StudyError(f"reorientation: empty is 'nan' or 'zero', found {empty!r}")
    distances = cosine_distances(features, targets)
    sizes = np.abs(_weights(weights, distances.shape))
    silent = np.linalg.norm(np.asarray(features, dtype=float), axis=0) == 0
    if (sizes[:, silent] > 0).any():
        unit = np.flatnonzero(silent)[(sizes[:, silent] > 0).any(0)][0]
        raise StudyError(f"reorientation: unit {unit} is 0 for every image but has a weight")
    total = sizes.sum(1)
    moved = np.einsum("vu,uv->v", sizes[:, ~silent], distances[~silent])
    live = total > 0
    theta = np.divide(moved, total, out=np.full(len(total), np.nan), where=live)
    return np.where(live, theta, 0.0) if empty == "zero" else theta


def folded(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Theta after every unit with a negative weight is flipped, target the prediction.

    Flipping unit and weight leaves the prediction as it is: what remains is the mixing of many
    units, without their use upside down. For units of equal norm c it is 1 - |prediction| /
    (c sum |w|). NaN for a dead voxel.
    """
    x = _matrix(features, "features")
    w = _weights(weights, (x.shape[1], len(np.atleast_2d(weights))))
    signed = 1 - cosine_distances(x, x @ w.T)
    sizes = np.abs(w)
    total = sizes.sum(1)
    used = np.where(w != 0, w * signed.T, 0.0).sum(1)
    shares: np.ndarray = np.divide(
        total - used, total, out=np.full(len(total), np.nan), where=total > 0
    )
    return shares


def noise_ceiling(ncsnr: np.ndarray, repeats: int = 3) -> np.ndarray:
    """Return the largest Pearson's r of each voxel: sqrt(ncsnr^2 / (ncsnr^2 + 1 / repeats)).

    Of the mean of `repeats` presentations (Allen et al. 2022, noise ceiling of NSD).
    """
    ncsnr = np.asarray(ncsnr, dtype=np.float64)
    if ncsnr.size == 0 or not np.isfinite(ncsnr).all() or (ncsnr < 0).any():
        raise StudyError("noise ceiling: ncsnr is missing, negative or not finite for a voxel")
    if repeats < 1:
        raise StudyError(f"noise ceiling: repeats is at least 1, found {repeats}")
    return np.sqrt(ncsnr**2 / (ncsnr**2 + 1 / repeats))


def fit(
    kind: Kind,
    positive: bool,
    alpha: float,
    features: np.ndarray,
    targets: np.ndarray,
    *,
    l1_ratio: float = 0.5,
    scale: Scale = "sklearn",
    tol: float = 1e-8,
) -> np.ndarray:
    """Return weights (voxels, units) of one penalty: `path` with a single alpha."""
    weights = path(
        kind, positive, [alpha], features, targets, l1_ratio=l1_ratio, scale=scale, tol=tol
    )
    one: np.ndarray = weights[0]
    return one


def path(
    kind: Kind,
    positive: bool,
    alphas: Sequence[float],
    features: np.ndarray,
    targets: np.ndarray,
    *,
    l1_ratio: float = 0.5,
    scale: Scale = "sklearn",
    tol: float = 1e-8,
) -> np.ndarray:
    """Fit every voxel at every alpha, without an intercept; returns (alphas, voxels, units).

    Minimises |y - Xw|^2 / 2n + l1 |w|_1 + l2 |w|^2 / 2. Lasso: l1 = alpha; elastic net: l1 =
    alpha * l1_ratio, l2 = alpha * (1 - l1_ratio); ridge: l2 = alpha / n with scale "sklearn"
    (its loss is not divided by 2n), l2 = alpha with scale "sample". One Gram matrix for all
    voxels, warm starts from the largest alpha down, one thread. A voxel's weights do not depend on
    the voxels beside it, but for the rounding of x.y.

    Parameters
    ----------
    features, targets
        (images, units) and (images, voxels), centred where an intercept is meant.
    tol
        The largest violation of a voxel's optimality conditions, relative to its largest |x.y| / n.

    Raises
    ------
    StudyError
        Shapes that do not fit, NaN, an unknown kind, an alpha below 0, no convergence.
    """
    if kind not in KINDS:
        raise StudyError(f"encoding model: kind '{kind}' is unknown{nearest(kind, KINDS)}")
    if scale not in ("sklearn", "sample"):
        raise StudyError(f"encoding model: scale is 'sklearn' or 'sample', found {scale!r}")
    if not 0 <= l1_ratio <= 1:
        raise StudyError(f"encoding model: l1_ratio is between 0 and 1, found {l1_ratio}")
    for alpha in alphas:
        if not (np.isfinite(alpha) and alpha >= 0):
            raise StudyError(f"encoding model: alpha is at least 0, found {alpha}")
    x, y = _matrix(features, "features"), _matrix(targets, "targets")
    if len(x) != len(y):
        raise StudyError(f"encoding model: features have {len(x)} images, targets {len(y)}")
    with threadpool_limits(1, user_api="blas"):
        return _path(kind, positive, np.asarray(alphas, float), x, y, l1_ratio, scale, tol)


def choose(
    scores: np.ndarray, weights: np.ndarray, per: Literal["voxel", "global"] = "voxel"
) -> np.ndarray:
    """Return the place of each voxel's alpha, (voxels,): the best validation score.

    A dead alpha (no weight, or no score) is never chosen while another lives.

    Parameters
    ----------
    scores
        (alphas, voxels), for instance r on validation images.
    weights
        (alphas, voxels, units).
    per
        "voxel", or "global": the alpha of the best mean, dead voxels counting as 0.
    """
    if per not in ("voxel", "global"):
        raise StudyError(f"choice of alpha: per is 'voxel' or 'global', found {per!r}")
    dead = ~(weights != 0).any(2) | np.isnan(scores)
    if per == "voxel":
        best: np.ndarray = np.where(dead, -np.inf, scores).argmax(0)
        return best
    means = np.where(dead, 0, scores).mean(1)
    means[dead.all(1)] = -np.inf
    return np.full(scores.shape[1], means.argmax())


def _path(
    kind: Kind,
    positive: bool,
    alphas: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    l1_ratio: float,
    scale: Scale,
    tol: float,
) -> np.ndarray:
    """Return weights (alphas, voxels, units), from the largest alpha on: each starts the next."""
    n = len(x)
    found = np.zeros((len(alphas), y.shape[1], x.shape[1]))
    if not positive and kind in ("ols", "ridge"):
        scaled = alphas * (0 if kind == "ols" else n if scale == "sample" else 1)
        return _closed(scaled, x, y, found)
    gram, cross = x.T @ x / n, np.ascontiguousarray((x.T @ y / n).T)
    bounds = tol * np.maximum(np.abs(cross).max(1), np.finfo(float).tiny)
    undetermined = (kind == "ols" or 0 in alphas) and not _full_rank(x, gram)
    weights = np.zeros_like(cross)
    for place in np.argsort(-alphas, kind="stable"):
        alpha = 0.0 if kind == "ols" else alphas[place]
        if alpha == 0 and undetermined:
            # Several weights fit equally well: the active-set solution, or the shortest one.
            found[place] = _undetermined(positive, x, y)
            continue
        share = {"lasso": 1.0, "elastic_net": l1_ratio}.get(kind, 0.0)
        l1, l2 = alpha * share, alpha * (1 - share)
        if kind == "ridge" and scale == "sklearn":
            l2 /= n
        left = active_set.solve(
            gram, cross, l1, l2, bool(positive), weights, bounds, SWEEPS, PIVOTS, STALLED
        )
        if left:
            raise StudyError(
                f"encoding model: {left} voxels did not converge in {STALLED} sweeps "
                f"(l1 {l1:g}, l2 {l2:g}); a larger alpha or tol would"
            )
        found[place] = weights
    return found


def _full_rank(x: np.ndarray, gram: np.ndarray) -> bool:
    return len(x) >= len(gram) and np.linalg.matrix_rank(gram, hermitian=True) == len(gram)


def _closed(penalties: np.ndarray, x: np.ndarray, y: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Ordinary least squares of smallest norm, and ridge: one decomposition for all penalties.

    Eigenvalues of the smaller Gram matrix, of units or of images; singular values of the features
    where its square would lose digits.
    """
    tall = len(x) >= x.shape[1]
    values, vectors = np.linalg.eigh(x.T @ x if tall else x @ x.T)
    if values[0] + penalties.min(initial=np.inf) > DEFINITE * values[-1]:
        turn = vectors if tall else x.T @ vectors
        inner = vectors.T @ (x.T @ y if tall else y)
        gains = [1 / (values + penalty) for penalty in penalties]
    else:
        u, s, vt = np.linalg.svd(x, full_matrices=False)
        s = np.where(s > s[0] * max(x.shape) * np.finfo(float).eps, s, 0.0)
        turn, inner = vt.T, u.T @ y
        gains = [
            np.divide(s, s * s + penalty, out=np.zeros_like(s), where=s > 0)
            for penalty in penalties
        ]
    for place, gain in enumerate(gains):
        found[place] = (turn @ (gain[:, None] * inner)).T
    return found


def _undetermined(positive: bool, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if positive:
        return np.stack([nnls(x, column)[0] for column in y.T])
    shortest: np.ndarray = np.linalg.lstsq(x, y, rcond=None)[0].T
    return shortest


def violation(
    gradient: np.ndarray, weights: np.ndarray, l1: float, l2: float, positive: bool
) -> np.ndarray:
    """Return each voxel's largest violation of the optimality conditions.

    `gradient` is (units, voxels) of X'(y - Xw) / n, `weights` likewise.
    """
    slope = gradient - l2 * weights
    still = np.maximum((slope if positive else np.abs(slope)) - l1, 0)
    used = np.abs(slope - l1 * np.sign(weights))
    largest: np.ndarray = np.where(weights != 0, used, still).max(0)
    return largest


def _matrix(values: np.ndarray, what: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise StudyError(
            f"{what}: expected a filled matrix (images, columns), found {values.shape}"
        )
    if not np.isfinite(values).all():
        bad = np.flatnonzero(~np.isfinite(values).all(0))[0]
        raise StudyError(f"{what}: NaN or infinity in column {bad}")
    return values


def _weights(weights: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    weights = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if weights.shape != (shape[1], shape[0]):
        raise StudyError(
            f"reorientation: weights are {weights.shape}, {shape[1]} voxels and {shape[0]} units "
            "were expected"
        )
    if not np.isfinite(weights).all():
        raise StudyError("reorientation: NaN or infinity among the weights")
    return weights
