"""Compare each network's RDMs with the brain's: Spearman's rho, its bootstrap, partial rho."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replicortex.analysis.bootstrap import stimulus_bootstrap
from replicortex.analysis.rank import partial_spearman, spearman
from replicortex.analysis.rdm import correlation_distance, upper
from replicortex.errors import StudyError
from replicortex.files import read_tensors

CELL = ["rule", "seed", "epoch", "px", "arm", "bn", "pooling", "layer"]


@dataclass(frozen=True)
class Brain:
    """RDMs of the people as vectors of the pairs that count."""

    names: list[str]
    subjects: list[str]
    mask: np.ndarray  # bool (n, n)
    rois: dict[str, np.ndarray]  # (n_subjects, m)
    models: dict[str, np.ndarray]  # (m,)

    @property
    def vectors(self) -> np.ndarray:
        """All ROIs' people one after the other, (n_rois * n_subjects, m)."""
        return np.concatenate(list(self.rois.values()))


def read_brain(path: Path) -> Brain:
    """Return what `brain` wrote."""
    with np.load(path) as arrays:
        mask = arrays["mask"]
        chosen = upper(mask)
        return Brain(
            names=[str(name) for name in arrays["names"]],
            subjects=[str(name) for name in arrays["subjects"]],
            mask=mask,
            rois={
                str(roi): np.stack([upper(one)[chosen] for one in arrays[f"rdm/{roi}"]])
                for roi in arrays["rois"]
            },
            models={
                name.removeprefix("model/"): upper(arrays[name])[chosen]
                for name in arrays.files
                if name.startswith("model/")
            },
        )


def scores(
    *,
    activations: list[Path],
    brain: Path,
    evaluation: dict[str, Any],
    scores: dict[str, Any],
) -> dict[str, list]:
    """Score each network's activations.

    Parameters
    ----------
    activations
        Files that `extract` wrote.
    brain
        File that `brain` wrote.
    evaluation, scores
        The configuration's sections.

    Returns
    -------
    Lists with one item per file. "scores": rho of each view, layer, ROI and person. "draws":
    "rho" (n_cells, n_draws), the mean over people in each resample of stimuli (the same resamples
    for all networks), with one array per column that names the cells. "partial": rho, mean over
    people, once a low-level RDM is partialled out of the ranks.

    Raises
    ------
    StudyError
        When the stimuli are not those of the brain in the same order, or an untrained network
        answers all stimuli alike. A trained layer that has fallen silent gives an empty rho.
    """
    brains = read_brain(brain)
    parts = [_score(path, brains, evaluation, scores) for path in activations]
    return {
        "scores": [part[0] for part in parts],
        "draws": [part[1] for part in parts],
        "partial": [part[2] for part in parts],
    }


def _score(
    path: Path, brains: Brain, evaluation: dict[str, Any], settings: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, np.ndarray], pd.DataFrame]:
    arrays, metadata = read_tensors(path)
    _same_stimuli(path, metadata["stimuli"], brains.names)
    cells, vectors, silent = _model_rdms(arrays, metadata, brains.mask, path)
    rho = np.full((len(cells), len(brains.vectors)), np.nan)
    rho[~silent] = spearman(vectors[~silent], brains.vectors)
    return (
        _table(cells, rho, brains),
        _draws(cells, vectors, silent, brains, evaluation, settings),
        _partial(cells, vectors, silent, brains, evaluation),
    )


def _same_stimuli(path: Path, found: list[str], expected: list[str]) -> None:
    if found == expected:
        return
    if sorted(found) == sorted(expected):
        place = next(
            i for i, pair in enumerate(zip(found, expected, strict=True)) if len(set(pair)) > 1
        )
        raise StudyError(
            f"{path}: the stimuli are in another order than the brain's: number {place} is "
            f"'{found[place]}', '{expected[place]}' expected"
        )
    raise StudyError(
        f"{path}: activations of {len(found)} stimuli that are not the brain's {len(expected)}"
    )


