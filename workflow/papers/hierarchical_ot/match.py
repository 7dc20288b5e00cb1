"""Transport between all pairs of systems, with every baseline, over splits of the stimuli."""

from __future__ import annotations

from itertools import combinations, islice, product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import ortho_group

from papers.hierarchical_ot.simulate import subjects
from replicortex.analysis import optimal_transport as transport
from replicortex.analysis import plan_structure
from replicortex.errors import StudyError
from replicortex.files import read_tensors
from replicortex.progress import Progress, iter_plainly
from replicortex.randomness import stream_seed


def layers_of(arrays: dict[str, np.ndarray], system: str) -> list[np.ndarray]:
    """Return a system's layers in order; StudyError when it has none."""
    found = sorted(
        (name for name in arrays if name.rpartition("/")[0] == system),
        key=lambda name: int(name.rpartition("/")[2]),
    )
    if not found:
        raise StudyError(f"no layers of system '{system}'")
    return [arrays[name] for name in found]


def match(
    activations: list[Path],
    pairs: dict,
    cortex: dict,
    matched: dict,
    seeds: list[int],
    progress: Progress = iter_plainly,
) -> dict:
    """Return tables of each seed: scores, plans, structure, rotation and subsampling."""
    tables: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ("scores", "plans", "structure", "curves")
    }
    for path, seed in zip(activations, seeds, strict=True):
        arrays, _ = read_tensors(path)
        rows = _Rows(matched, seed)
        for name, pair in progress(list(pairs.items()), desc="pairs"):
            source, target = (
                layers_of(arrays, f"{pair['domain']}/{pair[side]}") for side in ("source", "target")
            )
            for rotate in (False, True) if pair["rotate"] else (False,):
                rows.add(name, source, target, rotate)
        for noise in cortex["noise"]:
            people = subjects(cortex, noise, seed)
            for one, other in combinations(range(len(people)), 2):
                name = f"cortex {noise:g} {one + 1}-{other + 1}"
                rows.add(name, people[one], people[other], False)
        _extras(rows, arrays, pairs, matched, seed)
        for name, found in rows.tables().items():
            tables[name].append(found.assign(seed=seed))
    return tables


class _Rows:
    def __init__(self, matched: dict, seed: int):
        self.matched, self.seed = matched, seed
        self.scores: list[dict] = []
        self.plans: list[dict] = []
        self.structure: list[dict] = []
        self.curves: list[dict] = []

    def run(self, source, target, rotate, split, rules=transport.RULES) -> transport.Result:
        names = ("held_out", "shuffles", "temperature", "iterations")
        return transport.hot(
            source,
            target,
            seed=stream_seed(self.seed, "split", split),
            rotate=rotate,
            rules=rules,
            **{name: self.matched[name] for name in names},
        )

    def add(self, name: str, source, target, rotate: bool) -> None:
        results = [self.run(source, target, rotate, s) for s in range(self.matched["splits"])]
        key = {"pair": name, "rotate": "yes" if rotate else "no"}
        for rule in transport.RULES:
            values = np.array([result.scores[rule] for result in results])
            sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
            self.scores.append(
                {
                    **key,
                    "rule": rule,
                    "score": values.mean(),
                    "sd": sd,
                    "layers": len(source),
                    "target_layers": len(target),
                    "dropped": sum(results[0].dropped),
                    "undefined": sum(result.undefined for result in results),
                    "capped": sum(result.fit.capped for result in results),
                    "note": results[0].note,
                }
            )
        plan = np.mean([result.fit.plan for result in results], axis=0)
        costs = np.mean([result.fit.costs for result in results], axis=0)
        self.plans += [
            {**key, "row": a, "column": b, "plan": plan[a, b], "cost": costs[a, b]}
            for a, b in np.ndindex(plan.shape)
        ]
        measured = {
            "depth correlation": [plan_structure.depth_correlation(r.fit.plan) for r in results],
            "hubness of greedy": [plan_structure.hubness(r.fit.costs) for r in results],
        }
        if plan.shape[0] == plan.shape[1]:
            measured["trace"] = [plan_structure.trace(r.fit.plan) for r in results]
            greedy = [transport.weights(r.fit, "pairwise_best") for r in results]
            measured["trace of greedy"] = [plan_structure.trace(g) for g in greedy]
        if min(plan.shape) > 1:
            null = plan_structure.depth_null(*plan.shape, self.matched["null_draws"], self.seed)
            measured["depth null 97.5 %"] = [float(np.quantile(null, 0.975))]
            excess = np.mean(measured["depth correlation"]) - np.quantile(null, 0.975)
            measured["depth above null"] = [float(excess)]
        self.structure += [
            {**key, "measure": what, "value": float(np.mean(values))}
            for what, values in measured.items()
        ]

    def tables(self) -> dict[str, pd.DataFrame]:
        names = ("scores", "plans", "structure", "curves")
        return {name: pd.DataFrame(getattr(self, name)) for name in names}


