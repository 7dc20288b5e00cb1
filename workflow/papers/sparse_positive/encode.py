"""Figures 2, 3 and 4: eight regressions, two unit sets, ten alphas; controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from papers.sparse_positive import designs
from papers.sparse_positive.designs import REGIONS, Design
from replicortex.analysis import encoding
from replicortex.progress import Progress, iter_plainly
from replicortex.randomness import generator

SIGNS = {"signed": False, "positive": True}


def encode(
    *,
    features: Path,
    seeds: Sequence[int],
    ceilings: Mapping[str, float],
    fits: Mapping[str, Any],
    planted: Mapping[str, Any],
    semi_real: Mapping[str, Any],
    macaque: Mapping[str, Any] | None,
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Return tidy tables, one row per seed (of split, mixes and noise) and cell; means over voxels.

    `scores`: figures 2 and 4; `alphas`: how many of the ten give a live fit; `spaces`: figure 3;
    `rotation`: the same regressions after the units' basis is rotated.
    """
    with np.load(features) as file:
        arrays = {key: file[key] for key in file.files}
    names = list(dict.fromkeys(key.split("|")[0] for key in arrays if key.endswith("|floc")))
    tables: dict[str, list[dict[str, Any]]] = {
        key: [] for key in ("scores", "alphas", "spaces", "rotation")
    }
    # With several BLAS threads the positive fits take minutes instead of milliseconds.
    with threadpool_limits(limits=1):
        for seed in progress(list(seeds)):
            for region, units in REGIONS.items():
                problems = {
                    "planted": designs.planted(region, planted, ceilings[region], seed),
                    "semi_real": designs.semi_real(
                        region, arrays, semi_real["model"], semi_real, ceilings[region], seed
                    ),
                }
                for name, design in problems.items():
                    cell = {"seed": seed, "target": name, "region": region}
                    cell["ceiling"] = ceilings[region]
                    _regress(cell, design, units, fits, tables)
                    _rotate(cell, design, units, fits, tables["rotation"])
                for space in names:
                    if space == semi_real["cortex"]:
                        continue
                    design = designs.semi_real(
                        region, arrays, space, semi_real, ceilings[region], seed
                    )
                    cell = {"seed": seed, "space": space, "region": region}
                    tables["spaces"] += _ridge(cell, design, units, fits["ridge_alphas"])
            if macaque is not None:
                design = designs.macaque(arrays, macaque["model"], macaque, seed)
                cell = {"seed": seed, "target": "macaque_v4", "region": "V4", "ceiling": np.nan}
                _regress(cell, design, None, fits, tables)
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}


def _match(units: str, own: str | None) -> str:
    """`matched`, `mismatched`, or the unit set's own name where no region says which is which."""
    if own is None or units not in ("face", "scene"):
        return units
    return "matched" if units == own else "mismatched"


