"""THINGS-fMRI (Hebart et al. 2023): order of presentation, responses of single trials, images."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from replicortex.data.manifest import Manifest

EVENTS = re.compile(
    r"sub-(?P<subject>\d+)/ses-things(?P<session>\d+)/func/"
    r".*task-things_run-(?P<run>\d+)_events\.tsv$"
)
# The names of figshare's files, then those of the author's copies.
TABLES = {
    "responses": ("sub-{}_ResponseData.h5", "sub-{}_task-things_voxel-wise-responses.h5"),
    "voxels": ("sub-{}_VoxelMetadata.csv", "sub-{}_task-things_voxel-metadata.csv"),
    "stimuli": ("sub-{}_StimulusMetadata.csv", "sub-{}_task-things_stimulus-metadata.csv"),
}
CHUNK = 4096  # voxels read at a time


def read_events(manifest: Path) -> pd.DataFrame:
    """Return all trials: subject, session, run, position (within its run), trial_type, stimulus.

    Raises
    ------
    StudyError
        When the dataset has no events files in the layout of OpenNeuro ds004192.
    """
    import pandas as pd

    dataset = manifests.load(manifest)
    tables = []
    for name in sorted(dataset.files):
        found = EVENTS.search(name)
        if not found:
            continue
        table = pd.read_csv(
            dataset.path(name), sep="\t", usecols=["onset", "trial_type", "file_path"]
        ).sort_values("onset")
        stimulus = table["file_path"].str.rpartition("/")[2]
        tables.append(
            pd.DataFrame(
                {
                    "subject": found["subject"],
                    "session": int(found["session"]),
                    "run": int(found["run"]),
                    "position": range(len(table)),
                    "trial_type": table["trial_type"].to_numpy(),
                    "stimulus": stimulus.to_numpy(),
                }
            )
        )
    if not tables:
        raise StudyError(
            f"{manifest}: no events found, sub-*/ses-things*/func/*task-things*events.tsv expected"
        )
    return pd.concat(tables, ignore_index=True)


def select(events: Path) -> pd.DataFrame:
    """Return the chosen images and when each person saw them.

    The first exemplar by file name of each concept among the single presentations, concepts sorted
    by name: 720 of the 8,640.  [code]

    Returns
    -------
    One row per image: stimulus, concept, then per subject "session_01", "run_01", "position_01", ...

    Raises
    ------
    StudyError
        When an image was not shown exactly once to each person.
    """
    trials = read_events(events)
    shown = trials[trials["trial_type"] == "exp"].copy()
    shown["concept"] = shown["stimulus"].map(concept_of)
    chosen = shown.groupby("concept")["stimulus"].min().sort_index()
    selection = chosen.rename("stimulus").reset_index()[["stimulus", "concept"]]
    for subject, own in shown.groupby("subject"):
        own = own[own["stimulus"].isin(chosen)].set_index("stimulus")
        for stimulus in chosen:
            times = int((own.index == stimulus).sum())
            if times != 1:
                raise StudyError(
                    f"{events}: {stimulus} was shown {times} times to sub-{subject}, once expected"
                )
        for column in ("session", "run", "position"):
            selection[f"{column}_{subject}"] = own.loc[chosen, column].to_numpy()
    return selection


def concept_of(stimulus: str) -> str:
    """Return the concept of an image: "wheat_01b.jpg" -> "wheat"."""
    return stimulus.rpartition("_")[0]


def cross_run_mask(selection: pd.DataFrame) -> np.ndarray:
    """Return which pairs of images no person saw in the same run (bool, shape (n, n)).

    Pairs of one run share the scanner's drift; the author now leaves them out (paper 4).
    """
    n = len(selection)
    mask = ~np.eye(n, dtype=bool)
    for name in selection.columns:
        if name.startswith("run_"):
            subject = name.removeprefix("run_")
            when = selection[[f"session_{subject}", name]].to_numpy()
            mask &= (when[:, None] != when[None, :]).any(axis=-1)
    return mask


def read_images(manifest: Path, selection: pd.DataFrame) -> tuple[list[str], list[np.ndarray]]:
    """Return names and pictures (uint8, (height, width, 3), any size) of the chosen images.

    They lie at `<concept>/<image>.jpg` below any folder of the dataset, as THINGS ships them.

    Raises
    ------
    StudyError
        When an image is absent or cannot be decoded.
    """
    from PIL import Image, UnidentifiedImageError

    dataset = manifests.load(manifest)
    places = {"/".join(name.split("/")[-2:]): name for name in dataset.files}
    pictures = []
    for stimulus, concept in zip(selection["stimulus"], selection["concept"], strict=True):
        name = f"{concept}/{stimulus}"
        if name not in places:
            raise StudyError(f"dataset {dataset.name}: no image '{name}'{nearest(name, places)}")
        path = dataset.path(places[name])
        try:
            picture = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise StudyError(f"{path}: cannot be decoded ({error})") from None
        pictures.append(np.asarray(picture))
    return list(selection["stimulus"]), pictures


def read_responses(
    manifest: Path, subject: str, rois: dict[str, Sequence[str]], selection: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Return one person's responses to the chosen images, by ROI.

    Parameters
    ----------
    manifest
        Of the table of single-trial betas.
    subject
        "01", "02" or "03".
    rois
        Columns of the voxel table by ROI; a voxel flagged in any of them belongs to it.
    selection
        What `select` returned.

    Returns
    -------
    float32 of shape (n_stimuli, n_voxels), each voxel z-scored over all its trials [code].

    Raises
    ------
    StudyError
        When a column, an image or a trial is missing, a ROI has fewer than two voxels, or a
        response is NaN or constant.
    """
    import pandas as pd

    dataset = manifests.load(manifest)
    voxel_file = _table(dataset, "voxels", subject)
    voxels = pd.read_csv(voxel_file)
    stimulus_file = _table(dataset, "stimuli", subject)
    trials = pd.read_csv(stimulus_file)
    columns = _trials(trials, selection, stimulus_file)
    members = {}
    for roi, names in rois.items():
        for name in names:
            if name not in voxels:
                raise StudyError(
                    f"{voxel_file}: ROI {roi}: no column '{name}'{nearest(name, voxels.columns)}"
                )
        members[roi] = np.flatnonzero((voxels[list(names)] == 1).any(axis=1))
        if len(members[roi]) < 2:
            raise StudyError(
                f"{voxel_file}: ROI {roi} has {len(members[roi])} voxels of sub-{subject}; "
                "an RDM needs two or more"
            )
    rows = np.unique(np.concatenate(list(members.values())))
    path = _table(dataset, "responses", subject)
    responses = _z_scored(path, rows, columns, n_trials=len(trials), ids=voxels["voxel_id"])
    place = {row: number for number, row in enumerate(rows)}
    return {
        roi: np.ascontiguousarray(responses[[place[row] for row in chosen]].T)
        for roi, chosen in members.items()
    }


