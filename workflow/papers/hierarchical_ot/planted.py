"""Simulated subjects, matched: a control of the method where the answer is known."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from papers.hierarchical_ot.match import Rows
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator, stream_seed
from replicortex.data.planted import subjects


def match_planted(
    *,
    cortex: dict[str, Any],
    matched: dict[str, Any],
    draws: list[int],
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Compare simulated subjects whose regions correspond, anew for each draw (its row's seed)."""
    rows = Rows(matched)
    for seed in progress(draws, desc="draws"):
        splits = [stream_seed(seed, "split", s) for s in range(matched["splits"])]
        for kind, noise in product(cortex["renewal"], cortex["noise"]):
            people = answers(cortex, kind, noise, seed)
            for one, other in combinations(range(len(people)), 2):
                name = f"{kind} {noise:g} {one + 1}-{other + 1}"
                rows.compare(name, people[one], people[other], False, seed, splits)
    return {name: frame for name, frame in rows.frames().items() if name != "curves"}


def answers(cortex: dict[str, Any], kind: str, noise: float, seed: int) -> list[list[np.ndarray]]:
    """Return [subject][region] responses (stimuli, voxels), averaged over repeats."""
    sizes = {name: cortex[name] for name in ("regions", "voxels", "stimuli")}
    renewal = cortex["renewal"][kind]
    made = subjects(count=cortex["subjects"], noise=noise, seed=seed, renewal=renewal, **sizes)
    found = []
    for number, subject in enumerate(made):
        rng = generator(seed, "repeats", number)
        shown = [
            [subject.repeat(region, rng) for _ in range(cortex["repeats"])]
            for region in range(cortex["regions"])
        ]
        found.append([np.mean(repeats, axis=0) for repeats in shown])
    return found
