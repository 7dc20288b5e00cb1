"""What is predicted from what: units of each set, voxels with their noise, splits of the images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from papers.sparse_positive.features import FLOC, V4, Space, answers_to, of_person
from papers.sparse_positive.noise import spread
from replicortex.analysis.encoding import noise_ceiling, standard
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator
from replicortex.data import macaque_v4, manifest, nsd, voxel_tables

# Which units a region is made of.
REGIONS = {"FFA": "face", "PPA": "scene"}
REPEATS = nsd.REPEATS


class Design(NamedTuple):
    """One encoding problem; features and voxels standardised on the training images.

    `features`: unit set -> (train, validation, test), each (images, units). `passing`: unit set ->
    how many of its units, from the first, pass the localizer. `ceiling`: largest r of each voxel,
    NaN where unknown. `left_out`: how many voxels had no response in some session.
    """

    features: dict[str, tuple[np.ndarray, ...]]
    voxels: tuple[np.ndarray, ...]
    ceiling: np.ndarray
    passing: dict[str, int]
    left_out: int = 0


class Problem(NamedTuple):
    """A design with its place in the tables, and the unit set that matches the region, if any."""

    cell: dict[str, Any]
    design: Design
    own: str | None


def parts_of(count: int, images: Mapping[str, int], seed: int) -> list[np.ndarray]:
    """Return random places of train, validation and test images.

    Raises
    ------
    StudyError
        When the splits need more images than there are.
    """
    sizes = [images["train"], images["validation"], images["test"]]
    if sum(sizes) > count:
        raise StudyError(f"splits {sizes} need {sum(sizes)} images, there are {count}")
    order = generator(seed, "splits").permutation(count)
    return np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])


def make(
    features: Mapping[str, np.ndarray],
    voxels: np.ndarray,
    parts: list[np.ndarray],
    ceiling: np.ndarray | None = None,
    passing: Mapping[str, int] | None = None,
) -> Design:
    """Split and standardise."""

    def cut(values: np.ndarray, what: str) -> tuple[np.ndarray, ...]:
        if len(values) != len(voxels):
            raise StudyError(f"{what}: {len(values)} images, the voxels have {len(voxels)}")
        scale = standard(values[parts[0]], what)
        return tuple(scale(np.asarray(values[part], dtype=np.float64)) for part in parts)

    known = np.full(voxels.shape[1], np.nan) if ceiling is None else ceiling
    return Design(
        {name: cut(values, f"{name} units") for name, values in features.items()},
        cut(voxels, "voxels"),
        known,
        dict(passing or {}),
    )


def noisy(signal: np.ndarray, ncsnr: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the noise of a mean over three presentations to a signal brought to s.d. 1.

    ncsnr is the ratio of the s.d. of signal and of a single presentation's noise.
    """
    signal = (signal - signal.mean(0)) / signal.std(0)
    return signal + rng.normal(size=signal.shape) / (np.sqrt(REPEATS) * ncsnr)


def mixes(units: np.ndarray, voxels: int, each: int, rng: np.random.Generator) -> np.ndarray:
    """Return sparse positive mixes of standardised units, (images, voxels)."""
    z = standard(units, "cortex")(units)
    live = np.flatnonzero(z.any(0))
    if len(live) < each:
        raise StudyError(
            f"cortex: {each} units are mixed in a voxel, {len(live)} units ever change"
        )
    chosen = [rng.choice(live, each, replace=False) for _ in range(voxels)]
    return np.stack([z[:, c] @ rng.random(each) for c in chosen], axis=1)


