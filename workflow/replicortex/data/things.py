"""THINGS-fMRI (Hebart et al. 2023): order of presentation, responses of single trials, images.

Everything is joined by key: images by file name, voxels by `voxel_id`, trials by `trial_id`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import read_table, reading
from replicortex.data import manifest as manifests
from replicortex.data import pictures
from replicortex.data.needed import ANYWHERE, Needed

if TYPE_CHECKING:
    import h5py
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


def expected_tables(subjects: Iterable[str]) -> list[Needed]:
    """Return the files of responses that `read_responses` opens, in any folder."""
    return [
        tuple(f"{ANYWHERE}{name.format(subject)}" for name in names)
        for subject in subjects
        for names in TABLES.values()
    ]


def expected_images(selection: pd.DataFrame | None) -> list[Needed]:
    """Return the files that `read_images` opens, in any folder; without a selection, that there is one."""
    if selection is None:
        return [(f"{ANYWHERE}*/*.jpg",)]
    return [(f"{ANYWHERE}{_place(row)}",) for row in selection.itertuples()]


def _place(image: Any) -> str:
    return f"{image.concept}/{image.stimulus}"


def read_events(manifest: Path) -> pd.DataFrame:
    """Return all trials: subject, session, run, position (within its run), trial_type, stimulus.

    A trial without an image (BIDS writes n/a) has an empty stimulus.

    Raises
    ------
    StudyError
        When the dataset has no events files in the layout of OpenNeuro ds004192, one is damaged, or
        a run has two.
    """
    import pandas as pd

    dataset = manifests.load(manifest)
    tables: list[pd.DataFrame] = []
    seen: dict[tuple[str, int, int], str] = {}
    for name in sorted(dataset.files):
        found = EVENTS.search(name)
        if not found:
            continue
        run = (found["subject"], int(found["session"]), int(found["run"]))
        if run in seen:
            raise StudyError(f"{manifest}: '{seen[run]}' and '{name}' are of the same run")
        seen[run] = name
        path = dataset.path(name)
        texts = ["trial_type", "file_path"]
        table = read_table(
            path,
            names=texts,
            columns=["onset", *texts],
            separator="\t",
            expected="events of THINGS-fMRI (tab-separated)",
        )
        onset = table["onset"].to_numpy()
        if onset.dtype.kind not in "iuf" or not np.isfinite(onset).all():
            raise StudyError(f"{path}: onsets in seconds expected, found some that are no numbers")
        table = table.sort_values("onset", kind="stable")
        stimulus = table["file_path"].replace("n/a", "").fillna("").str.rpartition("/")[2]
        nameless = (table["trial_type"] == "exp") & (stimulus == "")
        if nameless.any():
            raise StudyError(
                f"{path}: {int(nameless.sum())} trials of type exp have no image in file_path"
            )
        tables.append(
            pd.DataFrame(
                {
                    "subject": run[0],
                    "session": run[1],
                    "run": run[2],
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
        When an image was not shown exactly once to each person, or none was.
    """
    trials = read_events(events)
    presented = trials[trials["trial_type"] == "exp"].copy()
    if presented.empty:
        raise StudyError(
            f"{events}: no trial of type 'exp' in the events; "
            f"found {', '.join(sorted(map(str, set(trials['trial_type']))))}"
        )
    presented["concept"] = presented["stimulus"].map(concept_of)
    chosen = presented.groupby("concept")["stimulus"].min().sort_index()
    selection = chosen.rename("stimulus").reset_index()[["stimulus", "concept"]]
    for subject, own in presented.groupby("subject"):
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

    They lie at `<concept>/<image>.jpg` below any folder of the dataset, as THINGS ships them, and
    come as they are shown (`pictures.decoded`).

    Raises
    ------
    StudyError
        When an image is absent, cannot be decoded, or lies in two folders with other content.
    """
    dataset = manifests.load(manifest)
    places: dict[str, list[str]] = {}
    for name in sorted(dataset.files):
        places.setdefault("/".join(name.split("/")[-2:]), []).append(name)
    images = []
    for name in map(_place, selection.itertuples()):
        if name not in places:
            raise StudyError(f"dataset {dataset.name}: no image '{name}'{nearest(name, places)}")
        first, *others = places[name]
        for other in others:
            if dataset.files[other].sha256 != dataset.files[first].sha256:
                raise StudyError(
                    f"dataset {dataset.name}: image '{name}' lies there as '{first}' and, with "
                    f"other content, as '{other}'; leave one of them"
                )
        images.append(pictures.read(dataset.path(first)))
    return list(selection["stimulus"]), images


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
        When a column, an image or a trial is missing or stands there twice, a ROI has fewer than two
        voxels, ids of voxels or trials differ between the tables, or a response is constant or not
        finite.
    """
    dataset = manifests.load(manifest)
    voxel_file = _table(dataset, "voxels", subject)
    voxels = read_table(voxel_file, expected="THINGS-fMRI's table of voxels")
    ids = _ids(voxels, voxel_file)
    stimulus_file = _table(dataset, "stimuli", subject)
    trials = read_table(
        stimulus_file,
        names=["trial_type", "stimulus"],
        expected="THINGS-fMRI's table of trials",
    )
    columns = _trials(trials, selection, stimulus_file)
    members = {}
    for roi, names in rois.items():
        for name in names:
            if name not in voxels:
                raise StudyError(
                    f"{voxel_file}: ROI {roi}: no column '{name}'{nearest(name, voxels.columns)}"
                )
            if not voxels[name].isin([0, 1]).all():
                odd = voxels[name][~voxels[name].isin([0, 1])].iloc[0]
                raise StudyError(f"{voxel_file}: column '{name}' has '{odd}', 0 or 1 expected")
        members[roi] = np.flatnonzero((voxels[list(names)] == 1).any(axis=1))
        if len(members[roi]) < 2:
            raise StudyError(
                f"{voxel_file}: ROI {roi} has {len(members[roi])} voxels of sub-{subject}; "
                "an RDM needs two or more"
            )
    rows = np.unique(np.concatenate(list(members.values())))
    path = _table(dataset, "responses", subject)
    with reading(path, "THINGS-fMRI's responses (HDF5 as pandas writes it)"):
        responses = _z_scored(path, ids, rows, trials, columns)
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
    single = trials[trials["trial_type"].isin(["train", "exp"]) & trials["stimulus"].notna()]
    names = single["stimulus"].str.rpartition("/")[2]
    where: dict[str, int] = dict(zip(names, single.index, strict=True))
    chosen = names[names.isin(selection["stimulus"])]
    if chosen.duplicated().any():
        raise StudyError(
            f"{path}: '{chosen[chosen.duplicated()].iloc[0]}' has two single trials, one expected"
        )
    missing = [stimulus for stimulus in selection["stimulus"] if stimulus not in where]
    if missing:
        raise StudyError(
            f"{path}: {len(missing)} of {len(selection)} images of the events have no trial, "
            f"the first is '{missing[0]}'; stimuli of events and responses do not match"
        )
    return np.array([where[stimulus] for stimulus in selection["stimulus"]])


