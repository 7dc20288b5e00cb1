"""Hierarchical optimal transport between layered systems (arXiv 2510.01706), solved exactly.

Two systems answer the same stimuli. Units of two layers are coupled by soft matching (inner
level), layers by transport over the inner costs (outer level), checkpoints by transport over the
outer costs (third level). All masses are uniform, and every plan's masses sum to 1.

    result = hot(source_layers, target_layers, held_out=np.arange(800, 1000))
    result.outer                 # (L, M): mass between layers
    result.score(result.outer)   # held-out correlation

Memory: the target's layers, one source layer and its products with all target layers at a time; a
sequence that reads a layer when asked for it (`__getitem__`, `__len__`) is never held whole.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np

from replicortex.analysis.soft_matching import Match, rotated_match, standardise
from replicortex.analysis.stacked import Stacked
from replicortex.analysis.transport import transport
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

FEWEST_STIMULI = 10


@dataclass(frozen=True)
class Hot:
    """Two systems matched on training stimuli.

    `source` and `target` hold held-out responses alone, scaled by training stimuli. `cost` (L, M)
    holds inner costs, `outer` (L, M) the masses between layers (sum 1), `total` the outer cost,
    `matches[l][m]` the coupling of units, `dropped` the units left out per layer.
    """

    source: list[np.ndarray]
    target: list[np.ndarray]
    matches: list[list[Match]]
    cost: np.ndarray
    outer: np.ndarray
    total: float
    dropped: dict[str, list[int]] = field(default_factory=dict)

    @property
    def forced(self) -> bool:
        """Whether the outer plan is uniform whatever the data: a system has one layer only."""
        return 1 in self.outer.shape

    @property
    def note(self) -> str:
        """What a reader must know: "" or that the plan is forced, that units were left out."""
        told = []
        if self.forced:
            told.append("one layer only: the plan is forced, whatever the data")
        for side, counts in self.dropped.items():
            if sum(counts):
                told.append(f"{sum(counts)} constant or NaN units of the {side} left out")
        return "; ".join(told)

    @property
    def unconverged(self) -> int:
        """Pairs of layers whose alternation ended at its cap."""
        return sum(not match.converged for row in self.matches for match in row)

    def predictions(self, layer: int, chosen: Sequence[int] | None = None) -> np.ndarray:
        """Return what target layers say of one source layer when held out, (M, stimuli, units).

        Rows of target layers that are not `chosen` are 0.
        """
        told = np.zeros((len(self.target), *self.source[layer].shape))
        for other in range(len(self.target)) if chosen is None else chosen:
            told[other] = self.matches[layer][other].predict(self.target[other])
        return told

    def reconstruct(self, weights: np.ndarray) -> list[np.ndarray]:
        """Return held-out source layers predicted as weighted sums over target layers.

        Parameters
        ----------
        weights
            (L, M), any mass between layers; each row is normalised to 1, so that the outer plan
            gives L * sum_m P_lm Y_m Q_lm^T.
        """
        shares = self._shares(weights)
        return [
            np.tensordot(row, self.predictions(layer, np.flatnonzero(row).tolist()), 1)
            for layer, row in enumerate(shares)
        ]

    def score(self, weights: np.ndarray) -> float:
        """Return the mean over layers of the mean defined correlation of their units.

        Raises
        ------
        StudyError
            When no unit of a layer has a defined correlation.
        """
        return self.scores({"": weights})[0][""]

    def scores(self, plans: Mapping[str, np.ndarray]) -> tuple[dict[str, float], int]:
        """Return the score of many plans at once, and the undefined correlations among them.

        Predictions are made once for each source layer, so that more plans cost little.
        """
        shares = {name: self._shares(plan) for name, plan in plans.items()}
        means: dict[str, list[float]] = {name: [] for name in plans}
        undefined = 0
        for number, layer in enumerate(self.source):
            used = np.any([share[number] > 0 for share in shares.values()], axis=0)
            told = self.predictions(number, np.flatnonzero(used).tolist())
            for name, share in shares.items():
                values = _correlations(layer, np.tensordot(share[number], told, 1))
                missing = int(np.isnan(values).sum())
                if missing == len(values):
                    raise StudyError(
                        f"source layer {number}: every unit, or its prediction, is constant over "
                        "the held-out stimuli"
                    )
                undefined += missing
                means[name].append(float(np.nanmean(values)))
        return {name: float(np.mean(values)) for name, values in means.items()}, undefined

    def _shares(self, weights: np.ndarray) -> np.ndarray:
        weights = np.asarray(weights, dtype=np.float64)
        if weights.shape != self.cost.shape or (weights.sum(axis=1) <= 0).any():
            raise StudyError(
                f"reconstruct: weights of shape {weights.shape} with positive rows are needed for "
                f"{self.cost.shape[0]} x {self.cost.shape[1]} layers"
            )
        shares: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
        return shares


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    norms = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
    defined = norms > 1e-12
    values = np.full(x.shape[1], np.nan)
    values[defined] = (x * y).sum(axis=0)[defined] / norms[defined]
    return values


def hot(
    source_layers: Sequence[np.ndarray],
    target_layers: Sequence[np.ndarray],
    *,
    held_out: np.ndarray,
    rotate: bool = False,
    tolerance: float = 1e-6,
    steps: int = 20,
    workers: int = 1,
    bfloat16: bool | None = None,
) -> Hot:
    """Match two layered systems (section 2 of the paper; HOT, and HOT+R with `rotate`).

    Parameters
    ----------
    source_layers, target_layers
        Per layer responses (stimuli, units), rows in the same order of stimuli.
    held_out
        Stimuli kept for scoring: indices, or a boolean for each stimulus (`split` draws one).
    rotate
        Whether the inner level may rotate the source layer.
    tolerance, steps
        Of the alternation of `rotated_match`.
    workers
        Processes over source layers; the result is the same. Pays above some 1,500 units a layer.
    bfloat16
        Whether wide layers are searched by products in bfloat16, else float32; by default where torch is
        loaded and the processor multiplies bfloat16. Costs are exact either way.

    Raises
    ------
    StudyError
        When counts of stimuli differ, fewer than 10 train or fewer than 2 are held out, no unit of
        a layer varies, or the network simplex reaches its cap.
    """
    held = _held_out(source_layers, target_layers, held_out)
    per = "layer" if rotate else "unit"
    target = [
        standardise(layer, held, per=per, name=f"target layer {number}")
        for number, layer in enumerate(target_layers)
    ]
    pairs = _Pairs(
        source_layers, [y.train for y in target], held, rotate, tolerance, steps, bfloat16
    )
    held_back, dropped_of_target = [y.held_out for y in target], [y.dropped for y in target]
    del target  # `pairs` holds what is used of it
    found = list(_rows(pairs, len(source_layers), workers))
    matches = [row for row, _, _ in found]
    cost = np.array([[match.cost for match in row] for row in matches])
    plan, total = transport(cost)
    dropped = {
        "source": [count for _, _, count in found],
        "target": dropped_of_target,
    }
    return Hot([x for _, x, _ in found], held_back, matches, cost, plan.toarray(), total, dropped)


def split(stimuli: int, share: float, *, seed: int) -> np.ndarray:
    """Return which stimuli are held out, boolean (stimuli,): a share drawn at random."""
    held = np.zeros(stimuli, dtype=bool)
    count = min(stimuli - 1, max(2, round(share * stimuli)))
    held[generator(seed, "split").permutation(stimuli)[:count]] = True
    return held


class _Pairs:
    """One source layer at a time against all target layers."""

    def __init__(
        self,
        source: Sequence[np.ndarray],
        target: list[np.ndarray],
        held: np.ndarray,
        rotate: bool,
        tolerance: float,
        steps: int,
        bfloat16: bool | None,
    ) -> None:
        """Keep what all rows share.

        Parameters
        ----------
        source
            Layers as they were given, (stimuli, units).
        target
            Scaled responses to the stimuli to train on, (those stimuli, units).
        held
            Which stimuli are held out, bool (stimuli,).
        rotate, tolerance, steps, bfloat16
            As in `hot`.
        """
        self.source, self.held, self.rotate = source, held, rotate
        self.tolerance, self.steps = tolerance, steps
        self.target = target if rotate else []
        # One product per source layer serves all target layers, and is let go after it.
        self.stacked = None if rotate else Stacked(target, bfloat16)

    def row(self, number: int) -> tuple[list[Match], np.ndarray, int]:
        """Return a source layer's matches, its held-out responses and its dropped units."""
        per = "layer" if self.rotate else "unit"
        x = standardise(self.source[number], self.held, per=per, name=f"source layer {number}")
        if self.stacked is None:
            found = [
                rotated_match(x.train, y, tolerance=self.tolerance, steps=self.steps)
                for y in self.target
            ]
        else:
            found = [Match(*one) for one in self.stacked.plans(x.train)]
        return found, x.held_out, x.dropped


