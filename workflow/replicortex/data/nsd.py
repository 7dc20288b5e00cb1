"""The Natural Scenes Dataset (Allen et al. 2022) in the layout of its public bucket.

Volume: `func1pt8mm`, betas of a session as (trials, z, y, x) beside NIfTI volumes (x, y, z).
Surface: `nativesurface`, betas of a session and hemisphere as (trials, vertices) beside .mgh files.
Betas are stored as integers, 300 to one per cent of signal change; the scale cancels here, since
they are z-scored per session and voxel, then averaged over an image's presentations.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError, nearest

if TYPE_CHECKING:
    from replicortex.data.manifest import Manifest

Layout = Literal["volume", "surface"]

BETAS = "betas_fithrf_GLMdenoise_RR"
FOLDER = {"volume": "func1pt8mm", "surface": "nativesurface"}
HEMISPHERES = ("lh", "rh")
DESIGN = "nsddata/experiments/nsd/nsd_expdesign.mat"
STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
INFORMATION = "nsddata/experiments/nsd/nsd_stim_info_merged.csv"
# Region: name of its label file, and the labels that count.
REGIONS = {
    "OFA": ("floc-faces", (1,)),
    "FFA": ("floc-faces", (2,)),  # FFA-1
    "FFA-2": ("floc-faces", (3,)),
    "OPA": ("floc-places", (1,)),
    "PPA": ("floc-places", (2,)),
    "RSC": ("floc-places", (3,)),
    "EBA": ("floc-bodies", (1,)),
    "V1": ("prf-visualrois", (1, 2)),
    "V2": ("prf-visualrois", (3, 4)),
    "V3": ("prf-visualrois", (5, 6)),
    "V4": ("prf-visualrois", (7,)),
    "V1v": ("prf-visualrois", (1,)),
    "V1d": ("prf-visualrois", (2,)),
    "V2v": ("prf-visualrois", (3,)),
    "V2d": ("prf-visualrois", (4,)),
    "V3v": ("prf-visualrois", (5,)),
    "V3d": ("prf-visualrois", (6,)),
}
SESSIONS = 40  # planned for everybody
SESSIONS_OF_ALL = (
    30  # that all eight people completed: what they saw three times in these is special
)
REPEATS = 3


class Design(NamedTuple):
    """Who saw what: the order of presentation is the same for all, the pictures are not.

    `order` (trials,): place in a person's list. `images` (people, places): stimulus from 0 to
    72,999. The first `shared` places show the same stimuli to all.
    """

    order: np.ndarray
    images: np.ndarray
    shared: int


class Voxels(NamedTuple):
    """A region: its voxels in each part ("" or a hemisphere), flat indices, and their ncsnr."""

    places: dict[str, np.ndarray]
    ncsnr: np.ndarray


def read_design(manifest: Path) -> Design:
    """Return the experiment's design.

    Raises
    ------
    StudyError
        When the file lacks one of its three tables, or they do not fit each other.
    """
    from scipy.io import loadmat

    path = manifests.load(manifest).path(DESIGN)
    try:
        content = loadmat(path)
        order = content["masterordering"].ravel().astype(np.int64) - 1
        images = content["subjectim"].astype(np.int64) - 1
        shared = content["sharedix"].size
    except (OSError, ValueError, KeyError) as error:
        raise StudyError(f"{path}: is not NSD's design ({error})") from None
    if order.max() >= images.shape[1] or shared > images.shape[1]:
        raise StudyError(
            f"{path}: presents place {order.max() + 1}, a person's list has {images.shape[1]}"
        )
    return Design(order, images, shared)


def coco_ids(manifest: Path) -> np.ndarray:
    """Return the COCO id of each stimulus, (stimuli,)."""
    import pandas as pd

    path = manifests.load(manifest).path(INFORMATION)
    try:
        table = pd.read_csv(path, usecols=["cocoId", "nsdId"])
    except ValueError as error:
        raise StudyError(f"{path}: is not NSD's table of stimuli ({error})") from None
    return table.sort_values("nsdId")["cocoId"].to_numpy()


def splits(
    design: Design, coco: np.ndarray, person: int, *, pool: int, step: int
) -> dict[str, np.ndarray]:
    """Return stimuli for train, validation and test of one person.

    Test: the shared stimuli that all eight saw three times (515). Train and validation: of the
    person's own stimuli seen three times, the first `pool` by COCO id, every `step`-th from 0 and
    from 1 (4,000 and 4: 1,000 each).

    Raises
    ------
    StudyError
        When the person has too few stimuli of their own.
    """
    trials = len(design.order)
    early = design.order[: trials * SESSIONS_OF_ALL // SESSIONS]
    places = design.images.shape[1]
    seen_by_all = np.bincount(early, minlength=places) >= REPEATS
    special = np.flatnonzero(seen_by_all[: design.shared])
    own = np.flatnonzero(np.bincount(design.order, minlength=places) >= REPEATS)
    own = design.images[_row(design, person)][own[own >= design.shared]]
    own = own[np.argsort(coco[own], kind="stable")]
    if len(own) < pool:
        raise StudyError(
            f"nsd: person {person} saw {len(own)} own stimuli {REPEATS} times, {pool} are asked for"
        )
    return {
        "train": own[:pool:step],
        "validation": own[1:pool:step],
        "test": design.images[_row(design, person)][special],
    }


def read_voxels(
    manifest: Path, person: int, region: str, layout: Layout, threshold: float
) -> Voxels:
    """Return the voxels (or vertices) of a region whose ncsnr lies above the threshold.

    Raises
    ------
    StudyError
        When the region or layout is unknown, ncsnr is missing or no voxel is left.
    """
    if region not in REGIONS:
        raise StudyError(f"nsd: region '{region}' is unknown{nearest(region, REGIONS)}")
    if layout not in FOLDER:
        raise StudyError(f"nsd: layout '{layout}' is unknown{nearest(layout, FOLDER)}")
    dataset = manifests.load(manifest)
    name, labels = REGIONS[region]
    places, ratios = {}, []
    for part in _parts(layout):
        label_file, ncsnr_file = _maps(person, layout, part, name)
        if ncsnr_file not in dataset.files:
            raise StudyError(
                f"nsd: ncsnr is missing for person {person} ({ncsnr_file}): without it there are "
                "neither ceilings nor a choice of voxels"
            )
        ncsnr, found = _volume(dataset, ncsnr_file), _volume(dataset, label_file)
        if ncsnr.shape != found.shape:
            raise StudyError(
                f"nsd: person {person}: ncsnr has {ncsnr.size} voxels, {label_file} {found.size}"
            )
        inside = np.isin(found, labels) & (np.nan_to_num(ncsnr) > threshold)
        places[part] = np.flatnonzero(inside)
        ratios.append(ncsnr[inside])
    ncsnr = np.concatenate(ratios).astype(np.float64)
    if not len(ncsnr):
        raise StudyError(f"nsd: person {person} has no voxel of {region} with ncsnr > {threshold}")
    return Voxels(places, ncsnr)


def read_responses(
    manifest: Path, person: int, voxels: Voxels, layout: Layout, stimuli: np.ndarray
) -> np.ndarray:
    """Return responses to stimuli, z-scored per session and voxel, means over presentations.

    Returns
    -------
    float64 (stimuli, voxels)

    Raises
    ------
    StudyError
        When a session does not fit the design, or a stimulus was never presented.
    """
    design = read_design(manifest)
    dataset = manifests.load(manifest)
    shown = design.images[_row(design, person)][design.order]
    wanted = {int(stimulus): row for row, stimulus in enumerate(stimuli)}
    rows = np.array([wanted.get(int(stimulus), -1) for stimulus in shown])
    counts = np.zeros(len(stimuli))
    parts = []
    for part, places in voxels.places.items():
        total = np.zeros((len(stimuli), len(places)))
        first = 0
        for file in _sessions(dataset, person, layout, part):
            betas = _betas(dataset, file, places)
            sd = betas.std(0)
            z = (betas - betas.mean(0)) / np.where(sd > 0, sd, 1)
            mine = rows[first : first + len(z)]
            if len(mine) < len(z):
                raise StudyError(f"nsd: person {person}: {file} has more trials than the design")
            np.add.at(total, mine[mine >= 0], z[mine >= 0])
            if part == next(iter(voxels.places)):
                np.add.at(counts, mine[mine >= 0], 1)
            first += len(z)
        parts.append(total)
    if (counts == 0).any():
        raise StudyError(
            f"nsd: person {person} never saw stimulus {stimuli[np.flatnonzero(counts == 0)[0]]} "
            "in the sessions that lie here"
        )
    return np.concatenate(parts, axis=1) / counts[:, None]


def trials(manifest: Path, person: int, layout: Layout) -> int:
    """Return how many trials the sessions that lie here have.

    Raises
    ------
    StudyError
        When there is no session, one is missing between others, or a file is damaged.
    """
    import h5py

    dataset = manifests.load(manifest)
    count = 0
    for file in _sessions(dataset, person, layout, _parts(layout)[0]):
        path = dataset.path(file)
        try:
            with h5py.File(path, "r") as content:
                count += len(content["betas"])
        except (OSError, KeyError) as error:
            raise StudyError(f"{path}: truncated, or holds no betas ({error})") from None
    return count


def read_images(manifest: Path, stimuli: np.ndarray) -> np.ndarray:
    """Return pictures, uint8 (stimuli, height, width, 3)."""
    import h5py

    path = manifests.load(manifest).path(STIMULI)
    order = np.argsort(stimuli)
    with h5py.File(path, "r") as file:
        bricks = file["imgBrick"]
        if len(bricks) <= stimuli.max():
            raise StudyError(f"{path}: {len(bricks)} stimuli, number {stimuli.max()} is asked for")
        found = bricks[np.asarray(stimuli)[order]]
    return found[np.argsort(order)]


def _row(design: Design, person: int) -> int:
    if not 1 <= person <= len(design.images):
        raise StudyError(f"nsd: person {person}: the design has {len(design.images)}")
    return person - 1


def _parts(layout: Layout) -> tuple[str, ...]:
    return ("",) if layout == "volume" else HEMISPHERES


def _maps(person: int, layout: Layout, part: str, name: str) -> tuple[str, str]:
    base = f"nsddata_betas/ppdata/subj{person:02}/{FOLDER[layout]}/{BETAS}"
    if layout == "volume":
        return (
            f"nsddata/ppdata/subj{person:02}/{FOLDER[layout]}/roi/{name}.nii.gz",
            f"{base}/ncsnr.nii.gz",
        )
    return (
        f"nsddata/freesurfer/subj{person:02}/label/{part}.{name}.mgz",
        f"{base}/{part}.ncsnr.mgh",
    )


def _volume(dataset: Manifest, file: str) -> np.ndarray:
    """Values in the order in which betas have them: last axis of the file first, flat."""
    import nibabel

    path = dataset.path(file)
    try:
        # By content: an annexed file's own name may lack the suffix by which it would be known.
        kind = nibabel.Nifti1Image if ".nii" in file else nibabel.freesurfer.MGHImage
        raw = path.read_bytes()
        if file.endswith((".gz", ".mgz")):
            import gzip

            raw = gzip.decompress(raw)
        values = np.asarray(kind.from_bytes(raw).dataobj)
    except (OSError, EOFError, ValueError, nibabel.spatialimages.HeaderDataError) as error:
        raise StudyError(f"{path}: truncated or no volume ({error})") from None
    return values.T.ravel()


def _sessions(dataset: Manifest, person: int, layout: Layout, part: str) -> list[str]:
    base = f"nsddata_betas/ppdata/subj{person:02}/{FOLDER[layout]}/{BETAS}"
    hemisphere = f"{part}." if part else ""
    pattern = re.compile(rf"{re.escape(base)}/{hemisphere}betas_session(\d+)\.hdf5$")
    found = {int(match[1]): name for name in dataset.files if (match := pattern.match(name))}
    if not found:
        raise StudyError(f"nsd: no session of person {person} below {base}")
    if sorted(found) != list(range(1, len(found) + 1)):
        missing = sorted(set(range(1, max(found) + 1)) - set(found))
        raise StudyError(f"nsd: person {person}: session {missing[0]} is missing below {base}")
    return [found[number] for number in sorted(found)]


def _betas(dataset: Manifest, file: str, places: np.ndarray) -> np.ndarray:
    """Betas of a session at some voxels, float64 (trials, voxels)."""
    import h5py

    path = dataset.path(file)
    try:
        with h5py.File(path, "r") as content:
            betas = content["betas"]
            if betas.ndim == 2:
                if not len(places):
                    return np.zeros((len(betas), 0))
                low, high = places.min(), places.max() + 1
                return betas[:, low:high][:, places - low].astype(np.float64)
            axes = np.unravel_index(places, betas.shape[1:])
            box = tuple(slice(axis.min(), axis.max() + 1) for axis in axes)
            inside = tuple(axis - part.start for axis, part in zip(axes, box, strict=True))
            return betas[(slice(None), *box)][(slice(None), *inside)].astype(np.float64)
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise StudyError(f"{path}: truncated, or no betas of these voxels ({error})") from None
