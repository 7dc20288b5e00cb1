"""Transport between pairs of systems, with every baseline, over splits of the stimuli.

Tables: "scores" (rule -> score, sd over splits), "plans" (row, column -> plan, cost; means over
splits), "structure" (measure -> value, of a system's region where it is one's), "curves" (a network
against its rotated self; units left out). One row for each seed: of the training, or, between systems
that are not trained here, of the split alone. Rows of the first three begin with the columns of `Key`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import ortho_group

from papers.hierarchical_ot.controls import RULES, scored
from papers.hierarchical_ot.matching_settings import (
    Matching,
    Pair,
    ProbedMatching,
    SimulatedMatching,
)
from replicortex.analysis import layer_plans
from replicortex.analysis.depth_null import DepthNull, depth_null, orders
from replicortex.analysis.hot import Hot, hot, split
from replicortex.core.errors import StudyError, nearest
from replicortex.core.files import read_tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator, stream_seed

Layers = Sequence[np.ndarray]
TABLES = ("scores", "plans", "structure", "curves")
# What files of layers have beside the layers, and its name in `structure`.
BESIDE = {"ceilings": "noise ceiling", "left out": "voxels left out"}
CURVES = ["seed", "pair", "what", "rotate", "x", "score"]


def match(
    *,
    activations: list[Path],
    fixed: list[Path],
    pairs: dict[str, Pair],
    matched: ProbedMatching,
    seeds: list[int],
    progress: Progress = iter_plainly,
) -> dict[str, list[pd.DataFrame]]:
    """Compare pairs of systems of which one or both were trained here, for each seed.

    Rows of all files are the same stimuli in one order: see `embed.embed`.

    Raises
    ------
    StudyError
        When a file is not that of its seed.
    """
    others: dict[str, np.ndarray] = {}
    for path in fixed:
        others |= read_tensors(path)[0]
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for path, seed in zip(activations, seeds, strict=True):
        arrays = {**others, **layers_of_seed(path, seed)}
        rows = Rows(matched)
        for name, pair in progress(list(pairs.items()), desc="pairs"):
            source, target = both(arrays, pair)
            splits = [stream_seed(seed, "split", s) for s in range(matched.splits)]
            for rotate in (False, True) if pair.rotate else (False,):
                key = Key(seed, name, pair.source, pair.target, rotate=rotate)
                rows.compare(key, source, target, splits, pair.depth_null * matched.null_draws)
            if pair.probe:
                rows.rotation(name, source, seed)
                rows.subsampling(name, source, target, seed, matched.shares, rotate=pair.rotate)
        for name, frame in rows.frames().items():
            tables[name].append(frame)
    return tables


def layers_of_seed(path: Path, seed: int) -> dict[str, np.ndarray]:
    """Return the layers that `embed` wrote for a seed.

    Raises
    ------
    StudyError
        When the file is that of another seed.
    """
    arrays, metadata = read_tensors(path)
    if metadata.get("seed") != seed:
        raise StudyError(
            f"{path}: layers of seed {metadata.get('seed')} found, of seed {seed} expected"
        )
    return arrays


def match_fixed(
    *,
    fixed: list[Path],
    pairs: dict[str, Pair],
    matched: Matching,
    workers: int = 1,
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Compare pairs of systems that were not trained here; a row's seed is that of its split.

    Beside the plans' own measures, `structure` has each region's mean noise ceiling, and how many of
    its voxels were left out since they had no response in some session.
    """
    rows = Rows(matched, workers)
    for name, pair in progress(list(pairs.items()), desc="pairs"):
        wanted = {f"{pair.domain}/{system}/" for system in (pair.source, pair.target)}
        beside = {f"{kind}/" for kind in BESIDE}
        arrays: dict[str, np.ndarray] = {}
        for path in fixed:
            found, _ = read_tensors(path)
            arrays |= {k: v for k, v in found.items() if k.startswith((*wanted, *beside))}
        source, target = both(arrays, pair)
        for seed in range(matched.splits):
            for rotate in (False, True) if pair.rotate else (False,):
                key = Key(seed, name, pair.source, pair.target, rotate=rotate)
                rows.compare(key, source, target, [seed], pair.depth_null * matched.null_draws)
            key = Key(seed, name, pair.source, pair.target)
            for system in dict.fromkeys((pair.source, pair.target)):
                rows.beside(key, system, arrays)
    return {name: frame for name, frame in rows.frames().items() if name != "curves"}


