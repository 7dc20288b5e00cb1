"""Several people's regions of NSD, on the images that all of them saw often enough."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.data import nsd


@dataclass(frozen=True)
class Responses:
    """One person's answers.

    `regions` name -> (images, voxels), float32, means over presentations of responses z-scored per
    session; `ceilings` name -> (voxels,), percent of the variance of a mean over `repeats`; `left_out`
    name -> number of voxels above the ceiling that are constant or not finite in a session.
    """

    regions: dict[str, np.ndarray]
    ceilings: dict[str, np.ndarray]
    left_out: dict[str, int]


def common_images(manifest: Path, people: list[int], repeats: int) -> np.ndarray:
    """Return the images, from 0, that each person saw at least `repeats` times, sorted.

    Raises
    ------
    StudyError
        When there is none.
    """
    design = nsd.read_design(manifest)
    common: set[int] | None = None
    for person in people:
        presented = design.order[: nsd.trials(manifest, person, "volume")]
        images, counts = np.unique(design.images[person - 1][presented], return_counts=True)
        own = set(images[counts >= repeats].tolist())
        common = own if common is None else common & own
    if not common:
        raise StudyError(f"{manifest}: people {people} share no image seen {repeats} times")
    return np.array(sorted(common))


def read(
    manifest: Path,
    person: int,
    regions: list[str],
    images: np.ndarray,
    *,
    repeats: int,
    ceiling: float,
) -> Responses:
    """Return a person's mean responses to images, by region (volume, `func1pt8mm`).

    Parameters
    ----------
    images
        As `common_images` gives them for `repeats`.
    ceiling
        Percent; voxels with a noise ceiling at or below it are left out.

    Raises
    ------
    StudyError
        When a region is unknown or no voxel is left, or files are absent or do not fit.
    """
    threshold = snr_of(ceiling, repeats)
    answers, ceilings, left_out = {}, {}, {}
    for region in regions:
        voxels = nsd.read_voxels(manifest, person, region, "volume", threshold)
        found = nsd.read_answers(manifest, person, voxels, "volume", images)
        answers[region] = found.responses.astype(np.float32)
        ceilings[region] = noise_ceiling(found.voxels.ncsnr, repeats)
        left_out[region] = found.left_out
    return Responses(answers, ceilings, left_out)


def noise_ceiling(ncsnr: np.ndarray, repeats: int) -> np.ndarray:
    """Return 100 s^2 / (s^2 + 1 / repeats), percent of the variance of a mean over repeats."""
    power = np.square(np.asarray(ncsnr, dtype=np.float64))
    return 100 * power / (power + 1 / repeats)


def snr_of(ceiling: float, repeats: int) -> float:
    """Return the ncsnr whose noise ceiling is that many percent."""
    return float(np.sqrt(ceiling / (100 - ceiling) / repeats))
