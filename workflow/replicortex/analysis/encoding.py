"""Encoding models with and without positive weights, and how far they reorient their units.

Shapes: X (images, units), T and Y (images, voxels), W (voxels, units). Objectives, per voxel:

- lasso, elastic net: |y - Xw|^2 / (2n) + alpha l1 |w|_1 + alpha (1 - l1) |w|^2 / 2;
- ridge: |y - Xw|^2 + alpha |w|^2 (`scale="sum"`, scikit-learn's), or with n alpha (`"sample"`).

No intercept is fitted: centre X and Y first.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from replicortex.errors import StudyError, nearest

KINDS = ("ols", "lasso", "ridge", "elastic_net")
CONSTANT = 1e-12  # standard deviation below which a prediction is constant
ROUNDS = 20000


def standardise(train: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return arrays less the first one's mean over its s.d.; columns constant there become 0."""
    mean, sd = train.mean(0), train.std(0)
    live = sd > CONSTANT * np.maximum(1, np.abs(mean))
    scale = np.where(live, sd, 1)
    return tuple(np.where(live, (part - mean) / scale, 0.0) for part in (train, *others))


def reorientation(
    X: np.ndarray, T: np.ndarray, W: np.ndarray, *, empty: Literal["nan", "zero"] = "nan"
) -> np.ndarray:
    """Return each voxel's mean cosine distance of units to target, weighted by |w|, (voxels,).

    Between 0 and 2 (appendix A.2). A unit of norm 0 leaves both sums. A voxel without a weight, or
    with a target of norm 0, is NaN; `empty="zero"` gives the 0 of the authors' sum over NaN.

    Raises
    ------
    StudyError
        When shapes do not fit, a value is not finite, or a unit of norm 0 has a weight.
    """
    if empty not in ("nan", "zero"):
        raise StudyError(f"empty: found '{empty}'{nearest(empty, ('nan', 'zero'))}")
    X, T = _matrix(X, "X"), _matrix(T, "T")
    W = _matrix(np.atleast_2d(W), "W")
    if X.shape[0] != T.shape[0]:
        raise StudyError(f"X has {X.shape[0]} images but T has {T.shape[0]}")
    if W.shape != (T.shape[1], X.shape[1]):
        raise StudyError(
            f"W has shape {W.shape}, expected (voxels, units) = {(T.shape[1], X.shape[1])}"
        )
    lengths, reach = np.linalg.norm(X, axis=0), np.linalg.norm(T, axis=0)
    silent = lengths == 0
    if np.any(W[:, silent]):
        unit = int(np.flatnonzero(silent & np.any(W, axis=0))[0])
        raise StudyError(f"unit {unit} is 0 for every image but has a weight")
    X_hat, T_hat = X / np.where(silent, 1, lengths), T / np.where(reach == 0, 1, reach)
    weights = np.abs(W)
    total = weights.sum(1)
    distance = 1 - T_hat.T @ X_hat
    known = (total > 0) & (reach > 0)
    theta = np.full(len(W), np.nan if empty == "nan" else 0.0)
    theta[known] = (weights * distance).sum(1)[known] / total[known]
    return theta


