"""Simulated subjects, matched: a control of the method where the answer is known."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd

from papers.hierarchical_ot.match import Key, Rows
from papers.hierarchical_ot.matching_settings import Cortex, SimulatedMatching
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator, stream_seed
from replicortex.data.planted import subjects


def match_planted(
    *,
    cortex: Cortex,
    matched: SimulatedMatching,
    draws: list[int],
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Compare simulated subjects whose regions correspond, anew for each draw (its row's seed).

    Which region is which is known: their depth has no null.

    Returns
    -------
    The tables of `match` but "curves": a pair is a kind of subjects, its systems two of them.
    """
    rows = Rows(matched)
    for seed in progress(draws, desc="draws"):
        splits = [stream_seed(seed, "split", s) for s in range(matched.splits)]
        for kind, noise in product(cortex.renewal, cortex.noise):
            people = answers(cortex, kind, noise, seed)
            for one, other in combinations(range(len(people)), 2):
                key = Key(seed, kind, f"subject{one + 1}", f"subject{other + 1}", noise)
                rows.compare(key, people[one], people[other], splits)
    return {name: frame for name, frame in rows.frames().items() if name != "curves"}


def answers(cortex: Cortex, kind: str, noise: float, seed: int) -> list[list[np.ndarray]]:
    """Return [subject][region] responses (stimuli, voxels), averaged over repeats.

    Parameters
    ----------
    cortex
        Sizes of the simulation; its renewal by kind.
    kind
        Of subjects.
    noise
        S.d. of one repeat, where the signal's is 1.
    seed
        Of the subjects, and of their repeats' noise.
    """
    made = subjects(
        count=cortex.subjects,
        regions=cortex.regions,
        voxels=cortex.voxels,
        stimuli=cortex.stimuli,
        noise=noise,
        seed=seed,
        renewal=cortex.renewal[kind],
    )
    found = []
    for number, subject in enumerate(made):
        rng = generator(seed, "repeats", number)
        regions = [
            [subject.repeat(region, rng) for _ in range(cortex.repeats)]
            for region in range(cortex.regions)
        ]
        found.append([np.mean(repeats, axis=0) for repeats in regions])
    return found