def planted(
    region: str, settings: Mapping[str, Any], ncsnr: np.ndarray, seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return units and voxels from latents, of which a face and a scene one oppose each other.

    A unit is a rectified sum of latents, a face unit's with the face latent on top; the region's
    voxels are sparse positive mixes of a second draw of such units. Random units have no latent
    on top.
    """
    rng = generator(seed, "planted", region)
    n = sum(settings["images"].values())
    k, p = settings["latents"], settings["units"]
    latents = rng.normal(size=(n, k))
    opposed = settings["opposition"]
    latents[:, 1] = -opposed * latents[:, 0] + np.sqrt(1 - opposed**2) * latents[:, 1]

    def population(latent: int | None) -> np.ndarray:
        loads = rng.normal(size=(k, p)) * settings["spread"]
        if latent is not None:
            loads[latent] += 1
        return np.maximum(latents @ loads + rng.normal(size=(n, p)) * settings["noise"], -1)

    features = {"face": population(0), "scene": population(1), "random": population(None)}
    cortex = population(0 if region == "FFA" else 1)
    return features, noisy(mixes(cortex, len(ncsnr), settings["mixed"], rng), ncsnr, rng)


def units_of(
    spaces: Mapping[str, Space], name: str, pictures: str
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Return a space's unit sets for one set of pictures, and how many of each set pass.

    Raises
    ------
    StudyError
        When the space was not extracted.
    """
    sets = answers_to(pictures, spaces, name)
    passing = spaces[name].passing
    return sets, {units: min(count, sets[units].shape[1]) for units, count in passing.items()}


def reliable(
    numbers: Mapping[str, Any],
    region: str,
    person: int,
    count: int,
    seed: int,
    scenes: Path | None = None,
) -> np.ndarray:
    """Return ncsnr of `count` voxels: a region's own where NSD is at hand, else as published of it.

    Parameters
    ----------
    numbers
        Sections reliability and, with NSD, nsd.
    """
    rng = generator(seed, "ncsnr", region)
    if scenes is None:
        reliability = numbers["reliability"]
        law = spread(reliability["ncsnr"][region], person, reliability["threshold"])
        return law.draw(count, rng)
    threshold = numbers["reliability"]["threshold"]
    own = nsd.read_voxels(scenes, person, region, numbers["nsd"]["layout"], threshold).ncsnr
    return rng.choice(own, count, replace=count > len(own))


def problems(
    target: str,
    numbers: Mapping[str, Any],
    features: Mapping[str, Space],
    seeds: list[int],
    v4: Path | None = None,
    scenes: Path | None = None,
    tables: Path | None = None,
) -> Iterator[Problem]:
    """Yield all problems of one target: planted, semi_real, macaque_v4, nsd or tables.

    Features and voxels are paired row by row. Both sides have the images in one order: that of the
    recording's numbers (macaque_v4), of `nsd.splits` by the one section `nsd` (nsd), of the small
    localizer images (semi_real), and of the tables' names (tables); `make` compares their numbers.

    Parameters
    ----------
    numbers
        Sections planted, semi_real, macaque, nsd, tables, reliability and people.
    """
    if target in ("planted", "semi_real"):
        people = numbers["reliability"]["people"]
        for place, seed in enumerate(seeds):
            person = people[place % len(people)]
            for region in REGIONS:
                if target == "planted":
                    yield _planted(region, numbers, person, seed, scenes)
                else:
                    for space in numbers["semi_real"]["models"]:
                        yield semi_real(region, numbers, features, space, person, seed, scenes)
    elif target == "macaque_v4":
        settings = numbers["macaque"]
        responses = macaque_v4.read_responses(v4, settings["session"])
        for seed in seeds:
            parts = parts_of(len(responses), settings["images"], seed)
            for space in settings["models"]:
                sets, passing = units_of(features, space, V4)
                cell = {"seed": seed, "target": target, "region": "V4", "space": space}
                yield Problem(cell, make(sets, responses, parts, passing=passing), None)
    elif target == "nsd":
        yield from _nsd(numbers["nsd"], features, scenes)
    else:
        yield from _tables(numbers["tables"], tables, seeds)


def _planted(
    region: str, numbers: Mapping[str, Any], person: int, seed: int, scenes: Path | None
) -> Problem:
    settings = numbers["planted"]
    ncsnr = reliable(numbers, region, person, settings["voxels"], seed, scenes)
    sets, voxels = planted(region, settings, ncsnr, seed)
    parts = parts_of(len(voxels), settings["images"], seed)
    every = {name: settings["units"] for name in ("face", "scene")}
    cell = {"seed": seed, "target": "planted", "region": region, "space": "planted"}
    ceiling = noise_ceiling(ncsnr, REPEATS)
    return Problem(cell, make(sets, voxels, parts, ceiling, every), REGIONS[region])


def semi_real(
    region: str,
    numbers: Mapping[str, Any],
    features: Mapping[str, Space],
    space: str,
    person: int,
    seed: int,
    scenes: Path | None = None,
) -> Problem:
    """One network's units predict sparse positive mixes of another's, on real images."""
    settings = numbers["semi_real"]
    ncsnr = reliable(numbers, region, person, settings["voxels"], seed, scenes)
    rng = generator(seed, "semi-real", region)
    cortex = answers_to(FLOC, features, settings["cortex"])[REGIONS[region]]
    voxels = noisy(mixes(cortex, len(ncsnr), settings["mixed"], rng), ncsnr, rng)
    sets, passing = units_of(features, space, FLOC)
    parts = parts_of(len(voxels), settings["images"], seed)
    cell = {"seed": seed, "target": "semi_real", "region": region, "space": space}
    ceiling = noise_ceiling(ncsnr, REPEATS)
    return Problem(cell, make(sets, voxels, parts, ceiling, passing), REGIONS[region])


def _nsd(
    settings: Mapping[str, Any], features: Mapping[str, Space], scenes: Path
) -> Iterator[Problem]:
    """NSD's own voxels: the splits are the paper's, and a person stands where a seed would."""
    design, coco = nsd.read_design(scenes), nsd.coco_ids(scenes)
    for person in settings["people"]:
        each = nsd.splits(design, coco, person, pool=settings["pool"], step=settings["step"])
        stimuli = np.concatenate(list(each.values()))
        parts = np.split(np.arange(len(stimuli)), np.cumsum([len(p) for p in each.values()])[:-1])
        for region in REGIONS:
            found = nsd.read_voxels(
                scenes, person, region, settings["layout"], settings["threshold"]
            )
            answers = nsd.read_answers(scenes, person, found, settings["layout"], stimuli)
            for space in settings["models"]:
                sets, passing = units_of(features, space, of_person(person))
                cell = {"seed": person, "target": "nsd", "region": region, "space": space}
                ceiling = noise_ceiling(answers.voxels.ncsnr, REPEATS)
                made = make(sets, answers.responses, parts, ceiling, passing)
                made = made._replace(left_out=answers.left_out)
                yield Problem(cell, made, REGIONS[region])


def _tables(settings: Mapping[str, Any], tables: Path, seeds: list[int]) -> Iterator[Problem]:
    """A user's voxels: those of some regions are the features of another's."""
    dataset = manifest.load(tables)
    files = {"targets": settings["targets"], **settings["features"]}
    read = {name: voxel_tables.read(dataset.path(file)) for name, file in files.items()}
    _, values = voxel_tables.shared(read)
    targets = values.pop("targets")
    ncsnr = read["targets"].ncsnr
    ceiling = None if ncsnr is None else noise_ceiling(ncsnr, settings["repeats"])
    every = {name: part.shape[1] for name, part in values.items()}
    for seed in seeds:
        parts = parts_of(len(targets), settings["images"], seed)
        cell = {"seed": seed, "target": "tables", "region": "table", "space": "table"}
        yield Problem(cell, make(values, targets, parts, ceiling, every), "matched")
