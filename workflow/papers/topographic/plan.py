"""What this paper's rules make, from its numbers: networks, their jobs, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from papers.topographic.conditions import conditions, job_name, without_seeds
from replicortex.core.drawing import Drawing, drawings
from replicortex.core.seeds import packs
from replicortex.verdicts.quoted import quoted
from replicortex.verdicts.reading import load

TABLES = ("measures", "summary", "ensembles", "maps", "tsne", "history")
FIGURES = (
    "accuracy",
    "tsne",
    "maps",
    "smoothness",
    "distances",
    "consistency",
    "similarity",
    "ensembles",
    "bias",
    "readout",
    "switches",
    "patches",
    "groups",
    "realised",
)


class Training(NamedTuple):
    """One job: what its training depends on, and its networks, "arm/objective/rho1/seed0"."""

    conditions: list[dict[str, Any]]
    units: list[str]


class Plan(NamedTuple):
    """What the rules make.

    Attributes
    ----------
    frozen
        Whether features of random patches stand for a trained trunk.
    images, localizer
        Inputs by name: what networks are shown, and the localizer's images where there are any.
    trainings, embeddings
        By name of the job; the networks of each.
    units
        All networks.
    drawings
        The rules that draw.
    """

    frozen: bool
    images: dict[str, str]
    localizer: dict[str, str]
    trainings: dict[str, Training]
    embeddings: dict[str, list[str]]
    units: list[str]
    drawings: list[Drawing]


def plan(numbers: Mapping[str, Any]) -> Plan:
    """Return what the rules make of the paper's merged numbers."""
    manifests = numbers["manifests"]
    frozen = numbers["network"]["trunk"] == "frozen"
    trained = {"images": manifests[numbers["training_data"]]}
    localizer = numbers["localizer"]
    known = conditions(numbers)
    units = [f"{name}/seed{seed}" for name, one in known.items() for seed in one["seeds"]]
    trainings = _trainings(known, numbers["pack"], numbers["seeds_per_job"])
    return Plan(
        frozen=frozen,
        images={"features": "<results>/activations/frozen.safetensors"} if frozen else trained,
        localizer={"floc": manifests[localizer]} if localizer else {},
        trainings=trainings,
        embeddings=_embeddings(known, numbers["pack"], units, trainings),
        units=units,
        drawings=_drawings(numbers),
    )


def _trainings(
    known: Mapping[str, Mapping[str, Any]], pack: str, seeds_per_job: int
) -> dict[str, Training]:
    """Return the jobs that train, by name: a condition's blocks of seeds, an arm's objective, an objective.

    A job's conditions have as many seeds each.
    """
    jobs: dict[str, Training] = {}
    for name, condition in known.items():
        if pack == "condition":
            for number, seeds in enumerate(packs(condition["seeds"], seeds_per_job)):
                units = [f"{name}/seed{seed}" for seed in seeds]
                jobs[f"{job_name(name)}_{number}"] = Training([without_seeds(condition)], units)
        else:
            key = f"{condition['arm']}_{condition['objective']}"
            if pack == "objective":
                key = f"{condition['objective']}_{len(condition['seeds'])}_seeds"
            one = jobs.setdefault(key, Training([], []))
            one.conditions.append(without_seeds(condition))
            one.units.extend(f"{name}/seed{seed}" for seed in condition["seeds"])
    return jobs


def _embeddings(
    known: Mapping[str, Mapping[str, Any]],
    pack: str,
    units: list[str],
    trainings: Mapping[str, Training],
) -> dict[str, list[str]]:
    """Return the networks of each job that follows training: as one trained, an objective's, or all."""
    if pack == "all":
        return {"all": units}
    if pack != "objective":
        return {name: training.units for name, training in trainings.items()}
    jobs: dict[str, list[str]] = {}
    for unit in units:
        jobs.setdefault(known[unit.rpartition("/")[0]]["objective"], []).append(unit)
    return jobs


def _drawings(numbers: Mapping[str, Any]) -> list[Drawing]:
    folder = Path(numbers["folder"])
    tables = {table: f"<results>/metrics/{table}.csv" for table in TABLES}
    return drawings(
        "topographic",
        FIGURES,
        numbers["figures_per_job"],
        {**tables, "published": str(folder / "published.csv")},
        quoted=quoted(load(folder / "claims.yaml")),
    )