def _model_rdms(
    arrays: dict[str, np.ndarray], metadata: dict[str, Any], mask: np.ndarray, path: Path
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the cells, their RDMs' pairs (k, m), and which of them are silent."""
    chosen = upper(mask)
    rows, vectors, known = [], [], {}
    for key in sorted(arrays, key=_order):
        epoch, px, arm, bn, pooling, layer = _parts(key)
        rows.append((metadata["rule"], metadata["seed"], epoch, px, arm, bn, pooling, layer))
        # fc1 has no map: the same features stand under each pooling.
        same = (epoch, px, arm, bn, pooling if layer != "fc1" else "", layer)
        if same not in known:
            known[same] = _vector(arrays[key], chosen, epoch, f"{path}: {key}")
        vectors.append(known[same])
    stacked = np.stack(vectors)
    return pd.DataFrame(rows, columns=CELL), stacked, np.isnan(stacked).any(axis=1)


def _vector(features: np.ndarray, chosen: np.ndarray, epoch: int, what: str) -> np.ndarray:
    values = features.astype(np.float64)
    if epoch and (np.ptp(values, axis=1) == 0).any():
        return np.full(int(chosen.sum()), np.nan)
    return upper(correlation_distance(values, what))[chosen]


def _parts(key: str) -> tuple[int, int, str, str, str, str]:
    epoch, px, arm, bn, pooling, layer = key.split("/")
    return int(epoch.removeprefix("epoch")), int(px.removeprefix("px")), arm, bn, pooling, layer


def _order(key: str) -> tuple:
    return _parts(key)


def _table(cells: pd.DataFrame, rho: np.ndarray, brains: Brain) -> pd.DataFrame:
    people = pd.DataFrame(
        [(roi, subject) for roi in brains.rois for subject in brains.subjects],
        columns=["roi", "subject"],
    )
    table = cells.loc[cells.index.repeat(len(people))].reset_index(drop=True)
    for column in people:
        table[column] = np.tile(people[column].to_numpy(), len(cells))
    return table.assign(rho=rho.ravel())


def _over_people(values: np.ndarray, brains: Brain) -> np.ndarray:
    """Return the mean over people: (..., n_rois * n_subjects) -> (..., n_rois)."""
    return values.reshape(*values.shape[:-1], len(brains.rois), len(brains.subjects)).mean(axis=-1)


def _draws(
    cells: pd.DataFrame,
    vectors: np.ndarray,
    silent: np.ndarray,
    brains: Brain,
    evaluation: dict[str, Any],
    settings: dict[str, Any],
) -> dict[str, np.ndarray]:
    wanted = (
        cells["layer"].isin(settings["bootstrap_layers"])
        & cells["pooling"].isin(settings["bootstrap_poolings"])
        & cells["px"].isin(evaluation["px"].values())
        & (cells["arm"] == "native")
        & ~silent
    ).to_numpy()
    draws = stimulus_bootstrap(
        vectors[wanted],
        brains.vectors,
        n_stimuli=len(brains.names),
        draws=settings["bootstrap_draws"],
        seed=settings["bootstrap_seed"],
        pairs=brains.mask,
    )
    means = _over_people(draws, brains)  # (draws, k, rois)
    kept = cells[wanted]
    columns = {
        name: np.repeat(kept[name].to_numpy(), len(brains.rois)).astype(
            str if kept[name].dtype == object or kept[name].dtype == "str" else np.int64
        )
        for name in CELL
    }
    columns["roi"] = np.tile(np.array(list(brains.rois)), len(kept))
    return {**columns, "rho": means.reshape(len(means), -1).T.astype(np.float32)}


def _partial(
    cells: pd.DataFrame,
    vectors: np.ndarray,
    silent: np.ndarray,
    brains: Brain,
    evaluation: dict[str, Any],
) -> pd.DataFrame:
    """Return rho with and without each low-level model, of the published layout."""
    wanted = (
        (cells["pooling"] == "global")
        & (cells["bn"] == "running")
        & (cells["arm"] == "native")
        & cells["px"].isin(evaluation["px"].values())
    ).to_numpy()
    controls = {name: vector[None] for name, vector in brains.models.items()}
    controls["all"] = np.concatenate(list(controls.values()))
    kept = cells[wanted]
    heard = ~silent[wanted]
    tables = []
    for name in ["none", *controls]:
        rho = np.full((len(kept), len(brains.vectors)), np.nan)
        ours = vectors[wanted][heard]
        rho[heard] = (
            spearman(ours, brains.vectors)
            if name == "none"
            else partial_spearman(ours, brains.vectors, controls[name])
        )
        mean = _over_people(rho, brains)
        for place, roi in enumerate(brains.rois):
            part = kept[["rule", "seed", "epoch", "px", "layer"]].copy()
            tables.append(part.assign(roi=roi, control=name, rho=mean[:, place]))
    return pd.concat(tables, ignore_index=True)
