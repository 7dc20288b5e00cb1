"""Other ways to match layers beside HOT: by CKA, RSA, Procrustes, ridge, and all units at once.

One split for each seed. A method's similarities (training stimuli) give a plan, by the same outer
transport, and a greedy choice; both predict held-out responses through HOT's matching of units, so
that only the plan between layers differs. "own score" is the greedy choice's by the method itself:
for ridge its regression, for "all units" its one plan. Layers whose training stimuli are all equally
far apart have no RSA: "constant RDMs" counts them, and unless it is 0 the row of RSA is empty; so is that
of ridge when a pair of layers has no correlation at all. "undefined" counts the correlations of units
(constant on either side) that the row's means leave out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.hierarchical_ot.match import Layers, both, layers_of_seed
from papers.hierarchical_ot.matching_settings import Pair
from replicortex.analysis import layer_plans, layer_similarity
from replicortex.analysis.correlation import Mean, mean_pearson
from replicortex.analysis.hot import hot, split
from replicortex.analysis.soft_matching import standardise
from replicortex.analysis.transport import transport
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed

VALIDATED = 4  # one in so many training stimuli chooses among layers by ridge


def alternatives(
    *,
    activations: list[Path],
    pairs: dict[str, Pair],
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
    """Return one row for each method.

    Parameters
    ----------
    source, target
        Layers, each (stimuli, units), rows being the same stimuli.
    held
        Numbers of the stimuli that are held out.
    penalty
        Of ridge, where every unit has norm 1.

    Returns
    -------
    Rows of "alternatives" without seed and pair. CKA, RSA, Procrustes and ridge are those of
    `replicortex.analysis.layer_similarity`; soft matching is HOT's own (Khosla and Williams 2024).
    """
    found = hot(source, target, held_out=held)
    x, y = ([standardise(layer, held) for layer in side] for side in (source, target))
    ranks = [[layer_similarity.ranked_rdm(layer.train) for layer in side] for side in (x, y)]
    constant = sum(int(np.isnan(one).all()) for side in ranks for one in side)
    validated = [[_validated(a.train, b.train, penalty) for b in y] for a in x]
    similarities = {
        "soft matching": 1 - found.cost,
        "CKA": _table(x, y, layer_similarity.cka),
        "RSA": np.array([[a @ b for b in ranks[1]] for a in ranks[0]]),
        "Procrustes": _table(x, y, layer_similarity.procrustes),
        "ridge": np.array([[one.value for one in row] for row in validated]),
    }
    rows = []
    for method, similarity in similarities.items():
        without = sum(one.undefined for row in validated for one in row) * (method == "ridge")
        if np.isnan(similarity).any():
            flat = constant if method == "RSA" else 0
            rows.append({"method": method, "constant RDMs": flat, "undefined": without})
            continue
        own = Mean(np.nan, 0)
        if method == "ridge":
            own = _by_best_layers(x, y, similarity, penalty)
        plan = transport(1 - similarity)[0].toarray()
        greedy = layer_plans.greedy(1 - similarity)
        scores, undefined = found.scores({"plan": plan, "greedy": greedy})
        rows.append(
            {
                "method": method,
                "score": scores["plan"],
                "greedy score": scores["greedy"],
                "own score": own.value,
                "depth correlation": layer_plans.depth_correlation(plan),
                "depth correlation of greedy": layer_plans.depth_correlation(greedy),
                "hubness of greedy": layer_plans.hubness(greedy),
                "constant RDMs": 0,
                "undefined": without + undefined + own.undefined,
            }
        )
    rows.append({"method": "all units", "constant RDMs": 0, **_all_units(x, y)})
    return rows


def _table(x: list, y: list, similarity: Any) -> np.ndarray:
    return np.array([[similarity(a.train, b.train) for b in y] for a in x])


def _validated(x: np.ndarray, y: np.ndarray, penalty: float) -> Mean:
    """Return how well a part of the training stimuli is told from the rest."""
    part = np.arange(len(x)) % VALIDATED == 0
    weights = layer_similarity.ridge_weights(y[~part], x[~part], penalty)
    return mean_pearson(y[part] @ weights, x[part])


def _by_best_layers(x: list, y: list, similarity: np.ndarray, penalty: float) -> Mean:
    """Return how well ridge tells each source layer's held-out answers from its most similar target."""
    found = [
        mean_pearson(
            y[b].held_out @ layer_similarity.ridge_weights(y[b].train, x[a].train, penalty),
            x[a].held_out,
        )
        for a, b in enumerate(similarity.argmax(axis=1))
    ]
    return Mean(float(np.mean([one.value for one in found])), sum(one.undefined for one in found))


def _all_units(x: list, y: list) -> dict[str, float]:
    """Return "own score" of one transport between all units, whatever their layers, and "undefined".

    `x` and `y` are standardised layers of source and target. Their units lie side by side, and each source
    unit is told by the mean of the target units that the plan gives it.
    """
    ends = np.cumsum([layer.train.shape[1] for layer in x])[:-1]
    source, target = (np.concatenate([layer.train for layer in side], axis=1) for side in (x, y))
    plan, _ = transport(1 - source.T @ target)
    predicted = (plan @ np.concatenate([layer.held_out for layer in y], axis=1).T).T
    parts = np.split(predicted, ends, axis=1)
    own = [mean_pearson(part, layer.held_out) for layer, part in zip(x, parts, strict=True)]
    return {
        "own score": float(np.mean([one.value for one in own])),
        "undefined": sum(one.undefined for one in own),
    }
