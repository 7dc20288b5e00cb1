"""The Natural Scenes Dataset's betas by region, in the layout of its bucket (Allen et al. 2022).

Betas are int16, 300 times percent signal change, (trials, z, y, x) per session; volumes of regions
and of ncsnr are NIfTI, (x, y, z). Each voxel is z-scored over each session's trials, then repeats of
an image are averaged. Images are named by their place in the 73,000 (from 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.data.manifest import Manifest
from replicortex.data.nsd_layout import BETAS, DESIGN, REGIONS, ROI, STIMULI
from replicortex.errors import StudyError, nearest

TRIALS_AT_ONCE = 50  # 70 MB of a whole volume


@dataclass(frozen=True)
class Responses:
    """One subject's answers.

    `images` (n,) are numbers among the 73,000; `regions` name -> (n, voxels), float32, means over
    `repeats` z-scored trials; `ceilings` name -> (voxels,), percent of variance that could be told.
    """

    images: np.ndarray
    regions: dict[str, np.ndarray]
    ceilings: dict[str, np.ndarray]
    repeats: int


@dataclass(frozen=True)
class Design:
    """Which image each trial showed: `order` (trials,), `images[subject]` (10000,), from 0."""

    order: np.ndarray
    images: np.ndarray

    def shown(self, subject: int, trials: int) -> np.ndarray:
        """Return the image of each of a subject's first trials, (trials,)."""
        return self.images[subject - 1][self.order[:trials]]


def read_design(manifest: Path) -> Design:
    """Return the order of trials.

    Raises
    ------
    StudyError
        When the file is no design.
    """
    from scipy.io import loadmat

    path = manifests.load(manifest).path(DESIGN)
    try:
        content = loadmat(path)
        order = content["masterordering"].ravel().astype(int) - 1
        images = np.atleast_2d(content["subjectim"]).astype(int) - 1
    except (ValueError, KeyError, IndexError, OSError, NotImplementedError) as error:
        raise StudyError(f"{path}: is no design of the experiment ({error})") from None
    return Design(order, images)


def sessions(manifest: Path, subject: int) -> list[str]:
    """Return the paths of a subject's sessions in their order.

    Raises
    ------
    StudyError
        When there is none.
    """
    dataset = manifests.load(manifest)
    folder = BETAS.format(subject)
    found = sorted(p for p in dataset.files if p.startswith(f"{folder}/betas_session"))
    if not found:
        known = {p.split("/")[2] for p in dataset.files if p.startswith("nsddata_betas/")}
        raise StudyError(
            f"{manifest}: has no session of subject {subject}{nearest(f'subj{subject:02}', known)}"
        )
    return found


def common_images(manifest: Path, subjects: list[int], repeats: int) -> np.ndarray:
    """Return the images that each subject saw at least `repeats` times, sorted.

    Raises
    ------
    StudyError
        When there is none.
    """
    design = read_design(manifest)
    common = None
    for subject in subjects:
        shown = design.shown(subject, sum(_trials(manifest, subject)))
        images, counts = np.unique(shown, return_counts=True)
        own = set(images[counts >= repeats].tolist())
        common = own if common is None else common & own
    if not common:
        raise StudyError(f"{manifest}: subjects {subjects} share no image seen {repeats} times")
    return np.array(sorted(common))


def read_responses(
    manifest: Path,
    subject: int,
    regions: list[str],
    images: np.ndarray,
    *,
    repeats: int = 3,
    ceiling: float = 0.0,
) -> Responses:
    """Return a subject's mean responses to images, by region.

    Parameters
    ----------
    regions
        Names among `REGIONS`.
    images
        Numbers among the 73,000.
    repeats
        How many of an image's showings are averaged: the first ones.
    ceiling
        Voxels with a noise ceiling (percent) at or below it are left out.

    Raises
    ------
    StudyError
        When a region is unknown or empty, an image was shown too rarely, or files do not fit.
    """
    dataset = manifests.load(manifest)
    snr = _volume(dataset, f"{BETAS.format(subject)}/ncsnr.nii.gz")
    ceilings = noise_ceiling(snr, repeats)
    masks = {name: _mask(dataset, subject, name, ceilings, ceiling, snr.shape) for name in regions}
    voxels = np.flatnonzero(np.any(list(masks.values()), axis=0).ravel(order="F"))
    trials = _trials(manifest, subject)
    shown = read_design(manifest).shown(subject, sum(trials))
    place = {image: number for number, image in enumerate(np.asarray(images).tolist())}
    total = np.zeros((len(images), len(voxels)))
    seen = np.zeros(len(images), int)
    start = 0
    for path, count in zip(sessions(manifest, subject), trials, strict=True):
        values = _session(dataset.path(path), voxels, snr.shape)
        sd = values.std(0)
        scored = np.divide(values - values.mean(0), sd, where=sd > 0, out=np.zeros_like(values))
        for row, image in enumerate(shown[start : start + count].tolist()):
            number = place.get(image)
            if number is not None and seen[number] < repeats:
                total[number] += scored[row]
                seen[number] += 1
        start += count
    if (seen < repeats).any():
        rare = int(np.asarray(images)[seen.argmin()])
        raise StudyError(
            f"{manifest}: subject {subject} saw image {rare} {seen.min()} times, {repeats} expected"
        )
    mean = (total / repeats).astype(np.float32)
    inside = {
        name: np.isin(voxels, np.flatnonzero(m.ravel(order="F"))) for name, m in masks.items()
    }
    flat = ceilings.ravel(order="F")[voxels]
    return Responses(
        np.asarray(images),
        {name: mean[:, own] for name, own in inside.items()},
        {name: flat[own] for name, own in inside.items()},
        repeats,
    )