def measures(
    X: np.ndarray, Y: np.ndarray, W: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    """Means over voxels: r, r with dead voxels as 0, reorientation and its controls."""
    prediction = X @ W.T
    silent = ~X.any(0)
    W = np.where(silent, 0, W)
    r = encoding.correlations(prediction, Y)
    live = W.any(1) & ~np.isnan(r)
    shuffled = rng.permuted(W, axis=1)
    shuffled[:, silent] = 0
    return {
        "r": _mean(r[live]),
        "r_dead_0": float(np.where(live, np.nan_to_num(r), 0).mean()),
        "theta": _mean(encoding.reorientation(X, prediction, W)[live]),
        "theta_dead_0": float(encoding.reorientation(X, prediction, W, empty="zero").mean()),
        "theta_observed": _mean(encoding.reorientation(X, Y, W)[live]),
        "theta_permuted": _mean(encoding.reorientation(X, prediction, shuffled)[live]),
        "folded": _mean(encoding.folded(prediction / _norm(X), W)[live]),
        "live": float(live.mean()),
        "active": _mean((W != 0).sum(1)[live]),
    }


def _norm(X: np.ndarray) -> float:
    """Root mean square of the live units' s.d.: 1 on train, near 1 on test."""
    sd = X.std(0)
    return float(np.sqrt((sd[sd > 0] ** 2).mean()))


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _regress(
    cell: Mapping[str, Any],
    design: Design,
    own: str | None,
    fits: Mapping[str, Any],
    tables: dict[str, list[dict[str, Any]]],
) -> None:
    """Rows of figures 2 and 4 for one problem."""
    train, validation, test = design.voxels
    for units, (X, X_valid, X_test) in design.features.items():
        for kind in encoding.KINDS:
            for sign, positive in SIGNS.items():
                rng = generator(cell["seed"], "permuted weights", units, kind, sign)
                row = {
                    **cell,
                    "units": units,
                    "match": _match(units, own),
                    "model": kind,
                    "weights": sign,
                }
                common = {"l1_ratio": fits["l1_ratio"]}
                W = encoding.fit(kind, positive, fits["alpha"], X, train, **common)
                tables["scores"].append(
                    {
                        **row,
                        "chosen": "fixed",
                        "alpha": fits["alpha"],
                        **measures(X_test, test, W, rng),
                    }
                )
                if kind == "ols":
                    continue
                if kind == "ridge":
                    sample = encoding.fit(kind, positive, fits["alpha"], X, train, scale="sample")
                    found = measures(X_test, test, sample, rng)
                    tables["scores"].append(
                        {**row, "chosen": "per_sample", "alpha": fits["alpha"], **found}
                    )
                path = encoding.path(kind, positive, fits["alphas"], X, train, **common)
                r = np.stack([encoding.correlations(X_valid @ one.T, validation) for one in path])
                for chosen, per_voxel in (("voxel", True), ("global", False)):
                    best = encoding.best_alpha(r, per_voxel=per_voxel)
                    picked = path[np.maximum(best, 0), np.arange(len(best))]
                    picked[best < 0] = 0
                    used = np.log10(np.asarray(fits["alphas"])[best[best >= 0]])
                    alpha = float(10 ** used.mean()) if used.size else float("nan")
                    found = measures(X_test, test, picked, rng)
                    tables["scores"].append({**row, "chosen": chosen, "alpha": alpha, **found})
                tables["alphas"].append({**row, "usable": int(path.any((1, 2)).sum())})


def _rotate(
    cell: Mapping[str, Any],
    design: Design,
    own: str,
    fits: Mapping[str, Any],
    rows: list[dict[str, Any]],
) -> None:
    """Ridge and Lasso on matched units before and after a random rotation of their basis."""
    train, _, test = design.voxels
    X, _, X_test = design.features[own]
    draw = generator(cell["seed"], "rotation", cell["target"], cell["region"])
    turn = np.linalg.qr(draw.normal(size=(X.shape[1], X.shape[1])))[0]
    for basis, Q in (("units", np.eye(X.shape[1])), ("rotated", turn)):
        for kind in ("ridge", "lasso"):
            for sign, positive in SIGNS.items():
                alpha = fits["rotation_alpha"][kind]
                W = encoding.fit(kind, positive, alpha, X @ Q, train)
                found = measures(X_test @ Q, test, W, draw)
                rows.append({**cell, "basis": basis, "model": kind, "weights": sign, **found})


def _ridge(
    cell: Mapping[str, Any], design: Design, own: str, alphas: Sequence[float]
) -> list[dict[str, Any]]:
    """Figure 3: signed ridge, alpha per voxel by validation, for one feature space."""
    train, validation, test = design.voxels
    rows = []
    for units, (X, X_valid, X_test) in design.features.items():
        path = encoding.path("ridge", False, alphas, X, train)
        r = np.stack([encoding.correlations(X_valid @ one.T, validation) for one in path])
        best = encoding.best_alpha(r, per_voxel=True)
        picked = path[np.maximum(best, 0), np.arange(len(best))]
        rng = generator(cell["seed"], "permuted weights", cell["space"], units)
        found = measures(X_test, test, picked, rng)
        rows.append({**cell, "units": units, "match": _match(units, own), **found})
    return rows
