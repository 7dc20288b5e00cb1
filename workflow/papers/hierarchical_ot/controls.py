"""Every way to weigh target layers: the paper's plan and baselines (2.7), and our controls (4.5)."""

from __future__ import annotations

import numpy as np

from papers.hierarchical_ot.matching_settings import Matching
from replicortex.analysis import layer_plans
from replicortex.analysis.hot import Hot

RULES = (
    "hot",
    "random",
    "single_best",
    "pairwise_best",
    "uniform",
    "top_k",
    "staircase",
    "softmax",
)


def plans(found: Hot, matched: Matching, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the plan of each rule; `random 0`, `random 1`, ... are shuffles of the rows.

    top_k takes the M / L cheapest target layers, rounded, at least one.
    """
    layers, others = found.cost.shape
    made = {
        "hot": found.outer,
        "single_best": layer_plans.single_best(found.outer, found.cost),
        "pairwise_best": layer_plans.greedy(found.cost),
        "uniform": layer_plans.uniform((layers, others)),
        "top_k": layer_plans.greedy(found.cost, max(1, round(others / layers))),
        "staircase": layer_plans.staircase((layers, others)),
        "softmax": layer_plans.softmax(found.cost, matched.temperature),
    }
    shuffled = layer_plans.shuffled(found.outer, matched.shuffles, rng=rng)
    return made | {f"random {number}": plan for number, plan in enumerate(shuffled)}


def scored(found: Hot, matched: Matching, rng: np.random.Generator) -> tuple[dict[str, float], int]:
    """Return held-out scores by rule, and how many undefined correlations they leave out.

    "random" is the mean over shuffles.
    """
    scores, undefined = found.scores(plans(found, matched, rng))
    random = [score for rule, score in scores.items() if rule.startswith("random ")]
    named = {rule: scores[rule] for rule in RULES if rule != "random"}
    return {**named, "random": float(np.mean(random))}, undefined