def _ids(voxels: pd.DataFrame, path: Path) -> np.ndarray:
    """Return the id of each row of the voxel table, int64."""
    if "voxel_id" not in voxels:
        raise StudyError(f"{path}: no column 'voxel_id'{nearest('voxel_id', voxels.columns)}")
    return _unique(voxels["voxel_id"].to_numpy(), path)


def _unique(ids: np.ndarray, path: Path) -> np.ndarray:
    if ids.dtype.kind not in "iuf" or not np.isfinite(ids).all() or (ids != ids.round()).any():
        raise StudyError(f"{path}: whole numbers expected in 'voxel_id'")
    found, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise StudyError(f"{path}: voxel_id {int(found[counts > 1][0])} stands there twice")
    return ids.astype(np.int64)


def _z_scored(
    path: Path, ids: np.ndarray, rows: np.ndarray, trials: pd.DataFrame, columns: np.ndarray
) -> np.ndarray:
    """Return chosen trials of chosen voxels, z-scored over all trials; the file may be 17 GB.

    Called within `reading`.

    Parameters
    ----------
    ids, rows
        Those of the voxel table, and which of its rows are wanted.
    trials, columns
        The table of trials, and which of its rows are wanted.
    """
    import h5py

    with h5py.File(path, "r") as file:
        group = file.get("ResponseData")
        if not isinstance(group, h5py.Group) or "block0_values" not in group:
            raise StudyError(f"{path}: no response table 'ResponseData/block0_values'")
        block = group["block0_values"]
        found, named = _voxel_ids(group, len(trials), path)
        if block.ndim != 2 or block.dtype.kind != "f" or len(found) != len(block):
            raise StudyError(f"{path}: numbers of voxels x trials expected in block0_values")
        values_at = np.flatnonzero(~named)
        if len(block) != len(ids) or len(values_at) != len(trials):
            raise StudyError(
                f"{path}: a table of {len(block)} voxels x {len(values_at)} trials found, "
                f"{len(ids)} x {len(trials)} expected from the tables beside it"
            )
        order = np.argsort(found)
        place = order[np.searchsorted(found, ids, sorter=order).clip(max=len(ids) - 1)]
        if (found[place] != ids).any():
            odd = ids[found[place] != ids]
            raise StudyError(
                f"{path}: has no voxel_id {odd[0]}, nor {len(odd) - 1} others of the voxel table "
                f"beside it (its own: {found.min()} to {found.max()}); they are not of one version"
            )
        at = _columns(group, values_at, trials, path)[columns]
        chosen = np.empty((len(rows), len(columns)), dtype=np.float32)
        wanted = place[rows]
        for start in range(0, len(block), CHUNK):
            here = np.flatnonzero((wanted >= start) & (wanted < start + CHUNK))
            if len(here):
                part = block[start : start + CHUNK][wanted[here] - start].astype(np.float64)
                mean, sd = _moments(part[:, values_at], path, ids[rows[here]])
                chosen[here] = (part[:, at] - mean) / sd
    return chosen


