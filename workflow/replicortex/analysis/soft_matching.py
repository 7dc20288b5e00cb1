"""Units of two layers matched by transport of their costs, without a rotation or with one.

The inner level of hierarchical optimal transport (arXiv 2510.01706).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.sparse import csr_array

from replicortex.analysis.transport import total_cost, transport
from replicortex.core.errors import StudyError

CONSTANT_SD = 1e-8  # of a unit over training stimuli, over its largest value there
MONOTONE_TOLERANCE = 1e-9  # relative; the alternation's objective may not rise by more


@dataclass(frozen=True)
class Layer:
    """Responses of one layer, standardised by its training stimuli.

    `train` and `held_out` are (stimuli, units), float64; `kept` says which of the given units are
    in them: units that are constant over training stimuli, or not finite anywhere, are dropped.
    """

    train: np.ndarray
    held_out: np.ndarray
    kept: np.ndarray

    @property
    def dropped(self) -> int:
        """Number of units left out."""
        return int((~self.kept).sum())


def standardise(
    responses: np.ndarray, held_out: np.ndarray, *, per: str = "unit", name: str = "layer"
) -> Layer:
    """Split a layer's responses and centre and scale them by training stimuli alone.

    Parameters
    ----------
    responses
        (stimuli, units).
    held_out
        Boolean, (stimuli,).
    per
        "unit": each unit has norm 1 over training stimuli, so that products are correlations;
        "layer": units are centred, the whole layer has Frobenius norm sqrt(units), so that units have
        norm 1 in the mean square, however many there are. Scaling units after a rotation would undo
        its invariance.
    name
        What errors call the layer.

    Raises
    ------
    StudyError
        When no unit remains.
    """
    responses = np.asarray(responses, dtype=np.float64)
    kept = np.isfinite(responses).all(axis=0)
    used = _columns(responses, kept)
    train, held = used[~held_out], used[held_out]
    largest = np.maximum(train.max(axis=0, initial=0), -train.min(axis=0, initial=0))
    means = train.mean(axis=0)
    train -= means
    norms = np.linalg.norm(train, axis=0)
    varies = norms > CONSTANT_SD * np.sqrt(len(train)) * largest
    kept[kept] = varies
    if not kept.any():
        raise StudyError(f"{name}: all {len(kept)} units are constant or hold NaN")
    train, held = _columns(train, varies), _columns(held - means, varies)
    if per == "unit":
        train /= norms[varies]
        held /= norms[varies]
    elif per == "layer":
        factor = np.sqrt(train.shape[1]) / np.linalg.norm(train)
        train *= factor
        held *= factor
    else:
        raise StudyError(f"standardise: per is '{per}'; valid are unit, layer")
    return Layer(train, held, kept)


def _columns(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the kept columns, in C order; as a rule all are, and nothing is copied."""
    return values if kept.all() else np.ascontiguousarray(values[:, kept])


@dataclass(frozen=True)
class Match:
    """Units of a source layer coupled to those of a target layer.

    `plan` (n, m) has masses summing to 1; `rotation` (n, n) is None where none was fitted;
    `objective` holds the alternation's linear objective after each step; `converged` is False where
    the alternation ended at its cap.
    """

    plan: csr_array
    cost: float
    rotation: np.ndarray | None = None
    objective: tuple[float, ...] = ()
    converged: bool = True

    def predict(self, target: np.ndarray) -> np.ndarray:
        """Return the source layer that target responses (stimuli, m) imply, (stimuli, n)."""
        predicted: np.ndarray = (self.plan @ target.T).T * self.plan.shape[0]
        if self.rotation is not None:
            predicted = predicted @ self.rotation.T
        return predicted


def rotated_match(
    source: np.ndarray, target: np.ndarray, *, tolerance: float = 1e-6, steps: int = 20
) -> Match:
    """Couple units up to a rotation of the source: min over Q, R of ||X R - Y (n Q)^T||_F^2 / n.

    The cost is a mean over the source's units: where units of both sides have norm 1 in the mean square
    (`standardise` per layer), it does not grow with widths, and a layer beside copies of itself costs 0.

    Equal widths: one singular value decomposition, since the plan is a permutation that R absorbs.
    Otherwise transport and Procrustes alternate; the linear objective <n Q, M(R)>, with M the
    squared distances between columns, never rises (the Frobenius residual may).

    Parameters
    ----------
    source, target
        (stimuli, n) and (stimuli, m), units centred.
    tolerance, steps
        The alternation ends at that relative change, or after that many steps.
    """
    n, m = source.shape[1], target.shape[1]
    cross = source.T @ target
    if n == m:
        left, values, right = _svd(cross)
        cost = (source**2).sum() + (target**2).sum() - 2 * values.sum()
        plan = csr_array((np.full(n, 1 / n), (np.arange(n), np.arange(n))), shape=(n, n))
        return Match(plan, float(cost) / n, left @ right)
    rotation = np.eye(n)
    objective: list[float] = []
    converged = False
    for _ in range(steps):
        plan, total = transport(_squared(source @ rotation, target, rotation.T @ cross))
        _descend(objective, n * total)
        left, _, right = _svd((plan @ cross.T).T)
        rotation = left @ right
        squares = _squared(source @ rotation, target, rotation.T @ cross)
        _descend(objective, n * total_cost(squares, plan))
        # A whole round must bring little: a half may stall while the other still gains.
        if len(objective) > 2 and objective[-3] - objective[-1] <= tolerance * abs(objective[-1]):
            converged = True
            break
    residual = source @ rotation - n * (plan @ target.T).T
    return Match(plan, float((residual**2).sum()) / n, rotation, tuple(objective), converged)


def _svd(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the singular value decomposition; where the quick algorithm fails, by the sure one.

    LAPACK's divide and conquer does not converge on some matrices of low rank.
    """
    try:
        left, values, right = np.linalg.svd(matrix)
    except np.linalg.LinAlgError:
        left, values, right = scipy.linalg.svd(matrix, lapack_driver="gesvd")
    return left, values, right


def _squared(source: np.ndarray, target: np.ndarray, cross: np.ndarray) -> np.ndarray:
    squared: np.ndarray = (
        (source**2).sum(axis=0)[:, None] + (target**2).sum(axis=0)[None] - 2 * cross
    )
    return squared


def _descend(objective: list[float], value: float) -> None:
    if objective and value > objective[-1] + MONOTONE_TOLERANCE * max(1.0, abs(objective[-1])):
        raise ArithmeticError(f"rotated match: the objective rose from {objective[-1]} to {value}")
    objective.append(value)
