"""The encoding problems of each target: whose units predict which voxels, with which splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from papers.sparse_positive.designs import (
    Design,
    in_proportion,
    make,
    mixes,
    noisy,
    parts_of,
    planted,
)
from papers.sparse_positive.encoding_settings import (
    REGIONS,
    MacaqueNeurons,
    NsdVoxels,
    Planted,
    Reliability,
    SemiReal,
    SemiRealVoxels,
    Tables,
    Targets,
)
from papers.sparse_positive.features import (
    FLOC,
    SHARED,
    Space,
    answers_to,
    of_person,
    of_session,
)
from papers.sparse_positive.noise import spread
from papers.sparse_positive.scenes import shared_stimuli
from replicortex.analysis.encoding import noise_ceiling
from replicortex.core.errors import StudyError, nearest
from replicortex.core.randomness import generator
from replicortex.data import macaque_v4, manifest, nsd, voxel_tables

Spaces = Mapping[str, Space]
TARGETS = ("planted", "semi_real", "semi_real_imagenet", "macaque_v4", "nsd", "tables")


class Problem(NamedTuple):
    """A design with its place in the tables, and the unit set that matches the region, if any.

    Features and voxels are paired row by row. Both sides have the images in one order: that of the
    recording's numbers (macaque_v4), of `nsd.splits` by the one section `nsd` (nsd), of the small
    localizer images (semi_real), and of the tables' names (tables); `make` compares their numbers.
    `mixed_from`: of how many units of the cortex the voxels of semi_real are made; `session`: of
    macaque_v4; `first`: the number of the first voxel, where several problems number theirs together.
    """

    cell: dict[str, Any]
    design: Design
    own: str | None
    mixed_from: int | None = None
    session: int | None = None
    first: int = 0


@dataclass(frozen=True)
class Voxels:
    """How reliable planted and semi-real voxels are.

    Voxels stand for all people in turn, so that seeds differ by their splits and draws alone.

    Attributes
    ----------
    reliability
        People, and what is published of their ncsnr.
    scenes, layout
        Manifest and layout of NSD, where it is at hand: its voxels' own ncsnr then stand in.
    """

    reliability: Reliability
    scenes: Path | None = None
    layout: str | None = None

    def ncsnr(self, region: str, count: int, seed: int) -> np.ndarray:
        """Return ncsnr of `count` voxels of a region, (count,): the people's in turn."""
        rng = generator(seed, "ncsnr", region)
        people = self.reliability.people
        found = np.empty(count)
        for place, person in enumerate(people):
            mine = found[place :: len(people)]
            mine[:] = self._of_person(region, person, len(mine), rng)
        return found

    def _of_person(
        self, region: str, person: int, count: int, rng: np.random.Generator
    ) -> np.ndarray:
        threshold = self.reliability.threshold
        if self.scenes is None:
            law = spread(self.reliability.ncsnr[region], person, threshold)
            return law.draw(count, rng)
        own = nsd.read_voxels(self.scenes, person, region, self.layout, threshold).ncsnr
        return rng.choice(own, count, replace=count > len(own))


class Given(NamedTuple):
    """What problems are made of besides numbers: features, and manifests where there are any."""

    spaces: Spaces
    v4: Path | None = None
    scenes: Path | None = None
    tables: Path | None = None


def problems(
    target: str, numbers: Targets, given: Given, seeds: Sequence[int]
) -> Iterator[Problem]:
    """Yield all problems of one target, of those of `TARGETS`.

    Raises
    ------
    StudyError
        When the target is none of these.
    """
    spaces, layout = given.spaces, numbers.nsd.layout if numbers.nsd else None
    match target:
        case "planted":
            voxels = Voxels(numbers.reliability, given.scenes, layout)
            return planted_problems(numbers.planted, voxels, seeds)
        case "semi_real" | "semi_real_imagenet":
            own = semi_real(target, numbers)
            voxels = Voxels(numbers.reliability, given.scenes, layout)
            return semi_real_problems(own, own.models, spaces, voxels, seeds, target)
        case "macaque_v4":
            recorded = numbers.macaque
            return macaque_problems(recorded, recorded.models, spaces, seeds, given.v4)
        case "nsd":
            return nsd_problems(numbers.nsd, numbers.nsd.models, spaces, given.scenes)
        case "tables":
            return table_problems(numbers.tables, given.tables, seeds)
    raise StudyError(f"target '{target}' is unknown{nearest(target, TARGETS)}")


