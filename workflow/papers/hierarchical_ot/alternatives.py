"""Other ways to match layers beside HOT: by CKA, RSA, Procrustes, ridge, and all units at once.

One split for each seed. A method's similarities (training stimuli) give a plan, by the same outer
transport, and a greedy choice; both predict held-out responses through HOT's matching of units, so
that only the plan between layers differs. "own score" is the greedy choice's by the method itself:
for ridge its regression, for "all units" its one plan. Layers whose training stimuli are all equally
far apart have no RSA: "constant RDMs" counts them, and unless it is 0 the row of RSA is empty.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.hierarchical_ot.match import Layers, both, layers_of_seed
from replicortex.analysis import layer_plans, layer_similarity
from replicortex.analysis.optimal_transport import hot, split, standardise, transport
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed

VALIDATED = 4  # one in so many training stimuli chooses among layers by ridge


def alternatives(
    *,
    activations: list[Path],
    pairs: dict[str, dict[str, Any]],
    held_out: float,
    penalty: float,
    seeds: list[int],
    progress: Progress = iter_plainly,
) -> dict[str, list[pd.DataFrame]]:
    """Return "alternatives" of each seed: pair, method -> scores and structure.

    Parameters
    ----------
    penalty
        Of ridge, where every unit has norm 1.
    """
    found = []
    for path, seed in zip(activations, seeds, strict=True):
        arrays = layers_of_seed(path, seed)
        rows = []
        for name, pair in progress(list(pairs.items()), desc="pairs"):
            source, target = both(arrays, pair)
            held = split(len(source[0]), held_out, seed=stream_seed(seed, "split", 0))
            rows += [
                {"seed": seed, "pair": name, **row}
                for row in compare(source, target, held, penalty)
            ]
        found.append(pd.DataFrame(rows))
    return {"alternatives": found}


def compare(
    source: Layers, target: Layers, held: np.ndarray, penalty: float
) -> list[dict[str, Any]]:
    """Return one row for each method."""
    found = hot(source, target, held_out=held)
    x, y = ([standardise(layer, held) for layer in side] for side in (source, target))
    ranks = [[layer_similarity.ranked_rdm(layer.train) for layer in side] for side in (x, y)]
    constant = sum(int(np.isnan(one).all()) for side in ranks for one in side)
    pairs = [(a, b) for a in range(len(x)) for b in range(len(y))]
    similarities = {
        "soft matching": 1 - found.cost,
        "CKA": _table(x, y, layer_similarity.cka),
        "RSA": np.array([[a @ b for b in ranks[1]] for a in ranks[0]]),
        "Procrustes": _table(x, y, layer_similarity.procrustes),
        "ridge": np.array([_validated(x[a].train, y[b].train, penalty) for a, b in pairs]).reshape(
            len(x), len(y)
        ),
    }
    rows = []
    for method, similarity in similarities.items():
        if method == "RSA" and constant:
            rows.append({"method": method, "constant RDMs": constant})
            continue
        plan = transport(1 - similarity)[0].toarray()
        greedy = layer_plans.greedy(1 - similarity)
        scores, _ = found.scores({"plan": plan, "greedy": greedy})
        rows.append(
            {
                "method": method,
                "score": scores["plan"],
                "greedy score": scores["greedy"],
                "own score": np.nan,
                "depth correlation": layer_plans.depth_correlation(plan),
                "depth correlation of greedy": layer_plans.depth_correlation(greedy),
                "hubness of greedy": layer_plans.hubness(greedy),
                "constant RDMs": 0,
            }
        )
    chosen = similarities["ridge"].argmax(axis=1)
    rows[-1]["own score"] = float(
        np.mean(
            [
                layer_similarity.mean_correlation(
                    x[a].held_out,
                    y[b].held_out @ layer_similarity.ridge_weights(y[b].train, x[a].train, penalty),
                )
                for a, b in enumerate(chosen)
            ]
        )
    )
    rows.append({"method": "all units", "own score": _all_units(x, y), "constant RDMs": 0})
    return rows


def _table(x: list, y: list, similarity: Any) -> np.ndarray:
    return np.array([[similarity(a.train, b.train) for b in y] for a in x])


def _validated(x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    """Return how well a part of the training stimuli is told from the rest."""
    part = np.arange(len(x)) % VALIDATED == 0
    weights = layer_similarity.ridge_weights(y[~part], x[~part], penalty)
    return layer_similarity.mean_correlation(x[part], y[part] @ weights)


def _all_units(x: list, y: list) -> float:
    """Return the score of one transport between all units, whatever their layers."""
    ends = np.cumsum([layer.train.shape[1] for layer in x])[:-1]
    source, target = (np.concatenate([layer.train for layer in side], axis=1) for side in (x, y))
    plan, _ = transport(1 - source.T @ target)
    told = (plan @ np.concatenate([layer.held_out for layer in y], axis=1).T).T
    parts = np.split(told, ends, axis=1)
    return float(
        np.mean(
            [
                layer_similarity.mean_correlation(layer.held_out, part)
                for layer, part in zip(x, parts, strict=True)
            ]
        )
    )