def layers_of(arrays: dict[str, np.ndarray], system: str) -> list[np.ndarray]:
    """Return a system's layers in order.

    Raises
    ------
    StudyError
        When it has none.
    """
    found = sorted(
        (name for name in arrays if name.rpartition("/")[0] == system),
        key=lambda name: int(name.rpartition("/")[2]),
    )
    if not found:
        known = {name.rpartition("/")[0] for name in arrays}
        raise StudyError(f"no layers of system '{system}'{nearest(system, known)}")
    return [arrays[name] for name in found]


def both(arrays: dict[str, np.ndarray], pair: Pair) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the layers of a pair's source and target."""
    source, target = (
        layers_of(arrays, f"{pair.domain}/{system}") for system in (pair.source, pair.target)
    )
    return source, target


class Key(NamedTuple):
    """What rows are of; noise_sd is that of simulated subjects, and empty for all others."""

    seed: int
    pair: str
    source: str
    target: str
    noise_sd: float = float("nan")
    rotate: bool = False

    def columns(self) -> dict[str, Any]:
        """Return the first columns of the rows."""
        return {**self._asdict(), "rotate": "yes" if self.rotate else "no"}


class OneSplit(NamedTuple):
    """A pair matched on one split.

    Attributes
    ----------
    scores
        Held-out score by rule.
    undefined, unconverged
        Correlations that the scores leave out; pairs of layers whose rotation ended at its cap.
    structure
        Value by measure.
    plan, cost
        Both (source layers, target layers).
    dropped
        Units left out, by side.
    note
        What `hot` says of the match.
    """

    scores: dict[str, float]
    undefined: int
    unconverged: int
    structure: dict[str, float]
    plan: np.ndarray
    cost: np.ndarray
    dropped: dict[str, int]
    note: str


