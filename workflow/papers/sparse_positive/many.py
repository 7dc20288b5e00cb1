"""Figure 3: signed ridge from units of many feature spaces, matched or not; V4 from each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.sparse_positive.encode import match_of, per_voxel, summary
from papers.sparse_positive.encoding_settings import Compared
from papers.sparse_positive.features import of_session, read
from papers.sparse_positive.names import family, layer, network, source
from papers.sparse_positive.problems import (
    Problem,
    Voxels,
    macaque_problems,
    nsd_problems,
    semi_real_problems,
    that_pass,
)
from replicortex.analysis import encoding
from replicortex.analysis.correlation import pearson
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator

RECORDED = [
    *("seed", "session", "space", "network", "source", "layer", "units", "count", "r", "live")
]


def many(
    *,
    features: Sequence[Path],
    cortex: Path,
    seeds: Sequence[int],
    numbers: Compared,
    alphas: Sequence[float],
    least: int,
    scenes: Path | None = None,
    v4: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Fit every space of some files; the cortex's own network is left out.

    Parameters
    ----------
    features, cortex
        Files of `spaces.extract`, and the one, of them or another, that holds the cortex of the
        semi-real design.
    seeds
        Of splits, mixes and noise.
    numbers
        How the semi-real voxels are made, and which of NSD's count.
    alphas
        Of ridge, chosen per voxel on validation images; on NSD, whose images figure 3 halves, by
        leaving out one training image at a time.
    least
        Units of each set that must pass the localizer for a fit on those alone.
    scenes, v4
        Manifests of NSD and of macaque V4: their voxels and neurons are targets as well.

    Returns
    -------
    "spaces": a row per target, seed, region, space and unit set. `arm`: "filled", the paper's number
    of units, of which `passing` pass the localizer; "passing", these alone, as many of each set,
    where there are `least`, with voxels mixed from units that pass. "recorded": V4 by signed ridge, a
    row per seed, session, space and unit set, means over neurons; none of spaces that were shown no
    session, as published models are not.
    """
    compared = read(features)
    spaces = compared if cortex in features else compared | read([cortex])
    own = family(numbers.semi_real.cortex)
    names = [name for name in compared if family(name) != own]
    voxels = Voxels(numbers.reliability, scenes, numbers.nsd.layout if numbers.nsd else None)
    rows: list[dict[str, Any]] = []
    recorded: list[dict[str, Any]] = []
    for name in progress(names, desc="spaces"):
        for passing in (False, True):
            for problem in semi_real_problems(
                numbers.semi_real, [name], spaces, voxels, seeds, passing_cortex=passing
            ):
                rows += _arm(problem, alphas, least) if passing else _ridge(problem, alphas)
    if scenes is not None and numbers.nsd is not None:
        for problem in nsd_problems(numbers.nsd, names, spaces, scenes, halves=True):
            rows += _ridge(problem, alphas) + _arm(problem, alphas, least)
    if v4 is not None and numbers.macaque is not None:
        sessions = {of_session(session) for session in numbers.macaque.sessions}
        seeing = [name for name in names if sessions & set(compared[name].answers)]
        for problem in macaque_problems(numbers.macaque, seeing, spaces, seeds, v4):
            recorded += _of_session(problem, alphas)
    return {"spaces": pd.DataFrame(rows), "recorded": pd.DataFrame(recorded, columns=RECORDED)}


def left_out(X: np.ndarray, Y: np.ndarray, alphas: Sequence[float]) -> Iterator[np.ndarray]:
    """Yield, by alpha, what ridge predicts of each image when fitted on all others, (images, voxels).

    `X` (images, units), `Y` (images, voxels), alphas as scikit-learn's, above 0. No fit is repeated:
    a residual over 1 less its image's leverage is the residual with that image left out.
    """
    U, s, _ = np.linalg.svd(X, full_matrices=False)
    turned = U.T @ Y
    for alpha in alphas:
        shrunk = s**2 / (s**2 + alpha)
        fitted = (U * shrunk) @ turned
        leverage = ((U**2) @ shrunk)[:, None]
        yield Y - (Y - fitted) / (1 - leverage)


def _of_session(problem: Problem, alphas: Sequence[float]) -> list[dict[str, Any]]:
    """Return a row for each unit set of a session of V4."""
    space = problem.cell["space"]
    cell = {
        "seed": problem.cell["seed"],
        "session": problem.session,
        "space": space,
        "network": network(space),
        "source": source(space),
        "layer": layer(space),
    }
    fitted = _ridge(problem, alphas)
    return [cell | {name: row[name] for name in ("units", "count", "r", "live")} for row in fitted]


def _arm(problem: Problem, alphas: Sequence[float], least: int) -> list[dict[str, Any]]:
    """Return the rows of the units alone that pass, none where there are too few."""
    kept = that_pass(problem, least)
    return [] if kept is None else _ridge(kept, alphas, "passing")


def _ridge(problem: Problem, alphas: Sequence[float], arm: str = "filled") -> list[dict[str, Any]]:
    """Return a row for each unit set of a problem: signed ridge, an alpha for each voxel.

    By validation, or by leaving out one image where there are none to validate; means over voxels.
    """
    train, validation, test = problem.design.voxels
    rows = []
    for units, (X, X_valid, X_test) in problem.design.features.items():
        path = encoding.path("ridge", False, alphas, X, train)
        if len(X_valid):
            r = np.stack([pearson(X_valid @ one.T, validation) for one in path])
        else:
            r = np.stack([pearson(one, train) for one in left_out(X, train, alphas)])
        best = encoding.choose(r, path)
        picked = path[best, np.arange(len(best))]
        rng = generator(problem.cell["seed"], "permuted weights", problem.cell["space"], units)
        found = summary(per_voxel(X_test, test, picked, rng))
        rows.append(
            {
                **problem.cell,
                "family": family(problem.cell["space"]),
                "source": source(problem.cell["space"]),
                "arm": arm,
                "units": units,
                "match": match_of(units, problem.own),
                "count": X.shape[1],
                "passing": min(problem.design.passing.get(units, 0), X.shape[1]),
                **{name: found[name] for name in ("r", "theta", "theta_permuted", "live")},
            }
        )
    return rows
