"""Figures 2 and 4: eight regressions, unit sets, ten alphas; and the controls of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from papers.sparse_positive.designs import Design
from papers.sparse_positive.encoding_settings import FitSettings, RotationAlpha, Targets
from papers.sparse_positive.features import read
from papers.sparse_positive.problems import Given, Problem, passing_problems, problems
from replicortex.analysis import encoding
from replicortex.analysis.correlation import pearson
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator

SIGNS = {"signed": False, "positive": True}
TABLES = ("scores", "alphas", "rotation", "voxels", "passing")
# Columns that stand even where too few units pass for any row.
PASSING = (
    *("seed", "target", "region", "space", "units", "match", "model", "weights", "chosen"),
    *("alpha", "count", "mixed_from", "ceiling", "r", "theta", "active"),
    *("r_dead_0", "theta_dead_0", "live", "beyond_half"),
)


def encode(
    *,
    targets: Sequence[str],
    seeds: Sequence[int],
    numbers: Targets,
    fits: FitSettings,
    features: Sequence[Path] = (),
    v4: Path | None = None,
    scenes: Path | None = None,
    tables: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Predict the voxels of some targets from each unit set.

    Parameters
    ----------
    targets
        planted, semi_real, macaque_v4, nsd, tables.
    seeds
        Of splits, mixes and noise; with NSD people stand in their place.
    numbers
        The sections that the targets read.
    fits
        Alphas of the regressions and of their controls.
    features
        Files of `spaces.extract`.
    v4, scenes, tables
        Manifests of macaque V4, NSD and the user's tables.

    Returns
    -------
    "scores": means over voxels, and how many were left out, since they had no response in some
    session of the recording; "alphas": how many of the ten give a live fit; "rotation": the
    same regressions after the units' basis is rotated; "voxels": a row per voxel; "passing": the
    regressions with the paper's alpha on as many face as scene units, those alone that pass the
    localizer (`count` of each).
    """
    given = Given(read(features), v4, scenes, tables)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for target in progress(list(targets), desc="targets"):
        for problem in problems(target, numbers, given, seeds):
            _regress(problem, fits, rows)
            _balance(problem, fits, rows)
            if problem.own is not None:
                _rotate(problem, fits.rotation_alpha, rows["rotation"])
        for problem in passing_problems(target, numbers, given, seeds, fits.least):
            _pass(problem, fits, rows["passing"])
    columns = {"passing": list(PASSING)}
    return {name: pd.DataFrame(part, columns=columns.get(name)) for name, part in rows.items()}


def match_of(units: str, own: str | None) -> str:
    """`matched`, `mismatched`, or the set's own name where no region says which is which."""
    if own is None or units not in ("face", "scene", "matched", "mismatched"):
        return units
    return "matched" if units == own else "mismatched"