def folded(prediction: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Return 1 - sd(prediction) / |w|_1: the reorientation after each negative unit is flipped.

    Holds for units of s.d. 1 on the same images; equals `reorientation` of positive weights.
    """
    total = np.abs(W).sum(1)
    sd = prediction.std(0)
    return np.where(total > 0, 1 - sd / np.where(total > 0, total, 1), np.nan)


def fit(
    kind: str,
    positive: bool,
    alpha: float,
    X: np.ndarray,
    Y: np.ndarray,
    *,
    l1_ratio: float = 0.5,
    scale: Literal["sum", "sample"] = "sum",
    tol: float = 1e-8,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Return weights (voxels, units) of one regression for many voxels at once.

    `start` (voxels, units) warms the coordinate descent. `alpha` is ignored by ols.

    Raises
    ------
    StudyError
        When the kind is unknown, alpha is below 0, shapes do not fit, a value is not finite, or
        the descent has not converged (conditions of optimality to 1e-6 of the largest gradient).
    """
    if kind not in KINDS:
        raise StudyError(f"regression: found '{kind}'{nearest(kind, KINDS)}")
    if not alpha >= 0:
        raise StudyError(f"alpha: found {alpha}, expected 0 or more")
    X, Y = _matrix(X, "X"), _matrix(Y if np.ndim(Y) == 2 else np.asarray(Y)[:, None], "Y")
    if X.shape[0] != Y.shape[0]:
        raise StudyError(f"X has {X.shape[0]} images but Y has {Y.shape[0]}")
    n = len(X)
    if kind == "ols" and not positive:
        return np.linalg.lstsq(X, Y, rcond=None)[0].T
    if kind == "ols":
        from scipy.optimize import nnls

        return np.stack([nnls(X, y)[0] for y in Y.T])
    gram, cross = X.T @ X, X.T @ Y
    if kind == "ridge":
        l2 = alpha * (n if scale == "sample" else 1)
        if l2 == 0:
            return fit("ols", positive, 0, X, Y)
        from scipy.linalg import cholesky, solve_triangular
        from scipy.optimize import nnls

        # |Xw - y|^2 + l2 |w|^2 = |Uw - b|^2 + constant, where U'U is the Gram matrix and l2.
        upper = cholesky(gram + l2 * np.eye(len(gram)))
        target = solve_triangular(upper, cross, trans="T")
        if not positive:
            return solve_triangular(upper, target).T
        return np.stack([nnls(upper, b)[0] for b in target.T])
    else:
        share = 1.0 if kind == "lasso" else l1_ratio
        l1, l2 = n * alpha * share, n * alpha * (1 - share)
    return _descend(gram, cross, l1, l2, positive, tol, start).T


def _descend(
    gram: np.ndarray,
    cross: np.ndarray,
    l1: float,
    l2: float,
    positive: bool,
    tol: float,
    start: np.ndarray | None,
) -> np.ndarray:
    """Coordinate descent on the Gram matrix, all voxels in each step; weights (units, voxels)."""
    weights = np.zeros_like(cross) if start is None else np.array(start.T, dtype=float)
    rest = cross - gram @ weights
    own = np.diag(gram)
    live = np.flatnonzero(own > 0)
    size = max(float(np.abs(cross).max(initial=0)), 1e-300)
    for _ in range(ROUNDS):
        moved = 0.0
        for j in live:
            pull = rest[j] + own[j] * weights[j]
            if positive:
                new = np.maximum(pull - l1, 0) / (own[j] + l2)
            else:
                new = np.sign(pull) * np.maximum(np.abs(pull) - l1, 0) / (own[j] + l2)
            change = new - weights[j]
            if change.any():
                rest -= np.outer(gram[:, j], change)
                weights[j] = new
                moved = max(moved, float(np.abs(change).max() * own[j]))
        if moved <= tol * size:
            break
    slope = cross - gram @ weights - l2 * weights  # minus the gradient of the smooth part
    at_zero = np.maximum(slope if positive else np.abs(slope), l1) - l1
    off_zero = np.abs(slope - l1 * np.sign(weights))
    worst = float(np.where(weights == 0, at_zero, off_zero)[live].max(initial=0)) / size
    if worst > 1e-6:
        raise StudyError(f"coordinate descent has not converged: optimality missed by {worst:.1e}")
    return weights


def path(
    kind: str, positive: bool, alphas: list[float], X: np.ndarray, Y: np.ndarray, **settings: object
) -> np.ndarray:
    """Return weights (alphas, voxels, units), each fit warmed by that of the next larger alpha."""
    found: dict[float, np.ndarray] = {}
    start = None
    for alpha in sorted(alphas, reverse=True):
        start = fit(kind, positive, alpha, X, Y, start=start, **settings)
        found[alpha] = start
    return np.stack([found[alpha] for alpha in alphas])


def correlations(prediction: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return Pearson's r per voxel; NaN where either is constant (s.d. below 1e-12)."""
    prediction, observed = _matrix(prediction, "prediction"), _matrix(observed, "observed")
    if prediction.shape != observed.shape:
        raise StudyError(f"prediction has shape {prediction.shape} but observed {observed.shape}")
    a, b = prediction - prediction.mean(0), observed - observed.mean(0)
    sd = np.sqrt((a**2).mean(0)), np.sqrt((b**2).mean(0))
    known = (sd[0] > CONSTANT) & (sd[1] > CONSTANT)
    scale = np.where(known, sd[0] * sd[1], 1)
    return np.where(known, (a * b).mean(0) / scale, np.nan)


def noise_ceiling(ncsnr: np.ndarray | None, repeats: int) -> np.ndarray:
    """Return the largest r with a mean over repeats: sqrt(s^2 / (s^2 + 1/repeats)) (NSD paper)."""
    if ncsnr is None:
        raise StudyError("ncsnr is missing: without it there is no noise ceiling")
    snr = np.asarray(ncsnr, dtype=float) ** 2
    if not np.isfinite(snr).all():
        raise StudyError(f"ncsnr: {np.count_nonzero(~np.isfinite(snr))} values are not finite")
    return np.sqrt(snr / (snr + 1 / repeats))


def best_alpha(validation: np.ndarray, *, per_voxel: bool) -> np.ndarray:
    """Return the index of the best alpha for each voxel from r (alphas, voxels); -1 if all dead.

    A dead fit (NaN) is never chosen. With `per_voxel=False` one alpha serves all voxels: the best
    mean r, a dead voxel counting as 0.
    """
    validation = np.asarray(validation, dtype=float)
    scores = np.where(np.isnan(validation), -np.inf, validation)
    if per_voxel:
        return np.where(np.isinf(scores).all(0), -1, scores.argmax(0))
    means = np.nan_to_num(validation, nan=0.0).mean(1)
    means[np.isinf(scores).all(1)] = -np.inf
    chosen = -1 if np.isinf(means).all() else int(means.argmax())
    return np.full(validation.shape[1], chosen)


def _matrix(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 2:
        raise StudyError(f"{name} has {values.ndim} axes, expected 2")
    if not np.isfinite(values).all():
        raise StudyError(f"{name}: {np.count_nonzero(~np.isfinite(values))} values are not finite")
    return values