def noise_ceiling(ncsnr: np.ndarray, repeats: int) -> np.ndarray:
    """Return 100 s^2 / (s^2 + 1 / repeats), percent of the variance of a mean over repeats.

    A voxel without a signal-to-noise ratio (NaN) has 0.
    """
    power = np.square(np.nan_to_num(np.asarray(ncsnr, dtype=np.float64)))
    return 100 * power / (power + 1 / repeats)


def read_images(manifest: Path, images: np.ndarray) -> np.ndarray:
    """Return stimuli, uint8 (n, side, side, 3).

    Raises
    ------
    StudyError
        When the file is damaged or lacks an image.
    """
    import h5py

    path = manifests.load(manifest).path(STIMULI)
    try:
        with h5py.File(path, "r") as stream:
            bricks = stream["imgBrick"]
            if len(images) and max(images) >= len(bricks):
                raise StudyError(f"{path}: {len(bricks)} images, number {max(images)} is asked for")
            return np.stack([bricks[int(image)] for image in images])
    except (OSError, KeyError) as error:
        raise StudyError(f"{path}: is no file of stimuli ({error})") from None


def _trials(manifest: Path, subject: int) -> list[int]:
    """Return the number of trials of each session."""
    import h5py

    dataset = manifests.load(manifest)
    found = []
    for name in sessions(manifest, subject):
        path = dataset.path(name)
        try:
            with h5py.File(path, "r") as stream:
                found.append(len(stream["betas"]))
        except (OSError, KeyError) as error:
            raise StudyError(f"{path}: truncated, or holds no betas ({error})") from None
    return found


def _session(path: Path, voxels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return one session's betas in percent signal change, (trials, voxels)."""
    import h5py

    with h5py.File(path, "r") as stream:
        betas = stream["betas"]
        if betas.shape[:0:-1] != shape:
            raise StudyError(f"{path}: volumes of {betas.shape[:0:-1]}, {shape} expected")
        parts = [
            # (trials, z, y, x) in rows is (x, y, z) in columns: order "F" of the volumes.
            betas[start : start + TRIALS_AT_ONCE].reshape(-1, int(np.prod(shape)))[:, voxels]
            for start in range(0, len(betas), TRIALS_AT_ONCE)
        ]
    return np.concatenate(parts).astype(np.float64) / 300


def _mask(
    dataset: Manifest,
    subject: int,
    region: str,
    ceilings: np.ndarray,
    ceiling: float,
    shape: tuple[int, ...],
) -> np.ndarray:
    if region not in REGIONS:
        raise StudyError(f"region: found '{region}'{nearest(region, REGIONS)}")
    volume, labels = REGIONS[region]
    found = _volume(dataset, ROI.format(subject, volume))
    if found.shape != shape:
        raise StudyError(
            f"{dataset.name}: subject {subject}: {volume} is of {found.shape}, ncsnr of {shape}"
        )
    mask = np.isin(found, labels) & (ceilings > ceiling)
    if not mask.any():
        raise StudyError(
            f"{dataset.name}: subject {subject}: no voxel of {region} has a noise ceiling above "
            f"{ceiling:g} %"
        )
    return mask


def _volume(dataset: Manifest, name: str) -> np.ndarray:
    import nibabel

    path = dataset.path(name)
    try:
        return np.asarray(nibabel.load(path).dataobj)
    except (OSError, EOFError, ValueError, nibabel.filebasedimages.ImageFileError) as error:
        raise StudyError(f"{path}: truncated, or no NIfTI volume ({error})") from None
