"""What this paper's rules make, from its numbers: networks, their jobs, stimuli, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from replicortex.core.drawing import Drawing, drawings
from replicortex.core.rules import only
from replicortex.core.seeds import packs

TABLES = (
    "curves",
    "best_over_seeds",
    "intervals",
    "tests",
    "history",
    "displacement",
    "partial",
    "matched",
)
REFERENCE_TABLES = ("reference", "reference_intervals")  # of a network that is not trained here
FIGURES = (
    *("early_area", "differences", "all_rois", "change", "resolution", "controls", "partial"),
    *("matched", "displacement", "reference"),
)


class Plan(NamedTuple):
    """What the rules make.

    Attributes
    ----------
    rules
        Names of the learning rules.
    trainings
        The function that trains each: a rule depends on the code of its own kind alone.
    jobs
        Networks that one job trains, by the job's name: a block of a rule's seeds.
    units
        All networks, "rule/seed0".
    activations
        Networks that one job shows the stimuli to, by the job's name.
    stimuli, responses
        Inputs by name: what networks are shown, and that with what the brain answered.
    compared
        Regions of the brain; of things also people, and the pairs of stimuli that count.
    reference
        Which network stands beside those trained here, and how it is shown the stimuli.
    drawings
        The rules that draw.
    """

    rules: list[str]
    trainings: dict[str, str]
    jobs: dict[str, list[str]]
    units: list[str]
    activations: dict[str, list[str]]
    stimuli: dict[str, str]
    responses: dict[str, str]
    compared: dict[str, Any]
    reference: dict[str, Any]
    drawings: list[Drawing]


def plan(numbers: Mapping[str, Any]) -> Plan:
    """Return what the rules make.

    `numbers` are the paper's merged numbers, with the manifest of each dataset under "manifests".
    """
    rules, seeds = list(numbers["rules"]), numbers["seeds"]
    units = [f"{name}/seed{seed}" for name in rules for seed in seeds]
    stimuli, responses = _manifests(numbers)
    return Plan(
        rules=rules,
        trainings={
            name: f"papers.learning_rules.trainings.{settings['kind']}:train"
            for name, settings in numbers["rules"].items()
        },
        jobs={
            f"{name}_{number}": [f"{name}/seed{seed}" for seed in pack]
            for name in rules
            for number, pack in enumerate(packs(seeds, numbers["seeds_per_job"]))
        },
        units=units,
        activations=_activations(rules, seeds, numbers["pack"]),
        stimuli=stimuli,
        responses=responses,
        compared=_compared(numbers),
        reference={k: v for k, v in numbers["reference"].items() if k != "weights"},
        drawings=drawings(
            "learning_rules",
            FIGURES,
            numbers["figures_per_job"],
            {
                name: f"<results>/metrics/{name}.csv"
                for name in (*TABLES, *REFERENCE_TABLES, "noise")
            },
            **numbers["aliases"]["roi"],
            px=numbers["evaluation"]["px"],
        ),
    )


def _activations(rules: list[str], seeds: list[int], pack: str) -> dict[str, list[str]]:
    """Return the networks of each job: one, those of a rule, or all."""
    if pack == "unit":
        return {f"{name}_{seed}": [f"{name}/seed{seed}"] for name in rules for seed in seeds}
    by_rule = {name: [f"{name}/seed{seed}" for seed in seeds] for name in rules}
    if pack == "rule":
        return by_rule
    return {"all": [unit for units in by_rule.values() for unit in units]}


def _manifests(numbers: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the manifests of the stimuli, and those with the brain's responses."""
    manifests = numbers["manifests"]
    if numbers["stimuli"] == "things":
        names = ("images", "events", "betas")
        responses = {name: manifests[numbers["things"][name]] for name in names}
        return {name: responses[name] for name in ("images", "events")}, responses
    responses = {"images": manifests[numbers["objects92"]["dataset"]]}
    return responses, responses


def _compared(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the brain's side reads of its section: of the rest, inputs are made."""
    names = ("subjects", "rois", "pairs") if numbers["stimuli"] == "things" else ("rois",)
    return only(numbers[numbers["stimuli"]], *names)