def _voxel_ids(group: h5py.Group, n_trials: int, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the id of each row of block0, and which of its columns holds it (flags).

    Where pandas puts them depends on the types: beside the responses (all float), in a block of
    their own (integers), or in the index.
    """
    import h5py

    block = group["block0_values"]
    columns = block.shape[-1]
    items = _names(group, "block0_items")
    if items is None and columns == n_trials + 1:
        items = ["voxel_id", *[""] * n_trials]
    if items is not None and len(items) != columns:
        raise StudyError(f"{path}: {columns} columns found, {len(items)} have a name")
    own = np.array(items or [""] * columns) == "voxel_id"
    if own.any():
        return _unique(block[:, int(np.flatnonzero(own)[0])], path), own
    # Names that are neither text nor numbers are pickled: a lone column of integers is then the id.
    other = group.get("block1_values")
    if isinstance(other, h5py.Dataset) and _names(group, "block1_items") in (None, ["voxel_id"]):
        return _unique(other[:].ravel(), path), own
    if isinstance(group.get("axis1"), h5py.Dataset):
        return _unique(group["axis1"][:], path), own
    raise StudyError(f"{path}: carries no voxel_id, by which the voxel table could be joined")


def _columns(
    group: h5py.Group, values_at: np.ndarray, trials: pd.DataFrame, path: Path
) -> np.ndarray:
    """Return the column of each trial: that of its trial_id, or, without one, of its row's number.

    Columns whose names pandas pickled, or that have none, are in the order of that table, as
    THINGS-fMRI's own description has it.
    """
    items = _names(group, "block0_items")
    if items is None:
        return values_at
    where = {items[at]: at for at in values_at}
    keys: pd.Series | pd.Index | None = trials.get("trial_id")
    if keys is None or keys.duplicated().any():  # counted anew in each run: no key
        keys = trials.index
    texts = [str(key) for key in keys]
    if set(texts) == set(where):
        return np.array([where[text] for text in texts])
    raise StudyError(
        f"{path}: its trials ({items[values_at[0]]}, ...) are not those of the table of trials "
        "beside it (trial_id)"
    )


def _names(group: h5py.Group, name: str) -> list[str] | None:
    """Return names that pandas stored as text or integers; None where it pickled them, or has none."""
    import h5py

    found = group.get(name)
    if not isinstance(found, h5py.Dataset) or found.ndim != 1 or found.dtype.kind not in "Siu":
        return None
    return [each.decode() if isinstance(each, bytes) else str(each) for each in found[:].tolist()]


def _moments(values: np.ndarray, path: Path, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and s.d. of each voxel, (voxels, 1)."""
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        raise StudyError(
            f"{path}: responses of voxel {ids[wrong][0]} have NaN or infinite values, none expected"
        )
    if (still := values.max(axis=1) == values.min(axis=1)).any():
        raise StudyError(f"{path}: voxel {ids[still][0]} has the same response in all trials")
    with np.errstate(all="ignore"):
        mean, sd = values.mean(axis=1, keepdims=True), values.std(axis=1, keepdims=True)
    if (vast := ~(np.isfinite(sd) & (sd > 0))[:, 0]).any():
        raise StudyError(f"{path}: responses of voxel {ids[vast][0]} have no standard deviation")
    return mean, sd