class Rows:
    """Rows of the tables, as they are found.

    Parameters
    ----------
    matched
        How systems are matched.
    workers
        Processes of one match; they change no result.
    """

    def __init__(self, matched: SimulatedMatching, workers: int = 1) -> None:
        self.matched, self.workers = matched, workers
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tables."""
        made = {name: pd.DataFrame(rows) for name, rows in self.rows.items()}
        return made | {"curves": pd.DataFrame(self.rows["curves"], columns=CURVES)}

    def held_out(self, stimuli: int, seed: int) -> np.ndarray:
        """Return which stimuli the split of a seed holds out, boolean (stimuli,)."""
        return split(stimuli, self.matched.held_out, seed=seed)

    def run(self, source: Layers, target: Layers, rotate: bool, seed: int) -> Hot:
        """Match two systems on the split of a seed; their layers are (stimuli, units)."""
        return hot(
            source,
            target,
            held_out=self.held_out(len(source[0]), seed),
            rotate=rotate,
            steps=self.matched.iterations,
            workers=self.workers,
        )

    def compare(
        self,
        key: Key,
        source: Layers,
        target: Layers,
        splits: list[int],
        null_draws: int = 0,
    ) -> None:
        """Add a pair, matched on each split: scores, plan and structure are means over splits.

        Parameters
        ----------
        source, target
            Layers, each (stimuli, units), rows being the same stimuli.
        splits
            Seeds of the splits of the stimuli.
        null_draws
            Orders of the target's stimuli for the null of the depth correlation, on the first split; 0
            for none. Plans that are means over splits vary less, so that the limit is no lower than theirs.
        """
        found = [self._on_split(source, target, key.rotate, one) for one in splits]
        beside = {
            "layers": len(source),
            "target_layers": len(target),
            **{f"dropped_{side}": count for side, count in found[0].dropped.items()},
            "note": found[0].note,
            "undefined": sum(one.undefined for one in found),
            "unconverged": sum(one.unconverged for one in found),
        }
        for rule in RULES:
            values = np.array([one.scores[rule] for one in found])
            sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
            self.rows["scores"].append(
                {**key.columns(), "rule": rule, "score": float(values.mean()), "sd": sd, **beside}
            )
        plan = np.mean([one.plan for one in found], axis=0)
        cost = np.mean([one.cost for one in found], axis=0)
        self.rows["plans"] += [
            {**key.columns(), "row": a, "column": b, "plan": plan[a, b], "cost": cost[a, b]}
            for a, b in np.ndindex(plan.shape)
        ]
        mean = pd.DataFrame([one.structure for one in found]).mean(skipna=False).to_dict()
        if null_draws and min(plan.shape) > 1:
            seed = splits[0]
            drawn = orders(
                self.held_out(len(source[0]), seed),
                null_draws,
                rng=generator(seed, "depth null", key.pair),
            )
            null = depth_null(
                self.run(source, [y[order] for y in target], key.rotate, seed).outer
                for order in drawn
            )
            mean |= beside_null(mean["depth correlation"], null)
        self._structure(key, mean)

    def beside(self, key: Key, system: str, arrays: dict[str, np.ndarray]) -> None:
        """Add what is known of a system's regions beside their layers, each as a mean over voxels."""
        for kind, what in BESIDE.items():
            start = f"{kind}/{system}/"
            for name in sorted(name for name in arrays if name.startswith(start)):
                region = name.removeprefix(start)
                self._structure(key, {what: float(arrays[name].mean())}, system, region)

    def _on_split(self, source: Layers, target: Layers, rotate: bool, seed: int) -> OneSplit:
        """Match two systems on the split of a seed, and weigh the target's layers by every rule."""
        found = self.run(source, target, rotate, seed)
        scores, undefined = scored(found, self.matched, generator(seed, "shuffles"))
        return OneSplit(
            scores,
            undefined,
            found.unconverged,
            structure(found),
            found.outer,
            found.cost,
            {side: sum(counts) for side, counts in found.dropped.items()},
            found.note,
        )

    def _structure(
        self, key: Key, values: dict[str, float], system: str = "", region: str = ""
    ) -> None:
        of = {"system": system, "region": region}
        self.rows["structure"] += [
            {**key.columns(), "measure": what, **of, "value": value}
            for what, value in values.items()
        ]

    def rotation(self, name: str, source: Layers, seed: int) -> None:
        """Add a system against itself, and against itself with every layer turned at random.

        The turns are orthogonal matrices drawn uniformly (Haar); plain transport needs the axes of the units,
        HOT+R does not. Rows of "curves" have x = 1.
        """
        rng = generator(seed, "rotation", name)
        # A layer of one unit has no rotation but its sign.
        turned = [
            x @ (ortho_group.rvs(x.shape[1], random_state=rng) if x.shape[1] > 1 else -np.eye(1))
            for x in source
        ]
        for what, other in (("itself", source), ("rotated self", turned)):
            for rotate in (False, True):
                found = self.run(source, other, rotate, stream_seed(seed, "split", 0))
                self._curve(name, what, rotate, seed, 1.0, found.score(found.outer))

    def subsampling(
        self,
        name: str,
        source: Layers,
        target: Layers,
        seed: int,
        shares: Sequence[float],
        *,
        rotate: bool,
    ) -> None:
        """Add scores with each share of the units of every layer, drawn at random.

        Of a layer of two units or more, two stay at least. Rows of "curves" have the share as x. With
        `rotate` there are rows of HOT+R on the same units beside those of HOT.
        """
        rng = generator(seed, "units", name)
        for share in shares:
            few, others = ([_part(x, share, rng) for x in side] for side in (source, target))
            for rotated in (False, True) if rotate else (False,):
                found = self.run(few, others, rotated, stream_seed(seed, "split", 0))
                scores, _ = scored(found, self.matched, generator(seed, "shuffles"))
                for rule in ("hot", "pairwise_best", "uniform"):
                    self._curve(name, rule, rotated, seed, share, scores[rule])

    def _curve(self, name: str, what: str, rotate: bool, seed: int, x: float, score: float) -> None:
        rotated = "yes" if rotate else "no"
        row = dict(zip(CURVES, (seed, name, what, rotated, x, score), strict=True))
        self.rows["curves"].append(row)


def structure(found: Hot) -> dict[str, float]:
    """Return what a plan looks like, by measure: its cost, greedy hubs, order, mass on the diagonal.

    Order needs two layers on both sides, the diagonal as many on either.
    """
    greedy = layer_plans.greedy(found.cost)
    values = {"outer cost": found.total, "hubness of greedy": layer_plans.hubness(greedy)}
    if min(found.cost.shape) > 1:
        values["depth correlation"] = layer_plans.depth_correlation(found.outer)
        values["depth correlation of greedy"] = layer_plans.depth_correlation(greedy)
    if found.cost.shape[0] == found.cost.shape[1]:
        values["trace"] = layer_plans.trace(found.outer)
        values["trace of greedy"] = layer_plans.trace(greedy)
    return values


def beside_null(depth: float, null: DepthNull) -> dict[str, float]:
    """Return a plan's depth correlation beside those of plans without correspondence, by measure."""
    return {
        "depth permuted mean": null.mean,
        "depth permuted 97.5 %": null.limit,
        "depth beyond permuted mean": depth - null.mean,
        "depth above permuted": depth - null.limit,
    }


def _part(x: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    return x[:, rng.permutation(x.shape[1])[: max(2, round(share * x.shape[1]))]]
