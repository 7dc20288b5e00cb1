"""Compare each network's RDMs with the brain's: Spearman's rho, its bootstrap, partial rho."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from papers.learning_rules.settings.scores import NetworkScores, Resampling
from papers.learning_rules.settings.sizes import Sizes
from replicortex.analysis import ties
from replicortex.analysis.bootstrap import stimulus_bootstrap
from replicortex.analysis.rank import partial_spearman, spearman
from replicortex.analysis.rdm import constant_rows, correlation_distance, upper
from replicortex.core import randomness
from replicortex.core.errors import StudyError
from replicortex.core.files import read_arrays, read_tensors

CELL = ["rule", "seed", "epoch", "px", "arm", "bn", "pooling", "layer"]
REASONS = ["silent", "constant"]  # why a cell has no rho
NUMBERS = {"seed", "epoch", "px"}
BLOCK = 64  # RDMs ranked at a time


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


@dataclass(frozen=True)
class Networks:
    """Cells of one network and the pairs of their RDMs; equal features share one RDM."""

    cells: pd.DataFrame  # columns CELL, "silent" and "constant", as `scores` tells
    vectors: np.ndarray  # (u, m)
    which: np.ndarray  # (n_cells,) row of `vectors`; -1: none, for it is silent or constant

    def spread(self, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return values of the RDMs, (u, ...), for the chosen cells; NaN where none."""
        which = self.which[chosen]
        found = np.full((len(which), *values.shape[1:]), np.nan)
        found[which >= 0] = values[which[which >= 0]]
        return found


def read_brain(path: Path) -> Brain:
    """Return what `brain` wrote: of each RDM the pairs that count, as a vector (m,)."""
    arrays = read_arrays(path)
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
            name.removeprefix("model/"): upper(array)[chosen]
            for name, array in arrays.items()
            if name.startswith("model/")
        },
    )


def scores(
    *,
    activations: list[Path],
    brain: Path,
    px: Sizes,
    scores: NetworkScores,
) -> dict[str, list]:
    """Score each network's activations.

    Parameters
    ----------
    activations
        Files that `extract` wrote.
    brain
        File that `brain` wrote.
    px
        Sizes at which draws and partial rho are kept.
    scores
        Of section `scores`: draws and seed of the bootstrap, its layers and layouts.

    Returns
    -------
    Lists with one item per file. "scores": rho of each view, layer, ROI and person; "silent" counts
    the stimuli with the same value in all features; "constant" is 1 where every pair of stimuli
    that counts is equally far apart, up to rounding (`ties.tolerance`). Unless both are 0 there is
    no order to compare, and rho is empty. "draws": "rho" (n_cells, n_draws), the mean over people
    in each resample of stimuli and of people (the same for all networks), with one array per column
    that names the cells; cells without a rho have none. "partial": rho, mean over people, once a
    low-level RDM is partialled out of the ranks; "all": every one of them together.

    Raises
    ------
    StudyError
        When the stimuli are not those of the brain in the same order, or when features of an
        untrained network (epoch 0) are constant for a stimulus: then it is not the training that
        silenced a layer.
    """
    brains = read_brain(brain)
    parts = [_score(path, brains, px, scores) for path in activations]
    return {
        "scores": [part[0] for part in parts],
        "draws": [part[1] for part in parts],
        "partial": [part[2] for part in parts],
    }


def _score(
    path: Path, brains: Brain, px: Sizes, settings: NetworkScores
) -> tuple[pd.DataFrame, dict[str, np.ndarray], pd.DataFrame]:
    """Return one network's table of rho, its draws and its table of partial rho."""
    networks = _networks(path, brains)
    everything = np.ones(len(networks.cells), dtype=bool)
    rho = networks.spread(_in_blocks(spearman, networks.vectors, brains.vectors), everything)
    return (
        _table(networks.cells, rho, brains),
        _draws(networks, brains, px, settings),
        _partial(networks, brains, px),
    )