def semi_real(target: str, numbers: Targets) -> SemiReal:
    """Return the section of a target whose voxels are mixes of a network's units."""
    return numbers.semi_real if target == "semi_real" else numbers.semi_real_imagenet


def planted_problems(settings: Planted, voxels: Voxels, seeds: Sequence[int]) -> Iterator[Problem]:
    """Yield, by seed and region, the generator's units with its voxels.

    All units of a face or scene set count as passing the localizer.
    """
    for seed in seeds:
        for region, own in REGIONS.items():
            ncsnr = voxels.ncsnr(region, settings.voxels, seed)
            sets, responses = planted(region, settings, ncsnr, seed)
            parts = parts_of(len(responses), settings.images, seed)
            every = {name: settings.units for name in REGIONS.values()}
            cell = {"seed": seed, "target": "planted", "region": region, "space": "planted"}
            ceiling = noise_ceiling(ncsnr, nsd.REPEATS)
            yield Problem(cell, make(sets, responses, parts, ceiling, every), own)


def semi_real_problems(
    settings: SemiRealVoxels,
    models: Sequence[str],
    spaces: Spaces,
    voxels: Voxels,
    seeds: Sequence[int],
    target: str = "semi_real",
    *,
    passing_cortex: bool = False,
) -> Iterator[Problem]:
    """Yield, by seed and region, the units of some spaces with voxels made of another network's.

    The voxels are sparse positive mixes of that network's units, on real images. With
    `passing_cortex` of those alone that pass the localizer; a region for which fewer pass than are
    mixed in a voxel yields nothing.
    """
    sets, passing = units_of(spaces, settings.cortex, FLOC)
    for seed in seeds:
        for region, own in REGIONS.items():
            ncsnr = voxels.ncsnr(region, settings.voxels, seed)
            rng = generator(seed, "semi-real", region)
            cortex = sets[own][:, : passing[own]] if passing_cortex else sets[own]
            if passing_cortex and cortex.shape[1] < settings.mixed:
                continue
            responses = noisy(mixes(cortex, len(ncsnr), settings.mixed, rng), ncsnr, rng)
            parts = parts_of(len(responses), settings.images, seed)
            ceiling = noise_ceiling(ncsnr, nsd.REPEATS)
            for space in models:
                units, pass_here = units_of(spaces, space, FLOC)
                cell = {"seed": seed, "target": target, "region": region, "space": space}
                made = make(units, responses, parts, ceiling, pass_here)
                yield Problem(cell, made, own, cortex.shape[1])


def macaque_problems(
    settings: MacaqueNeurons, models: Sequence[str], spaces: Spaces, seeds: Sequence[int], v4: Path
) -> Iterator[Problem]:
    """Yield, by session and seed, each space's units with the neurons of the session.

    No unit set matches V4, and no ceiling is known. Neurons are numbered through all sessions.
    """
    first = 0
    for session in settings.sessions:
        responses = macaque_v4.read_responses(v4, session)
        images = in_proportion(settings.images, len(responses))
        for seed in seeds:
            parts = parts_of(len(responses), images, seed)
            for space in models:
                sets, passing = units_of(spaces, space, of_session(session))
                cell = {"seed": seed, "target": "macaque_v4", "region": "V4", "space": space}
                made = make(sets, responses, parts, passing=passing)
                yield Problem(cell, made, None, session=int(session), first=first)
        first += responses.shape[1]


