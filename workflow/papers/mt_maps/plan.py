"""What this paper's rules make, from its numbers: frames, networks, their jobs, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from papers.mt_maps.conditions import (
    arms,
    job_name,
    manifest,
    next_seeds,
    seed_of,
    shards,
    told_once,
    trained_arm,
    units,
)
from replicortex.core.drawing import Drawing, drawings
from replicortex.core.seeds import packs

TABLES = ("measures", "channels", "fits", "curves", "history", "videos")
FIGURES = (
    "maps",
    "tuning",
    "selectivity",
    "alphas",
    "ablations",
    "bandwidth",
    "coverage",
    "hierarchy",
    "training",
)
MADE = {
    **{table: f"<results>/metrics/{table}.csv" for table in TABLES},
    "maps": "<results>/metrics/maps.npz",
}
# What is measured of each network, with the suffix of its file.
PARTS = {
    **dict.fromkeys(("measures", "channels", "fits", "curves"), "csv"),
    "maps": "npz",
}


class Decoding(NamedTuple):
    """One job that decodes: a part of a source (fields of `SourcePart`), its input and its file."""

    part: dict[str, Any]
    dataset: dict[str, str]
    path: str

    @property
    def said(self) -> str:
        """The part in words."""
        return f"{self.part['source']}, part {self.part['number'] + 1} of {self.part['parts']}"


class Training(NamedTuple):
    """One job that trains, and one that shows stimuli to the same networks.

    Attributes
    ----------
    told
        What the training depends on: "arms", and the settings that they share.
    units
        Its networks, "arm/network/seed0".
    seen
        Input "shards" of the sources that its arms are trained on.
    presented
        The same with the pictures that are moved for measurement.
    """

    told: dict[str, Any]
    units: list[str]
    seen: dict[str, list[str]]
    presented: dict[str, list[str]]


class Measuring(NamedTuple):
    """One job that measures: its networks, and for each the file of the next seed's of its kind."""

    units: list[str]
    others: list[str]


class Plan(NamedTuple):
    """What the rules make.

    Attributes
    ----------
    decodings
        By name of the job.
    trainings, measurings
        By name of the job.
    units
        All networks.
    frames
        Input "shards" of every source that is looked at.
    drawings
        The rules that draw.
    """

    decodings: dict[str, Decoding]
    trainings: dict[str, Training]
    measurings: dict[str, Measuring]
    units: list[str]
    frames: dict[str, list[str]]
    drawings: list[Drawing]


def plan(numbers: Mapping[str, Any]) -> Plan:
    """Return what the rules make of the paper's merged numbers."""
    known = arms(numbers)
    looked_at = {arm["source"] for arm in known.values()} | {numbers["pictures"]}
    files = {
        name: [f"<results>/frames/{name}_{k}.safetensors" for k in range(source["shards"])]
        for name, source in numbers["sources"].items()
        if name in looked_at
    }
    trainings = _trainings(known, numbers, files)
    networks = [unit for training in trainings.values() for unit in training.units]
    return Plan(
        decodings=_decodings(numbers, files),
        trainings=trainings,
        measurings=_measurings(networks, numbers),
        units=networks,
        frames=shards(files, files),
        drawings=drawings("mt_maps", FIGURES, numbers["figures_per_job"], MADE),
    )


def _decodings(numbers: Mapping[str, Any], files: Mapping[str, list[str]]) -> dict[str, Decoding]:
    """Return the jobs that decode, one for each file of a source."""
    fewest = numbers["clips"]["frames"] * numbers["clips"]["step"]
    jobs = {}
    for name, paths in files.items():
        source = numbers["sources"][name]
        for number, path in enumerate(paths):
            part = {
                "source": name,
                "kind": source["kind"],
                "noise": source["noise"],
                "fewest": fewest,
                "number": number,
                "parts": len(paths),
            }
            read = manifest(numbers["manifests"], source)
            jobs[f"{name}_{number}"] = Decoding(part, read, path)
    return jobs


def _trainings(
    known: Mapping[str, Mapping[str, Any]],
    numbers: Mapping[str, Any],
    files: Mapping[str, list[str]],
) -> dict[str, Training]:
    """Return the jobs that train, by name: arms of one process, and a block of seeds."""
    packed: dict[str, list[tuple[Mapping[str, Any], list[int]]]] = {}
    for arm in known.values():
        for number, seeds in enumerate(packs(numbers["seeds"], numbers["seeds_per_job"])):
            if set(seeds) & set(arm["seeds"]):
                packed.setdefault(f"{arm['job']}_{number}", []).append((arm, seeds))
    jobs = {}
    for name, own in packed.items():
        sources = [arm["source"] for arm, _ in own]
        jobs[name] = Training(
            told=told_once([trained_arm(arm) for arm, _ in own]),
            units=[unit for arm, seeds in own for unit in units(arm, seeds)],
            seen=shards(files, sources),
            presented=shards(files, [*sources, numbers["pictures"]]),
        )
    return jobs


def _measurings(networks: Sequence[str], numbers: Mapping[str, Any]) -> dict[str, Measuring]:
    """Return the jobs that measure, by name: one a network, or one for all of a block of seeds."""
    others = {
        unit: f"<results>/models/{other}.safetensors"
        for unit, other in next_seeds(networks).items()
    }
    if numbers["pack"] == "network":
        jobs = {job_name(unit): [unit] for unit in networks}
    else:
        blocks = packs(numbers["seeds"], numbers["seeds_per_job"])
        jobs = {
            f"seeds_{number}": [unit for unit in networks if seed_of(unit) in seeds]
            for number, seeds in enumerate(blocks)
        }
    return {
        name: Measuring(own, [others[unit] for unit in own]) for name, own in jobs.items() if own
    }
