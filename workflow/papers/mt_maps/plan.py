"""What this paper's rules make, from its numbers: shards of clips, networks, their jobs, figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from papers.mt_maps.conditions import arms, shards, told, units
from replicortex.core.drawing import Drawing, drawings
from replicortex.core.seeds import packs

TABLES = ("measures", "channels", "fits", "curves", "history", "videos")
MEASURED = {table: f"<results>/metrics/{table}.csv" for table in TABLES} | {
    "maps": "<results>/metrics/maps.npz"
}
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


class Training(NamedTuple):
    """One job.

    Attributes
    ----------
    arms
        What its training depends on.
    units
        Its networks.
    seen, answered
        Shards by name: those of its arms, and those with the pictures that are moved.
    """

    arms: list[dict[str, Any]]
    units: list[str]
    seen: dict[str, Any]
    answered: dict[str, Any]


class Plan(NamedTuple):
    """What the rules make.

    Attributes
    ----------
    shards
        Files of decoded clips by source, as far as an arm or the measurement looks at it.
    every_shard
        The same as inputs of a rule.
    trainings
        By name of the job.
    units
        All networks.
    drawings
        The rules that draw.
    """

    shards: dict[str, list[str]]
    every_shard: dict[str, Any]
    trainings: dict[str, Training]
    units: list[str]
    drawings: list[Drawing]


def plan(numbers: Mapping[str, Any]) -> Plan:
    """Return what the rules make of the paper's merged numbers."""
    own, pictures = arms(numbers), numbers["pictures"]
    looked_at = {arm["source"] for arm in own.values()} | {pictures}
    files = {
        name: [f"<results>/frames/{name}_{k}.safetensors" for k in range(source["shards"])]
        for name, source in numbers["sources"].items()
        if name in looked_at
    }
    jobs: dict[str, tuple[list[Any], list[int]]] = {}
    for arm in own.values():
        for number, seeds in enumerate(packs(numbers["seeds"], numbers["seeds_per_job"])):
            if set(seeds) & set(arm["seeds"]):
                jobs.setdefault(f"{arm['job']}_{number}", ([], seeds))[0].append(arm)
    trainings = {
        name: Training(
            arms=[told(arm) for arm in listed],
            units=[unit for arm in listed for unit in units(arm, seeds)],
            seen=shards(files, [arm["source"] for arm in listed]),
            answered=shards(files, [*(arm["source"] for arm in listed), pictures]),
        )
        for name, (listed, seeds) in jobs.items()
    }
    return Plan(
        shards=files,
        every_shard=shards(files, files),
        trainings=trainings,
        units=[unit for training in trainings.values() for unit in training.units],
        drawings=drawings("mt_maps", FIGURES, numbers["figures_per_job"], MEASURED),
    )