def _table(dataset: Manifest, kind: str, subject: str) -> Path:
    names = [name.format(subject) for name in TABLES[kind]]
    for place in dataset.files:
        if place.rpartition("/")[2] in names:
            return dataset.path(place)
    raise StudyError(f"dataset {dataset.name}: no file {names[0]} (nor {names[1]})")


def _trials(trials: pd.DataFrame, selection: pd.DataFrame, path: Path) -> np.ndarray:
    """Return the trial of each chosen image, in the order of the selection."""
    single = trials[trials["trial_type"].isin(["train", "exp"])]
    names = single["stimulus"].str.rpartition("/")[2]
    where: dict[str, int] = dict(zip(names, single.index, strict=True))
    missing = [stimulus for stimulus in selection["stimulus"] if stimulus not in where]
    if missing:
        raise StudyError(
            f"{path}: {len(missing)} of {len(selection)} images of the events have no trial, "
            f"the first is '{missing[0]}'; stimuli of events and responses do not match"
        )
    return np.array([where[stimulus] for stimulus in selection["stimulus"]])


def _z_scored(
    path: Path, rows: np.ndarray, columns: np.ndarray, n_trials: int, ids: Any
) -> np.ndarray:
    """Return chosen trials of chosen voxels, z-scored over all trials; the file may be 17 GB."""
    import h5py

    chosen = np.empty((len(rows), len(columns)), dtype=np.float32)
    try:
        with h5py.File(path) as file:
            group = file["ResponseData"]
            block = group["block0_values"]
            # A table written in one piece holds voxel_id as its first column, else it stands apart.
            first = block.shape[1] - n_trials
            if block.shape[0] != len(ids) or first not in (0, 1):
                raise StudyError(
                    f"{path}: a table of {block.shape[0]} voxels x {block.shape[1]} trials found, "
                    f"{len(ids)} x {n_trials} expected from the tables beside it"
                )
            for start in range(0, block.shape[0], CHUNK):
                here = np.flatnonzero((rows >= start) & (rows < start + CHUNK))
                if not len(here):
                    continue
                part = block[start : start + CHUNK]
                values = part[rows[here] - start][:, first:].astype(np.float64)
                chosen[here] = _scored(values, columns, path, ids.iloc[rows[here]])
    except (OSError, RuntimeError, KeyError) as error:
        raise StudyError(f"{path}: truncated, or no response table ({error})") from None
    return chosen


def _scored(values: np.ndarray, columns: np.ndarray, path: Path, ids: Any) -> np.ndarray:
    wrong = np.isnan(values).any(axis=1)
    if wrong.any():
        raise StudyError(f"{path}: responses of voxel {ids[wrong].iloc[0]} have NaN, none expected")
    sd = values.std(axis=1, keepdims=True)
    still = sd[:, 0] == 0
    if still.any():
        raise StudyError(f"{path}: voxel {ids[still].iloc[0]} has the same response in all trials")
    return ((values - values.mean(axis=1, keepdims=True)) / sd)[:, columns]