def nsd_problems(
    settings: NsdVoxels,
    models: Sequence[str],
    spaces: Spaces,
    scenes: Path,
    *,
    halves: bool = False,
) -> Iterator[Problem]:
    """Yield, by person and region, the units of some spaces with NSD's own voxels.

    The splits are the paper's, and a person stands where a seed would. Those of figures 2 and 4 have
    1,000, 1,000 and 515 images; with `halves` those of figure 3, 500 of the shared images to train and
    500 to test, none to validate.
    """
    design, coco = nsd.read_design(scenes), nsd.coco_ids(scenes)
    for person in settings.people:
        if halves:
            stimuli, pictures = shared_stimuli(design), SHARED
            places = np.arange(len(stimuli))
            parts = [places[::2], places[:0], places[1::2]]
        else:
            each = nsd.splits(design, coco, person, pool=settings.pool, step=settings.step)
            stimuli, pictures = np.concatenate(list(each.values())), of_person(person)
            sizes = [len(part) for part in each.values()]
            parts = np.split(np.arange(len(stimuli)), np.cumsum(sizes)[:-1])
        for region, own in REGIONS.items():
            found = nsd.read_voxels(scenes, person, region, settings.layout, settings.threshold)
            answers = nsd.read_answers(scenes, person, found, settings.layout, stimuli)
            for space in models:
                sets, passing = units_of(spaces, space, pictures)
                cell = {"seed": person, "target": "nsd", "region": region, "space": space}
                ceiling = noise_ceiling(answers.voxels.ncsnr, nsd.REPEATS)
                made = make(sets, answers.responses, parts, ceiling, passing)
                yield Problem(cell, made._replace(left_out=answers.left_out), own)


def that_pass(problem: Problem, least: int) -> Problem | None:
    """Return a problem with the units alone that pass the localizer, as many of the other set.

    Both sets have the units of the smaller one, from the first by mean t; None where fewer than
    `least` of a set pass.
    """
    design = problem.design
    own = [name for name in design.passing if name in design.features]
    count = min((design.passing[name] for name in own), default=0)
    if len(own) < 2 or count < least:
        return None
    features = {name: tuple(part[:, :count] for part in design.features[name]) for name in own}
    return problem._replace(design=design._replace(features=features))


def passing_problems(
    target: str, numbers: Targets, given: Given, seeds: Sequence[int], least: int
) -> Iterator[Problem]:
    """Yield the problems of a network's units, matched and mismatched, of those alone that pass.

    Of both semi-real designs and of nsd: whatever else is predicted has units that pass by how they
    are made, or no region that says which units match. Semi-real voxels are mixes of units that pass.
    """
    if target in ("semi_real", "semi_real_imagenet"):
        layout = numbers.nsd.layout if numbers.nsd else None
        own = semi_real(target, numbers)
        voxels = Voxels(numbers.reliability, given.scenes, layout)
        found = semi_real_problems(
            own, own.models, given.spaces, voxels, seeds, target, passing_cortex=True
        )
    elif target == "nsd":
        found = problems(target, numbers, given, seeds)
    else:
        return
    for problem in found:
        if (kept := that_pass(problem, least)) is not None:
            yield kept


def table_problems(settings: Tables, tables: Path, seeds: Sequence[int]) -> Iterator[Problem]:
    """Yield, by seed, a user's voxels: those of some regions are the features of another's.

    Stimuli are those that all tables have. The ceiling follows from the targets' ncsnr, where the
    table has it.

    Raises
    ------
    StudyError
        When the splits need more stimuli than the tables share.
    """
    dataset = manifest.load(tables)
    files = {"targets": settings.targets, **settings.features}
    read = {name: voxel_tables.read(dataset.path(file)) for name, file in files.items()}
    _, values = voxel_tables.shared(read)
    targets = values.pop("targets")
    ncsnr = read["targets"].ncsnr
    ceiling = None if ncsnr is None else noise_ceiling(ncsnr, settings.repeats)
    every = {name: part.shape[1] for name, part in values.items()}
    for seed in seeds:
        parts = parts_of(len(targets), settings.images, seed)
        cell = {"seed": seed, "target": "tables", "region": "table", "space": "table"}
        yield Problem(cell, make(values, targets, parts, ceiling, every), "matched")


def units_of(
    spaces: Spaces, name: str, pictures: str
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