def _in_blocks(measure: Callable[..., np.ndarray], vectors: np.ndarray, *others) -> np.ndarray:
    """Apply a measure of rank correlation to some vectors at a time: their ranks need memory."""
    blocks = range(0, max(1, len(vectors)), BLOCK)
    return np.concatenate([measure(vectors[at : at + BLOCK], *others) for at in blocks])


def same_stimuli(source: str, found: list[str], expected: list[str]) -> None:
    """Refuse activations of other stimuli than the brain's, or in another order; `source`: whose.

    Raises
    ------
    StudyError
        Naming the first stimulus that differs.
    """
    if found == expected:
        return
    if sorted(found) == sorted(expected):
        place = next(
            i for i, pair in enumerate(zip(found, expected, strict=True)) if len(set(pair)) > 1
        )
        raise StudyError(
            f"{source}: the stimuli are in another order than the brain's: number {place} is "
            f"'{found[place]}', '{expected[place]}' expected"
        )
    raise StudyError(f"{source}: {len(found)} stimuli that are not the brain's {len(expected)}")


def _networks(path: Path, brains: Brain) -> Networks:
    """Return the cells of one network, and the RDM of each that has an order to compare.

    Raises
    ------
    StudyError
        When stimuli are not the brain's, or a layer is constant for one before any training.
    """
    arrays, metadata = read_tensors(path)
    same_stimuli(str(path), metadata["stimuli"], brains.names)
    chosen = upper(brains.mask)
    rows, which, vectors = [], [], []
    known: dict[tuple, tuple[int, int, int]] = {}
    for key in sorted(arrays, key=_parts):
        epoch, px, arm, bn, pooling, layer = _parts(key)
        # fc1 has no map: the same features stand under each pooling.
        same = (epoch, px, arm, bn, pooling if layer != "fc1" else "", layer)
        if same not in known:
            features = arrays[key].astype(np.float64)
            silent = int(constant_rows(features).sum())
            if silent and epoch:
                known[same] = (-1, silent, 0)
            else:
                vector = upper(correlation_distance(features, f"{path}: {key}"))[chosen]
                if ties.constant(vector):
                    known[same] = (-1, 0, 1)
                else:
                    known[same] = (len(vectors), 0, 0)
                    vectors.append(vector)
        place, *why = known[same]
        which.append(place)
        rows.append((metadata["rule"], metadata["seed"], epoch, px, arm, bn, pooling, layer, *why))
    stacked = np.stack(vectors) if vectors else np.empty((0, int(chosen.sum())))
    return Networks(pd.DataFrame(rows, columns=[*CELL, *REASONS]), stacked, np.array(which))


def _parts(key: str) -> tuple[int, int, str, str, str, str]:
    epoch, px, arm, bn, pooling, layer = key.split("/")
    return int(epoch.removeprefix("epoch")), int(px.removeprefix("px")), arm, bn, pooling, layer


def _table(cells: pd.DataFrame, rho: np.ndarray, brains: Brain) -> pd.DataFrame:
    people = pd.DataFrame(
        [(roi, subject) for roi in brains.rois for subject in brains.subjects],
        columns=["roi", "subject"],
    )
    table = cells.loc[cells.index.repeat(len(people))].reset_index(drop=True)
    for column in people:
        table[column] = np.tile(people[column].to_numpy(), len(cells))
    table["rho"] = rho.ravel()
    return table[[*CELL, "roi", "subject", "rho", *REASONS]]


def _over_people(values: np.ndarray, brains: Brain, shares: np.ndarray | None = None) -> np.ndarray:
    """Return the mean over people: (..., n_rois * n_subjects) -> (..., n_rois).

    `shares` (..., 1, n_subjects) weigh people; each as much as another where there are none.
    """
    by_person = values.reshape(*values.shape[:-1], len(brains.rois), len(brains.subjects))
    return by_person.mean(axis=-1) if shares is None else (by_person * shares).sum(axis=-1)


