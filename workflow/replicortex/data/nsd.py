"""The Natural Scenes Dataset (Allen et al. 2022) in the layout of its public bucket.

Volume: `func1pt8mm`, betas of a session as (trials, z, y, x) beside NIfTI volumes (x, y, z).
Surface: `nativesurface`, betas of a session and hemisphere as (trials, vertices) beside .mgh files.
Betas are stored as integers, 300 to one per cent of signal change; the scale cancels here, since
they are z-scored per session and voxel, then averaged over an image's presentations.

What goes by order, and why that is safe: the trials of a session follow the design's order, 750 to a
session, so that sessions must be complete from the first on and equally long; a voxel is its place
in the volume, so that betas, ncsnr and labels must have one shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import read_table, reading
from replicortex.data import manifest as manifests
from replicortex.data.needed import Names, Needed

if TYPE_CHECKING:
    import h5py

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
COMPLETED = {1: 40, 2: 40, 3: 32, 4: 30, 5: 40, 6: 32, 7: 40, 8: 30}  # sessions by person


class Design(NamedTuple):
    """Who saw what: the order of presentation is the same for all, the pictures are not.

    `order` (trials,): place in a person's list. `images` (people, places): stimulus from 0 to
    72,999. The first `shared` places show the same stimuli to all.
    """

    order: np.ndarray
    images: np.ndarray
    shared: int


class Voxels(NamedTuple):
    """A region: its voxels in each part ("" or a hemisphere), flat indices, and their ncsnr.

    `shapes`: of each part's volume as betas have it, (z, y, x) or (vertices,).
    """

    places: dict[str, np.ndarray]
    ncsnr: np.ndarray
    shapes: dict[str, tuple[int, ...]] | None = None


class Answers(NamedTuple):
    """Responses, float64 (stimuli, voxels), of the `voxels` that have one in every session.

    `left_out`: how many others were asked for.
    """

    responses: np.ndarray
    voxels: Voxels
    left_out: int


def expected(
    folder: Names,
    people: Iterable[int],
    regions: Iterable[str],
    layout: Layout,
    *,
    sessions: int | None = None,
    coco: bool = True,
) -> list[Needed]:
    """Return the files that the readers of this module open.

    Parameters
    ----------
    folder
        Where NSD lies.
    people, regions, layout
        As `read_voxels` and `read_answers` are asked for.
    sessions
        Up to which; None: up to the last one that lies there of any of these people, or all where none does.
    coco
        Whether the stimuli's COCO ids are read.
    """
    people = list(people)
    needed: list[Needed] = [(DESIGN,), (STIMULI,), *([(INFORMATION,)] if coco else [])]
    last = sessions
    if last is None:
        found = [
            int(m[1])
            for person in people
            for part in _parts(layout)
            for name in folder.matching(f"{_betas_of(person, layout, part)}*.hdf5")
            if (m := re.search(r"(\d+)\.hdf5$", name))
        ]
        last = max(found, default=SESSIONS)
    for person in people:
        for part in _parts(layout):
            maps = (_maps(person, layout, part, REGIONS[region][0]) for region in regions)
            needed += [(file,) for file in dict.fromkeys(file for both in maps for file in both)]
            needed += [
                (f"{_betas_of(person, layout, part)}{number:02}.hdf5",)
                for number in range(1, min(last, COMPLETED.get(person, SESSIONS)) + 1)
            ]
    return needed


def read_design(manifest: Path) -> Design:
    """Return the experiment's design.

    Raises
    ------
    StudyError
        When the file lacks one of its three tables, or they do not fit each other.
    """
    from scipy.io import loadmat

    path = manifests.load(manifest).path(DESIGN)
    with reading(path, "NSD's design (a MATLAB file)"):
        content = loadmat(path)
        for name in ("masterordering", "subjectim", "sharedix"):
            if name not in content:
                raise StudyError(
                    f"{path}: is not NSD's design: no table '{name}'{nearest(name, content)}"
                )
        order = _whole(content["masterordering"].ravel()) - 1
        images = _whole(content["subjectim"]) - 1
        special = _whole(content["sharedix"].ravel()) - 1
        if images.ndim != 2 or not order.size or order.min() < 0 or images.min() < 0:
            raise StudyError(
                f"{path}: is not NSD's design: numbers from 1 expected, images of people x places"
            )
    shared = special.size
    if order.max() >= images.shape[1] or shared > images.shape[1]:
        raise StudyError(
            f"{path}: presents place {order.max() + 1}, a person's list has {images.shape[1]}"
        )
    if (images[:, :shared] != images[0, :shared]).any() or set(images[0, :shared]) != set(special):
        raise StudyError(
            f"{path}: the first {shared} images of a person are not the {shared} that all share"
        )
    return Design(order, images, shared)


def _whole(values: np.ndarray) -> np.ndarray:
    """Integers, as which MATLAB may have written doubles."""
    found = values.astype(np.int64)
    if (found != values).any():
        raise ValueError("whole numbers expected")
    return found


def coco_ids(manifest: Path) -> np.ndarray:
    """Return the COCO id of each stimulus, int64 (stimuli,): that of `nsdId` n stands at n.

    Raises
    ------
    StudyError
        When the file is no such table, or its `nsdId` are not 0, 1, 2, ... once each, in any order.
    """
    path = manifests.load(manifest).path(INFORMATION)
    expected = "NSD's table of stimuli"
    table = read_table(path, columns=["cocoId", "nsdId"], expected=expected)
    with reading(path, expected):
        number, coco = (_whole(table[name].to_numpy(float)) for name in ("nsdId", "cocoId"))
    wrong = np.flatnonzero(np.sort(number) != np.arange(len(number)))
    if len(wrong) or not len(number):
        raise StudyError(
            f"{path}: nsdId from 0 to {len(number) - 1} expected, each once; "
            + (f"{wrong[0]} is missing" if len(wrong) else "there is none")
        )
    found = np.empty_like(coco)
    found[number] = coco
    return found


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
        When the person has too few stimuli of their own, or one without a COCO id.
    """
    if design.images.max() >= len(coco):
        raise StudyError(
            f"nsd: the design shows stimulus {design.images.max()}, "
            f"the table of stimuli ({INFORMATION}) has {len(coco)}"
        )
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
    """Return the voxels (or vertices) of a region whose ncsnr is finite and above the threshold.

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
    places, ratios, shapes = {}, [], {}
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
                f"nsd: person {person}: ncsnr has {_times(ncsnr.shape)} voxels, "
                f"{label_file} {_times(found.shape)}"
            )
        shapes[part] = ncsnr.shape if layout == "volume" else (ncsnr.size,)
        ncsnr, found = ncsnr.ravel(), found.ravel()
        inside = np.isin(found, labels) & (ncsnr > threshold) & np.isfinite(ncsnr)
        places[part] = np.flatnonzero(inside)
        ratios.append(ncsnr[inside])
    ncsnr = np.concatenate(ratios).astype(np.float64)
    if not len(ncsnr):
        raise StudyError(f"nsd: person {person} has no voxel of {region} with ncsnr > {threshold}")
    return Voxels(places, ncsnr, shapes)


def read_responses(
    manifest: Path, person: int, voxels: Voxels, layout: Layout, stimuli: np.ndarray
) -> np.ndarray:
    """Return responses to stimuli of all voxels asked for, float64 (stimuli, voxels).

    Raises
    ------
    StudyError
        As `read_answers` does, and when one of the voxels has no response in some session.
    """
    found = read_answers(manifest, person, voxels, layout, stimuli)
    if found.left_out:
        raise StudyError(
            f"nsd: person {person}: {found.left_out} of {len(voxels.ncsnr)} voxels are constant or "
            "not finite in a session; choose others, or let `read_answers` leave them out"
        )
    return found.responses


def read_answers(
    manifest: Path, person: int, voxels: Voxels, layout: Layout, stimuli: np.ndarray
) -> Answers:
    """Return responses to stimuli, z-scored per session and voxel, means over presentations.

    A voxel that is constant in some session (all 0 outside of that session's brain mask), or not
    finite, has no z-score there and leaves: a mean of fewer presentations would have more noise
    than its ceiling says.

    Raises
    ------
    StudyError
        When sessions do not fit the design or each other, hemispheres have different sessions, a
        stimulus was never presented, or no voxel is left.
    """
    design = read_design(manifest)
    dataset = manifests.load(manifest)
    presented = design.images[_row(design, person)][design.order]
    wanted = {int(stimulus): row for row, stimulus in enumerate(stimuli)}
    rows = np.array([wanted.get(int(stimulus), -1) for stimulus in presented])
    sessions, counts = _sessions(dataset, person, layout), np.zeros(len(stimuli))
    lengths = np.diff(_edges(dataset, person, sessions, len(presented)), prepend=0)
    first = 0
    totals = {part: np.zeros((len(stimuli), len(at))) for part, at in voxels.places.items()}
    alive = {part: np.ones(len(at), dtype=bool) for part, at in voxels.places.items()}
    for files, length in zip(sessions, lengths, strict=True):
        mine = rows[first : first + length]
        np.add.at(counts, mine[mine >= 0], 1)
        first += length
        for part, places in voxels.places.items():
            shape = None if voxels.shapes is None else voxels.shapes[part]
            betas = _betas(dataset, files[part], places, shape)
            with np.errstate(all="ignore"):  # what overflows leaves, too
                mean, sd = betas.mean(0), betas.std(0)
                ok = np.isfinite(mean) & np.isfinite(sd) & (sd > 0)
                ok &= betas.max(0, initial=-np.inf) > betas.min(0, initial=np.inf)
                z = (betas - mean) / sd
            alive[part] &= ok
            np.add.at(totals[part], mine[mine >= 0], np.where(ok, z, 0)[mine >= 0])
    if (counts == 0).any():
        raise StudyError(
            f"nsd: person {person} never saw stimulus {stimuli[np.flatnonzero(counts == 0)[0]]} "
            "in the sessions that lie here"
        )
    kept = np.concatenate(list(alive.values()))
    if not kept.any():
        raise StudyError(
            f"nsd: person {person}: each of {len(kept)} voxels is constant or not finite in a session"
        )
    responses = np.concatenate([totals[part][:, alive[part]] for part in totals], axis=1)
    left = voxels._replace(
        places={part: at[alive[part]] for part, at in voxels.places.items()},
        ncsnr=voxels.ncsnr if kept.all() else voxels.ncsnr[kept],
    )
    return Answers(responses / counts[:, None], left, int((~kept).sum()))


def trials(manifest: Path, person: int, layout: Layout) -> int:
    """Return how many trials the sessions that lie here have.

    Raises
    ------
    StudyError
        When there is no session, one is missing between others or of a hemisphere, one has another
        number of trials than the others, or a file is damaged.
    """
    dataset = manifests.load(manifest)
    return int(_edges(dataset, person, _sessions(dataset, person, layout))[-1])


def read_images(manifest: Path, stimuli: np.ndarray) -> np.ndarray:
    """Return pictures, uint8 (stimuli, height, width, 3).

    Raises
    ------
    StudyError
        When the file is no stack of pictures, or too small a one.
    """
    import h5py

    path = manifests.load(manifest).path(STIMULI)
    stimuli = np.asarray(stimuli)
    numbers, place = np.unique(stimuli, return_inverse=True)
    with reading(path, "NSD's stimuli (HDF5)"), h5py.File(path, "r") as file:
        bricks = _array(file, "imgBrick", path)
        if bricks.ndim != 4 or bricks.shape[3] != 3 or bricks.dtype != np.uint8:
            raise StudyError(
                f"{path}: imgBrick is {bricks.dtype} {_times(bricks.shape)}, "
                "uint8 (stimuli, height, width, 3) expected"
            )
        if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < len(bricks):
            raise StudyError(
                f"{path}: {len(bricks)} stimuli, number "
                f"{numbers[-1] if numbers[0] >= 0 else numbers[0]} is asked for"
            )
        images: np.ndarray = bricks[numbers][place]
        return images


def _row(design: Design, person: int) -> int:
    if not 1 <= person <= len(design.images):
        raise StudyError(f"nsd: person {person}: the design has {len(design.images)}")
    return person - 1


def _parts(layout: Layout) -> tuple[str, ...]:
    return ("",) if layout == "volume" else HEMISPHERES


def _base(person: int, layout: Layout) -> str:
    """Return the folder of a person's betas, relative to NSD."""
    return f"nsddata_betas/ppdata/subj{person:02}/{FOLDER[layout]}/{BETAS}"


def _betas_of(person: int, layout: Layout, part: str) -> str:
    """Return the files of a person's sessions up to their number."""
    return f"{_base(person, layout)}/{part}{'.' if part else ''}betas_session"


def _maps(person: int, layout: Layout, part: str, name: str) -> tuple[str, str]:
    """Return the files of a person's regions and of the noise ceiling's SNR (ncsnr), relative to NSD."""
    base = _base(person, layout)
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
    """Values with the axes of the betas: the last one of the file first."""
    import gzip

    import nibabel

    path = dataset.path(file)
    with reading(path, f"a volume ({file.partition('.')[2] or file})"):
        # By content: an annexed file's own name may lack the suffix by which it would be known.
        kind = nibabel.Nifti1Image if ".nii" in file else nibabel.MGHImage
        raw = path.read_bytes()
        if file.endswith((".gz", ".mgz")):
            raw = gzip.decompress(raw)
        values = np.asarray(kind.from_bytes(raw).dataobj)
        if values.dtype.kind not in "iuf":
            raise StudyError(f"{path}: a volume of numbers expected, found {values.dtype}")
        return values.T


def _sessions(dataset: Manifest, person: int, layout: Layout) -> list[dict[str, str]]:
    """The file of each part, session by session.

    Raises
    ------
    StudyError
        When a session is missing, of one part or of all.
    """
    base = _base(person, layout)
    found: dict[str, dict[int, str]] = {}
    for part in _parts(layout):
        pattern = re.compile(rf"{re.escape(_betas_of(person, layout, part))}(\d+)\.hdf5$")
        found[part] = {int(m[1]): name for name in dataset.files if (m := pattern.match(name))}
    numbers = sorted(set().union(*found.values()))
    if not numbers:
        raise StudyError(f"nsd: no session of person {person} below {base}")
    for number in range(1, numbers[-1] + 1):
        without = [part for part in found if number not in found[part]]
        if len(without) == len(found):
            raise StudyError(f"nsd: person {person}: session {number} is missing below {base}")
        if without:
            raise StudyError(
                f"nsd: person {person}: session {number} of {without[0]} is missing below {base}; "
                f"the other hemisphere has {len(numbers)} sessions: get it, or take away theirs"
            )
    return [{part: files[number] for part, files in found.items()} for number in numbers]


def _edges(
    dataset: Manifest, person: int, sessions: list[dict[str, str]], planned: int | None = None
) -> np.ndarray:
    """How many trials there are up to the end of each session, (sessions,).

    Raises
    ------
    StudyError
        When parts of a session differ in number, a session from the first one, or there are more
        than planned.
    """
    import h5py

    lengths = []
    for number, files in enumerate(sessions, start=1):
        found = {}
        for part, file in files.items():
            path = dataset.path(file)
            with reading(path, "betas of an NSD session (HDF5)"), h5py.File(path, "r") as content:
                found[part] = len(_array(content, "betas", path))
        lengths.append(next(iter(found.values())))
        for part, length in found.items():
            # A session that was cut short would shift all that come after it.
            if not length or length != lengths[-1] or abs(length - lengths[0]) > 1:
                raise StudyError(
                    f"nsd: person {person}: {files[part]} (session {number}) has {length} trials, "
                    f"{lengths[-1] if length and length != lengths[-1] else lengths[0]} expected"
                )
        if planned is not None and sum(lengths) > planned:
            raise StudyError(
                f"nsd: person {person}: {next(iter(files.values()))} has more trials than the "
                f"design: {sum(lengths)} up to it, {planned} planned"
            )
    return np.cumsum(lengths)


def _betas(
    dataset: Manifest, file: str, places: np.ndarray, shape: tuple[int, ...] | None
) -> np.ndarray:
    """Betas of a session at some voxels of a volume of a shape, float64 (trials, voxels)."""
    import h5py

    path = dataset.path(file)
    with reading(path, "betas of an NSD session (HDF5)"), h5py.File(path, "r") as content:
        betas = _array(content, "betas", path)
        found = betas.shape[1:]
        if len(found) not in (1, 3) or (shape is not None and found != shape):
            raise StudyError(
                f"{path}: betas of {_times(found)} voxels"
                + (f", ncsnr has {_times(shape)}" if shape is not None else "")
            )
        if not len(places):
            return np.zeros((len(betas), 0))
        axes = np.unravel_index(places, found)
        box = tuple(slice(axis.min(), axis.max() + 1) for axis in axes)
        inside = tuple(axis - part.start for axis, part in zip(axes, box, strict=True))
        chosen: np.ndarray = betas[(slice(None), *box)][(slice(None), *inside)].astype(np.float64)
        return chosen


def _array(file: h5py.File, name: str, path: Path) -> h5py.Dataset:
    import h5py

    found = file.get(name)
    if not isinstance(found, h5py.Dataset) or not found.ndim or found.dtype.kind not in "iuf":
        raise StudyError(f"{path}: holds no array of numbers '{name}'{nearest(name, list(file))}")
    return found


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