def _extras(rows: _Rows, arrays: dict, pairs: dict, matched: dict, seed: int) -> None:
    """Each rotated pair's source against its own rotated copy; units left out at random."""
    for name, pair in pairs.items():
        if not pair["rotate"]:
            continue
        source = layers_of(arrays, f"{pair['domain']}/{pair['source']}")
        target = layers_of(arrays, f"{pair['domain']}/{pair['target']}")
        random = np.random.default_rng(stream_seed(seed, "rotation", name))
        turned = [x @ ortho_group.rvs(x.shape[1], random_state=random) for x in source]
        for what, other in (("itself", source), ("itself, rotated", turned)):
            for rotate in (False, True):
                score = rows.run(source, other, rotate, 0, ["hot"]).scores["hot"]
                rotated = "yes" if rotate else "no"
                rows.curves.append(
                    {"pair": name, "what": what, "rotate": rotated, "x": 1.0, "score": score}
                )
        for share in matched["shares"]:
            few = [_part(x, share, random) for x in source]
            others = [_part(y, share, random) for y in target]
            result = rows.run(few, others, False, 0, ["hot", "pairwise_best", "uniform"])
            rows.curves += [
                {"pair": name, "what": rule, "rotate": "no", "x": share, "score": score}
                for rule, score in result.scores.items()
            ]


def _part(x: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    return x[:, random.permutation(x.shape[1])[: max(2, round(share * x.shape[1]))]]


def aggregate(
    activations: list[Path],
    scores: list[Path],
    plans: list[Path],
    structure: list[Path],
    curves: list[Path],
    history: list[Path],
    vision: dict,
    matched: dict,
    trained: list[int],
) -> dict:
    """Return all seeds' tables as one each, and checkpoints matched between pairs of seeds.

    `trained` are the seeds in the order of the files.
    """
    loaded = [read_tensors(path)[0] for path in activations]
    rows = []
    couples = combinations(range(len(trained)), 2)
    for one, other in islice(couples, len(trained)):
        rows += _checkpoints(loaded[one], loaded[other], trained[one], vision, matched)
    join = {
        "scores": scores,
        "plans": plans,
        "structure": structure,
        "curves": curves,
        "history": history,
    }
    tables = {
        name: pd.concat([pd.read_csv(p) for p in paths], ignore_index=True)
        for name, paths in join.items()
    }
    return {**tables, "checkpoints": pd.DataFrame(rows, columns=CHECKPOINTS)}


CHECKPOINTS = ["seed", "measure", "row", "column", "value"]


def _checkpoints(one: dict, other: dict, seed: int, vision: dict, matched: dict) -> list[dict]:
    epochs = vision["checkpoints"]
    costs = np.zeros((len(epochs), len(epochs)))
    for a, b in product(range(len(epochs)), repeat=2):
        source = layers_of(one, f"checkpoint/{epochs[a]}")
        target = layers_of(other, f"checkpoint/{epochs[b]}")
        result = transport.hot(source, target, seed=seed, rules=["hot"])
        costs[a, b] = result.fit.cost
    _, plan = transport.three_levels(costs)
    null = plan_structure.depth_null(*plan.shape, matched["null_draws"], seed)
    single = {
        "depth correlation": plan_structure.depth_correlation(plan),
        "depth above null": plan_structure.depth_correlation(plan) - np.quantile(null, 0.975),
        "hubness of greedy": plan_structure.hubness(costs),
    }
    rows = [
        {"seed": seed, "measure": what, "row": epochs[a], "column": epochs[b], "value": m[a, b]}
        for what, m in (("plan", plan), ("cost", costs))
        for a, b in np.ndindex(plan.shape)
    ]
    return rows + [
        {"seed": seed, "measure": what, "row": -1, "column": -1, "value": float(value)}
        for what, value in single.items()
    ]
