"""All tables as one each, and checkpoints matched between pairs of trainings (third level)."""

from __future__ import annotations

from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.hierarchical_ot.match import beside_null, layers_of, layers_of_seed
from papers.hierarchical_ot.matching_settings import CheckpointMatching
from replicortex.analysis import layer_plans
from replicortex.analysis.depth_null import depth_null
from replicortex.analysis.hot import checkpoint_plan, split
from replicortex.core import tables
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator

CHECKPOINTS = ["seed", "measure", "row", "column", "value"]
NONE = -1  # row and column of a measure that has none


def aggregate(
    *,
    activations: list[Path],
    scores: list[Path],
    plans: list[Path],
    structure: list[Path],
    curves: list[Path],
    alternatives: list[Path],
    history: list[Path],
    epochs: list[int],
    matched: CheckpointMatching,
    trained: list[int],
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Return the joined tables, and "checkpoints": plan and cost by epoch, and their structure.

    Parameters
    ----------
    epochs
        Checkpoints of the network that is followed.
    trained
        Seeds in the order of `activations`; as many pairs of them as there are seeds are matched,
        and a pair goes by its position.
    """
    couples = list(islice(combinations(range(len(trained)), 2), len(trained)))
    rows: list[dict[str, Any]] = []
    loaded: dict[int, list[list[np.ndarray]]] = {}
    for number, (one, other) in enumerate(progress(couples, desc="checkpoints")):
        for place in (one, other):
            if place not in loaded:
                arrays = layers_of_seed(activations[place], trained[place])
                loaded[place] = [layers_of(arrays, f"checkpoint/{epoch}") for epoch in epochs]
        rows += matched_checkpoints(loaded[one], loaded[other], number, epochs, matched)
    join = {
        "scores": scores,
        "plans": plans,
        "structure": structure,
        "curves": curves,
        "alternatives": alternatives,
        "history": history,
    }
    joined = {name: tables.join(paths) for name, paths in join.items()}
    return {**joined, "checkpoints": pd.DataFrame(rows, columns=CHECKPOINTS)}


def matched_checkpoints(
    one: list[list[np.ndarray]],
    other: list[list[np.ndarray]],
    seed: int,
    epochs: list[int],
    matched: CheckpointMatching,
) -> list[dict[str, Any]]:
    """Return plan, cost and structure of the checkpoints of two trainings: the paper's third level.

    Parameters
    ----------
    one, other
        Layers of each checkpoint of a training, [checkpoint][layer] (stimuli, units).
    seed
        Of the split and of the null; the rows' seed.
    epochs
        Of the checkpoints, in the same order.

    Returns
    -------
    Rows of "checkpoints": measures "plan", "greedy" and "cost" for each pair of epochs, and numbers of
    the whole plan, whose row and column are `NONE`.
    """
    held = split(len(one[0][0]), matched.held_out, seed=seed)
    costs, plan = checkpoint_plan(one, other, held_out=held)
    null = depth_null(
        lambda order: checkpoint_plan(one, _in_order(other, order), held_out=held)[1],
        held,
        matched.null_draws,
        rng=generator(seed, "null"),
    )
    greedy = layer_plans.greedy(costs)
    depth = layer_plans.depth_correlation(plan)
    single = {
        "depth correlation": depth,
        **beside_null(depth, null),
        "depth correlation of greedy": layer_plans.depth_correlation(greedy),
        "hubness of greedy": layer_plans.hubness(greedy),
        "trace": layer_plans.trace(plan),
        "trace of greedy": layer_plans.trace(greedy),
    }
    rows = [
        {"seed": seed, "measure": what, "row": epochs[a], "column": epochs[b], "value": m[a, b]}
        for what, m in (("plan", plan), ("greedy", greedy), ("cost", costs))
        for a, b in np.ndindex(m.shape)
    ]
    return rows + [
        {"seed": seed, "measure": what, "row": NONE, "column": NONE, "value": float(value)}
        for what, value in single.items()
    ]


def _in_order(checkpoints: list[list[np.ndarray]], order: np.ndarray) -> list[list[np.ndarray]]:
    return [[layer[order] for layer in layers] for layers in checkpoints]
