"""How much of figure 2 the planted generator decides: its free parameters, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from papers.sparse_positive.designs import Design
from papers.sparse_positive.encode import per_voxel, summary
from papers.sparse_positive.encoding_settings import FitSettings, Planted, Reliability, Values
from papers.sparse_positive.problems import Problem, Voxels, planted_problems
from replicortex.analysis import encoding
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator

REGION = "FFA"  # PPA is the same generator with the sets exchanged
# How the least favourable value to the paper is found among all.
WORST = {"keep": "min", "drop": "max", "least": "max", "fewest": "max"}
SIGNS = "negative"  # the parameter without which voxels are sparse positive mixes
ALL = "all"


def sweep(
    *,
    seeds: Sequence[int],
    planted: Planted,
    reliability: Reliability,
    values: Values,
    fits: FitSettings,
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Fit the planted FFA with one parameter of the generator changed at a time.

    Parameters
    ----------
    seeds
        Of draws of the generator.
    planted, reliability
        What is kept of the generator and its voxels.
    values
        What each parameter takes.
    fits
        The paper's alpha.

    Returns
    -------
    "generator": a row per seed, parameter and value. r of the signed Lasso from matched and
    mismatched units; `keep`, what positive weights change of the former; `drop`, of the latter,
    relative; `least` and `fewest`, reorientation and active units of the positive Lasso from matched
    units, less the smallest of the other positive models. The rows of the parameter "all" have the
    value of each measure that is least favourable to the paper, over all positive generators.
    """
    settings = [(name, value) for name, taken in values.model_dump().items() for value in taken]
    found: dict[tuple[str, int], dict[str, float]] = {}
    rows = []
    for name, value in progress(settings, desc="parameters of the generator"):
        changed = planted.model_copy(update={name: value})
        key = changed.model_dump_json()
        for seed in seeds:
            if (key, seed) not in found:
                found[key, seed] = measured(_problem(changed, reliability, seed).design, fits, seed)
            rows.append({"seed": seed, "parameter": name, "value": value, **found[key, seed]})
    table = pd.DataFrame(rows)
    positive = table[(table["parameter"] != SIGNS) | (table["value"] == 0)]
    worst = positive.groupby("seed", as_index=False).agg(WORST).assign(parameter=ALL)
    return {"generator": pd.concat([table, worst], ignore_index=True)}


def _problem(planted: Planted, reliability: Reliability, seed: int) -> Problem:
    found = planted_problems(planted, Voxels(reliability), [seed])
    return next(one for one in found if one.cell["region"] == REGION)


def measured(design: Design, fits: FitSettings, seed: int) -> dict[str, float]:
    """Return the measures of `sweep` for one design whose matched units are the face units."""
    lasso = {
        (units, sign): _fitted(design, units, "lasso", sign == "positive", fits, seed)
        for units in ("face", "scene")
        for sign in ("signed", "positive")
    }
    others = [
        _fitted(design, "face", kind, True, fits, seed)
        for kind in encoding.KINDS
        if kind != "lasso"
    ]
    mine = lasso["face", "positive"]
    matched, mismatched = (lasso[units, "signed"]["r_dead_0"] for units in ("face", "scene"))
    left = lasso["scene", "positive"]["r_dead_0"]
    return {
        "r_matched": matched,
        "r_mismatched": mismatched,
        "keep": mine["r_dead_0"] - matched,
        "drop": left / mismatched - 1 if mismatched > 0 else np.nan,
        "least": mine["theta"] - min(one["theta"] for one in others),
        "fewest": mine["active"] - min(one["active"] for one in others),
    }


def _fitted(
    design: Design, units: str, kind: str, positive: bool, fits: FitSettings, seed: int
) -> Mapping[str, float]:
    X, _, X_test = design.features[units]
    train, _, test = design.voxels
    W = encoding.fit(kind, positive, fits.alpha, X, train, l1_ratio=fits.l1_ratio)
    return summary(per_voxel(X_test, test, W, generator(seed, "sweep", units, kind)))