def _people_drawn(n: int, settings: Resampling) -> np.ndarray:
    """Return what share of each resample each person has, (draws, n); the same for all networks."""
    stream = randomness.generator(settings.bootstrap_seed, "people bootstrap")
    chosen = stream.integers(0, n, size=(settings.bootstrap_draws, n))
    return (chosen[:, :, None] == np.arange(n)).mean(axis=1)


def mean_rho(vectors: np.ndarray, brains: Brain) -> np.ndarray:
    """Return rho of each RDM with each region, mean over people: (k, m) -> (k, n_rois)."""
    return _over_people(_in_blocks(spearman, vectors, brains.vectors), brains)


def resampled_rho(vectors: np.ndarray, brains: Brain, settings: Resampling) -> np.ndarray:
    """Return `mean_rho` in each resample of stimuli and people, each person as often as drawn.

    (k, m) -> (draws, k, n_rois); the same resamples for all networks.
    """
    draws = stimulus_bootstrap(
        vectors,
        brains.vectors,
        n_stimuli=len(brains.names),
        draws=settings.bootstrap_draws,
        seed=settings.bootstrap_seed,
        pairs=brains.mask,
    )
    people = _people_drawn(len(brains.subjects), settings)
    return _over_people(draws, brains, people[:, None, None])


def _draws(
    networks: Networks, brains: Brain, px: Sizes, settings: NetworkScores
) -> dict[str, np.ndarray]:
    """Return rho in each resample of stimuli and people, with the columns that name the cells.

    A mean over the people of the resample, each as often as drawn. Only cells of the settings' layers
    and layouts, at both sizes, that have a rho at all.
    """
    cells = networks.cells
    wanted = (
        cells["layer"].isin(settings.bootstrap_layers)
        & cells["pooling"].isin(settings.bootstrap_poolings)
        & cells["px"].isin(px.both)
        & (cells["arm"] == "native")
        & (networks.which >= 0)
    ).to_numpy()
    used, place = np.unique(networks.which[wanted], return_inverse=True)
    means = resampled_rho(networks.vectors[used], brains, settings)[
        :, place
    ]  # (draws, cells, rois)
    kept = cells[wanted]
    columns = {
        name: np.repeat(kept[name].to_numpy(), len(brains.rois)).astype(
            np.int64 if name in NUMBERS else str
        )
        for name in CELL
    }
    columns["roi"] = np.tile(np.array(list(brains.rois)), len(kept))
    return {**columns, "rho": means.reshape(len(means), -1).T.astype(np.float32)}


def _partial(networks: Networks, brains: Brain, px: Sizes) -> pd.DataFrame:
    """Return rho with and without each low-level model, of the published layout, mean over people.

    Of global pooling, running statistics and native stimuli at both sizes.
    """
    cells = networks.cells
    wanted = (
        (cells["pooling"] == "global")
        & (cells["bn"] == "running")
        & (cells["arm"] == "native")
        & cells["px"].isin(px.both)
    ).to_numpy()
    controls = {name: vector[None] for name, vector in brains.models.items()}
    controls["all"] = np.concatenate(list(controls.values()))
    controls = {"none": controls["all"][:0], **controls}
    used = np.setdiff1d(networks.which[wanted], [-1])
    kept = cells.loc[wanted, ["rule", "seed", "epoch", "px", "layer"]]
    rho = np.full((len(networks.vectors), len(brains.vectors)), np.nan)
    tables = []
    for name, vectors in controls.items():
        rho[used] = _in_blocks(partial_spearman, networks.vectors[used], brains.vectors, vectors)
        mean = _over_people(networks.spread(rho, wanted), brains)
        for number, roi in enumerate(brains.rois):
            tables.append(kept.assign(roi=roi, control=name, rho=mean[:, number]))
    return pd.concat(tables, ignore_index=True)