_shared: list[_Pairs] = []  # in a worker: what its parent had when it forked


def _share(pairs: _Pairs) -> None:
    _shared[:] = [pairs]
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)  # a forked process cannot use the threads that its parent had


def _shared_row(number: int) -> tuple[list[Match], np.ndarray, int]:
    return _shared[0].row(number)


def _rows(
    pairs: _Pairs, layers: int, workers: int
) -> Iterator[tuple[list[Match], np.ndarray, int]]:
    """Yield each source layer's matches, its held-out responses and how many units it lost."""
    if workers <= 1:
        yield from map(pairs.row, range(layers))
        return
    # Forked workers see the layers of their parent; nothing but results is sent.
    with ProcessPoolExecutor(
        workers, mp_context=get_context("fork"), initializer=_share, initargs=(pairs,)
    ) as pool:
        yield from pool.map(_shared_row, range(layers))


def _held_out(
    source: Sequence[np.ndarray], target: Sequence[np.ndarray], held_out: np.ndarray
) -> np.ndarray:
    """Return which stimuli are held out, bool (stimuli,).

    Raises
    ------
    StudyError
        When a system has no layer, layers differ in their stimuli, or too few are held out or left.
    """
    if not len(source) or not len(target):
        raise StudyError("hot: each system needs one layer or more")
    stimuli = len(source[0])
    for side, layers in (("source", source), ("target", target)):
        for number, layer in enumerate(layers):
            if np.ndim(layer) != 2 or len(layer) != stimuli:
                raise StudyError(
                    f"hot: {side} layer {number} has shape {np.shape(layer)}, "
                    f"({stimuli} stimuli, units) expected"
                )
    held_out = np.asarray(held_out)
    if held_out.dtype == bool and held_out.shape != (stimuli,):
        raise StudyError(f"hot: held_out names {len(held_out)} stimuli, there are {stimuli}")
    held = np.zeros(stimuli, dtype=bool)
    held[held_out] = True
    if (~held).sum() < FEWEST_STIMULI or held.sum() < 2:
        raise StudyError(
            f"hot: {(~held).sum()} stimuli to train on and {held.sum()} held out; at least "
            f"{FEWEST_STIMULI} and 2 are needed"
        )
    return held


class CheckpointMatch(NamedTuple):
    """Checkpoints of two models matched: costs (C, D), and the plan (C, D), whose masses sum to 1."""

    cost: np.ndarray
    plan: np.ndarray


def checkpoint_plans(
    source: Sequence[Sequence[np.ndarray]],
    target: Sequence[Sequence[np.ndarray]],
    *,
    held_out: np.ndarray,
) -> dict[str, CheckpointMatch]:
    """Match checkpoints of two models: transport over costs of `hot` between them (third level).

    Parameters
    ----------
    source, target
        Layers of each checkpoint, [checkpoint][layer] (stimuli, units).
    held_out
        As in `hot`.

    Returns
    -------
    By "cost", the outer cost on training stimuli (the same both ways), and by "score", 1 - the
    held-out score of the source (it is not).
    """
    found = [[hot(a, b, held_out=held_out) for b in target] for a in source]
    costs = {
        "cost": np.array([[one.total for one in row] for row in found]),
        "score": np.array([[1 - one.score(one.outer) for one in row] for row in found]),
    }
    return {by: CheckpointMatch(cost, transport(cost)[0].toarray()) for by, cost in costs.items()}