def per_voxel(
    X: np.ndarray, Y: np.ndarray, W: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return measures of each voxel on test images, (voxels,) by name; NaN for a dead voxel.

    `theta` is against the prediction (the paper's A.2), `theta_observed` against the measured
    response, `theta_permuted` after each voxel's weights changed places among the units. A voxel
    is dead that has no weight, or whose prediction does not change.

    Parameters
    ----------
    X, Y, W
        Units (images, units), voxels (images, voxels) and weights (voxels, units).
    rng
        Of the changed places.
    """
    # A unit that never changes on these images answers nothing here, whatever its weight.
    silent = ~X.any(0)
    W = np.where(silent, 0, W)
    prediction = X @ W.T
    r = pearson(prediction, Y)
    live = W.any(1) & ~np.isnan(r)
    places = np.flatnonzero(~silent)
    shuffled = np.zeros_like(W)
    shuffled[:, places] = rng.permuted(W[:, places], axis=1)
    found = {
        "r": r,
        "theta": encoding.reorientation(X, prediction, W),
        "theta_observed": encoding.reorientation(X, Y, W),
        "theta_permuted": encoding.reorientation(X, prediction, shuffled),
        "folded": encoding.folded(X, W),
        "active": (W != 0).sum(1).astype(float),
    }
    return {name: np.where(live, values, np.nan) for name, values in found.items()}


def summary(each: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return means over live voxels of what `per_voxel` gives.

    `r_dead_0` and `theta_dead_0` count a dead voxel as 0; `live` is the share of live voxels.
    """
    live = ~np.isnan(each["r"])
    means = {name: _mean(values) for name, values in each.items()}
    return {
        **means,
        "r_dead_0": float(np.where(live, each["r"], 0).mean()),
        "theta_dead_0": float(np.where(live, each["theta"], 0).mean()),
        "live": float(live.mean()),
    }


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _cells(
    problem: Problem, units: str
) -> Iterator[tuple[dict[str, Any], str, bool, np.random.Generator]]:
    """Yield, by regression, the row's beginning, kind, whether positive, and random stream."""
    for kind in encoding.KINDS:
        for sign, positive in SIGNS.items():
            row = {
                **problem.cell,
                "session": problem.session,
                "units": units,
                "match": match_of(units, problem.own),
                "model": kind,
                "weights": sign,
            }
            rng = generator(row["seed"], "permuted weights", units, kind, sign)
            yield row, kind, positive, rng


class Fit(NamedTuple):
    """Weights (voxels, units), and how their alpha was chosen; its geometric mean over voxels."""

    chosen: str
    alpha: float
    weights: np.ndarray


def _fits(
    kind: str, positive: bool, fits: FitSettings, design: Design, units: str
) -> tuple[list[Fit], float]:
    """Return the fits of one regression, and how many of the alphas leave a voxel any weight.

    "fixed": the paper's alpha; "per_sample": ridge's, times the number of images; "voxel" and
    "global": chosen on validation images, for each voxel or for all. OLS has the first alone, and
    NaN alphas.
    """
    train, validation, _ = design.voxels
    X, X_valid, _ = design.features[units]
    given = {"l1_ratio": fits.l1_ratio}
    alpha = fits.alpha
    found = [Fit("fixed", alpha, encoding.fit(kind, positive, alpha, X, train, **given))]
    if kind == "ols":
        return found, float("nan")
    if kind == "ridge":
        weights = encoding.fit(kind, positive, alpha, X, train, scale="sample")
        found.append(Fit("per_sample", alpha, weights))
    path = encoding.path(kind, positive, fits.alphas, X, train, **given)
    r = np.stack([pearson(X_valid @ one.T, validation) for one in path])
    for per in ("voxel", "global"):
        best = encoding.choose(r, path, per)
        picked = path[best, np.arange(len(best))]
        live = picked.any(1)
        used = np.log10(np.asarray(fits.alphas)[best[live]])
        mean = float(10 ** used.mean()) if live.any() else float("nan")
        found.append(Fit(per, mean, picked))
    return found, float(path.any(2).sum(0).mean())


def _regress(problem: Problem, fits: FitSettings, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Add the rows of figures 2 and 4 for one problem to "scores", "voxels" and "alphas"."""
    design = problem.design
    test = design.voxels[2]
    of_design = {"ceiling": _mean(design.ceiling), "voxels_left_out": design.left_out}
    for units, (_, _, X_test) in design.features.items():
        for row, kind, positive, rng in _cells(problem, units):
            found, usable = _fits(kind, positive, fits, design, units)
            for fit in found:
                each = per_voxel(X_test, test, fit.weights, rng)
                here = {**row, "chosen": fit.chosen}
                rows["scores"].append({**here, "alpha": fit.alpha, **of_design, **summary(each)})
                if fit.chosen == "fixed":
                    _keep(rows["voxels"], here, problem, each, fit.weights)
            if kind != "ols":
                rows["alphas"].append({**row, "usable": usable, "of": len(fits.alphas)})


def _pass(problem: Problem, fits: FitSettings, rows: list[dict[str, Any]]) -> None:
    """Add a row of each regression, with the paper's alpha, on the units that pass.

    `beyond_half`: r less half of that with signed weights, of the same units and kind.
    """
    design = problem.design
    train, _, test = design.voxels
    half = np.nan  # signed weights come first
    for units, (X, _, X_test) in design.features.items():
        for row, kind, positive, rng in _cells(problem, units):
            W = encoding.fit(kind, positive, fits.alpha, X, train, l1_ratio=fits.l1_ratio)
            found = {
                **row,
                "chosen": "fixed",
                "alpha": fits.alpha,
                "count": X.shape[1],
                "mixed_from": problem.mixed_from,
                "ceiling": _mean(design.ceiling),
                **summary(per_voxel(X_test, test, W, rng)),
            }
            if not positive:
                half = found["r_dead_0"] / 2
            found["beyond_half"] = found["r_dead_0"] - half
            rows.append({name: found[name] for name in PASSING})


def _keep(
    table: list[dict[str, Any]],
    row: Mapping[str, Any],
    problem: Problem,
    each: Mapping[str, np.ndarray],
    weights: np.ndarray,
) -> None:
    """Add a row per voxel, with the unit of the largest weight and its share of all weights.

    Parameters
    ----------
    table, row
        Where rows are added, and what they begin with.
    each
        Of `per_voxel`.
    weights
        (voxels, units). A voxel without weights has unit -1 and no share.
    """
    total = np.abs(weights).sum(1)
    best = np.abs(weights).argmax(1)
    for voxel in range(len(weights)):
        table.append(
            {
                **row,
                "voxel": problem.first + voxel,
                "ceiling": problem.design.ceiling[voxel],
                **{name: each[name][voxel] for name in ("r", "theta", "active")},
                "unit": int(best[voxel]) if total[voxel] else -1,
                "share": np.abs(weights[voxel, best[voxel]]) / total[voxel]
                if total[voxel]
                else np.nan,
            }
        )


def _balance(problem: Problem, fits: FitSettings, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Lasso at the same sparsity and unit count: per voxel the alpha whose fit has the wanted units.

    Both sets have as many units as the smaller one that pass the localizer, at least
    `balance.units`; the wanted number of weights is `balance.active`.
    """
    own = [name for name in problem.design.passing if name in problem.design.features]
    if len(own) < 2:
        return
    balance = fits.balance
    count = max(balance.units, min(problem.design.passing[name] for name in own))
    count = min(count, *(problem.design.features[name][0].shape[1] for name in own))
    train, _, test = problem.design.voxels
    for units in own:
        X, _, X_test = (part[:, :count] for part in problem.design.features[units])
        for row, kind, positive, rng in _cells(problem, units):
            if kind != "lasso":
                continue
            path = encoding.path(kind, positive, balance.alphas, X, train)
            active = (path != 0).sum(2)
            best = np.abs(active - balance.active).argmin(0)
            picked = path[best, np.arange(len(best))]
            each = per_voxel(X_test, test, picked, rng)
            row = {**row, "chosen": "balanced"}
            _keep(rows["voxels"], row, problem, each, picked)


def _rotate(problem: Problem, alphas: RotationAlpha, rows: list[dict[str, Any]]) -> None:
    """Add rows of ridge and Lasso on matched units, before and after a rotation of their basis.

    The rotation, (units, units), is the Q of normal draws, one for each seed, target and region.
    """
    train, _, test = problem.design.voxels
    X, _, X_test = problem.design.features[problem.own]
    cell = problem.cell
    draw = generator(cell["seed"], "rotation", cell["target"], cell["region"])
    turn = np.linalg.qr(draw.normal(size=(X.shape[1], X.shape[1])))[0]
    for basis, Q in (("units", np.eye(X.shape[1])), ("rotated", turn)):
        for kind, alpha in (("ridge", alphas.ridge), ("lasso", alphas.lasso)):
            for sign, positive in SIGNS.items():
                W = encoding.fit(kind, positive, alpha, X @ Q, train)
                found = summary(per_voxel(X_test @ Q, test, W, draw))
                rows.append({**cell, "basis": basis, "model": kind, "weights": sign, **found})
