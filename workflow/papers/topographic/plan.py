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
    "trunks",
    "patches",
    "groups",
    "realised",
)


FROZEN = "<results>/activations/frozen.safetensors"
LITE0 = "<results>/activations/lite0.safetensors"


class Training(NamedTuple):
    """One job: what its training depends on, and its networks, "arm/objective/rho1/seed0"."""

    conditions: list[dict[str, Any]]
    units: list[str]

    @property
    def trunks(self) -> set[str]:
        """The trunks of its networks."""
        return {one["settings"]["network"]["trunk"] for one in self.conditions}


class Plan(NamedTuple):
    """What the rules make.

    Attributes
    ----------
    images
        Manifest of the images.
    localizer
        Inputs by name: the localizer's images where there are any.
    weights
        Manifest of EfficientNet-Lite0; None where it is the trunk of no network.
    trainings, embeddings
        By name of the job; the networks of each.
    learned_from, embedded_from
        By name of the job; its inputs by name: what its networks are shown.
    units
        All networks.
    drawings
        The rules that draw.
    """

    images: str
    localizer: dict[str, str]
    weights: str | None
    trainings: dict[str, Training]
    embeddings: dict[str, list[str]]
    learned_from: dict[str, dict[str, str]]
    embedded_from: dict[str, dict[str, str]]
    units: list[str]
    drawings: list[Drawing]


def plan(numbers: Mapping[str, Any]) -> Plan:
    """Return what the rules make of the paper's merged numbers."""
    manifests = numbers["manifests"]
    images = manifests[numbers["training_data"]]
    localizer = {"floc": manifests[numbers["localizer"]]} if numbers["localizer"] else {}
    known = conditions(numbers)
    units = [f"{name}/seed{seed}" for name, one in known.items() for seed in one["seeds"]]
    trainings = _trainings(known, numbers["pack"], numbers["seeds_per_job"])
    shown = {
        "resnet": {"images": images},
        "frozen": {"features": FROZEN},
        "lite0": {"lite0": LITE0},
    }
    embeddings = _embeddings(known, numbers["pack"], units, trainings)
    trunk = {name: one["settings"]["network"]["trunk"] for name, one in known.items()}
    embedded = {
        name: {trunk[unit.rpartition("/")[0]] for unit in own} for name, own in embeddings.items()
    }
    # Features of the localizer's images are beside those of the others.
    seen = {**shown, "resnet": {**shown["resnet"], **localizer}}
    return Plan(
        images=images,
        localizer=localizer,
        weights=manifests[numbers["lite0"]["weights"]] if "lite0" in trunk.values() else None,
        trainings=trainings,
        embeddings=embeddings,
        learned_from={name: _inputs(one.trunks, shown) for name, one in trainings.items()},
        embedded_from={name: _inputs(trunks, seen) for name, trunks in embedded.items()},
        units=units,
        drawings=_drawings(numbers),
    )


def _inputs(trunks: set[str], shown: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the inputs of some trunks, by name."""
    return {name: path for trunk in sorted(trunks) for name, path in shown[trunk].items()}


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
    """Return the rules that draw."""
    folder = Path(numbers["folder"])
    tables = {table: f"<results>/metrics/{table}.csv" for table in TABLES}
    return drawings(
        "topographic",
        FIGURES,
        numbers["figures_per_job"],
        {**tables, "published": str(folder / "published.csv")},
        quoted=quoted(load(folder / "claims.yaml")),
    )
