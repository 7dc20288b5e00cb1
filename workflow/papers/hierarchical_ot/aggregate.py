"""All tables as one each, and checkpoints matched between pairs of trainings (third level)."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.hierarchical_ot.match import beside_null, layers_of, layers_of_seed
from papers.hierarchical_ot.matching_settings import CheckpointMatching
from replicortex.analysis import layer_plans
from replicortex.analysis.depth_null import depth_null, orders
from replicortex.analysis.hot import checkpoint_plans, split
from replicortex.core import tables
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator, stream_seed

CHECKPOINTS = ["seed", "other", "basis", "measure", "row", "column", "value"]
COST_DECIMALS = 9  # of the costs of layers in "plans"
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
        Seeds in the order of `activations`: every pair of trainings is matched, the earlier one as source.
    """
    rows: list[dict[str, Any]] = []
    loaded: dict[int, list[list[np.ndarray]]] = {}
    couples = list(combinations(zip(trained, activations, strict=True), 2))
    for couple in progress(couples, desc="checkpoints"):
        for seed, path in couple:
            if seed not in loaded:
                arrays = layers_of_seed(path, seed)
                loaded[seed] = [layers_of(arrays, f"checkpoint/{epoch}") for epoch in epochs]
        (one, _), (other, _) = couple
        found = matched_checkpoints(
            loaded[one], loaded[other], stream_seed(one, "checkpoints", other), epochs, matched
        )
        rows += [{"seed": one, "other": other, **row} for row in found]
    join = {
        "scores": scores,
        "plans": plans,
        "structure": structure,
        "curves": curves,
        "alternatives": alternatives,
        "history": history,
    }
    joined = {name: tables.join(paths) for name, paths in join.items()}
    # With all digits the table is too large to keep.
    joined["plans"]["cost"] = joined["plans"]["cost"].round(COST_DECIMALS)
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
        Of the split and of the null.
    epochs
        Of the checkpoints, in the same order.

    Returns
    -------
    Rows of "checkpoints" without the columns of the trainings, by outer cost and by score (`basis`):
    measures "plan", "greedy" and "cost" for each pair of epochs, and numbers of the whole plan, whose row
    and column are `NONE`.
    """
    held = split(len(one[0][0]), matched.held_out, seed=seed)
    drawn = orders(held, matched.null_draws, rng=generator(seed, "null"))
    without = [checkpoint_plans(one, _in_order(other, order), held_out=held) for order in drawn]
    rows = []
    for by, found in checkpoint_plans(one, other, held_out=held).items():
        greedy = layer_plans.greedy(found.cost)
        depth = layer_plans.depth_correlation(found.plan)
        single = {
            "depth correlation": depth,
            **beside_null(depth, depth_null(plans[by].plan for plans in without)),
            "depth correlation of greedy": layer_plans.depth_correlation(greedy),
            "hubness of greedy": layer_plans.hubness(greedy),
            "trace": layer_plans.trace(found.plan),
            "trace of greedy": layer_plans.trace(greedy),
        }
        rows += [
            {"basis": by, "measure": what, "row": epochs[a], "column": epochs[b], "value": m[a, b]}
            for what, m in (("plan", found.plan), ("greedy", greedy), ("cost", found.cost))
            for a, b in np.ndindex(m.shape)
        ]
        rows += [
            {"basis": by, "measure": what, "row": NONE, "column": NONE, "value": float(value)}
            for what, value in single.items()
        ]
    return rows


def _in_order(checkpoints: list[list[np.ndarray]], order: np.ndarray) -> list[list[np.ndarray]]:
    return [[layer[order] for layer in layers] for layers in checkpoints]
