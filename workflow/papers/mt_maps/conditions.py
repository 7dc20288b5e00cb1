"""What is trained: every arm, start and alpha, with the numbers that each arm changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from replicortex.core.files import canonical_json

STAGES = ("reference", "random", "pretrained")  # networks before the joint training
STARTS = ("continue", "restart")  # how the joint training begins
# Sections on which a pre-training depends: arms that agree in them share it within a job.
PRETRAINED_BY = ("clips", "network", "training")
SECTIONS = ("clips", "network", "task", "spatial", "placing", "training", "motion_energy")


def arms(numbers: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every arm that has networks, in the order of the configuration.

    Parameters
    ----------
    numbers
        The paper's numbers.

    Returns
    -------
    For each: arm, job (trainings that share a process, and so a pre-training), source, seeds,
    "networks" (name, start, alpha) in the order in which they are trained, and "settings": the
    sections as this arm has them.
    """
    found = {}
    for arm, entry in numbers["arms"].items():
        networks = [(stage, stage, 0.0) for stage in STAGES if stage in entry["stages"]]
        networks += [
            (f"{start}_alpha{alpha:g}", start, alpha)
            for start in STARTS
            for alpha in entry["alphas"][start]
        ]
        if not networks:
            continue
        settings = {name: dict(numbers[name]) for name in SECTIONS}
        if entry["source"] != "none":
            source = numbers["sources"][entry["source"]]
            settings["clips"] |= {"pairs": source["pairs"], "pan": source["pan"]}
            settings["clips"] |= {"jittered": source["jitter"], "blurred": source["blur"]}
        for name, section in settings.items():
            section |= _changes(entry["change"], name)
        found[arm] = {
            "arm": arm,
            "job": entry["job"],
            "source": entry["source"],
            "seeds": numbers["seeds"][: entry["seeds"]],
            "networks": [
                {"name": name, "start": start, "alpha": alpha} for name, start, alpha in networks
            ],
            "settings": settings
            | {
                "layers": {layer["block"]: layer for layer in numbers["layers"]},
                "map_layer": numbers["map_layer"],
            },
        }
    return found


def _changes(change: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return what an arm changes of a section; what it leaves alone is None there."""
    given = change.get(section) or {}
    return {name: value for name, value in given.items() if value is not None}


def trained_arm(arm: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a training depends on: an arm without its seeds and the name of its job."""
    return {name: value for name, value in arm.items() if name not in ("seeds", "job")}


def told_once(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return "arms" and "shared": settings that all arms of a job have alike, which no arm repeats.

    Parameters
    ----------
    found
        As `trained_arm` returns them.
    """
    alike = _alike([arm["settings"] for arm in found])
    own = [{**arm, "settings": _beyond(arm["settings"], alike)} for arm in found]
    return {"arms": own, "shared": alike}


def whole(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an arm from those that it shares and its own."""
    return {
        **shared,
        **{
            name: whole(shared[name], value) if name in shared else value
            for name, value in own.items()
        },
    }


def _alike(sections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all mappings have alike, of mappings in them too."""
    found = {}
    for name in (name for name in sections[0] if all(name in section for section in sections)):
        first, *others = (section[name] for section in sections)
        if all(value == first for value in others):
            found[name] = first
        elif isinstance(first, Mapping):
            found[name] = _alike([first, *others])
    return found


def _beyond(section: Mapping[str, Any], alike: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a mapping has beyond that which all have alike."""
    return {
        name: _beyond(value, alike[name]) if name in alike else value
        for name, value in section.items()
        if name not in alike or value != alike[name]
    }


def pretraining(source: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the contrast-alone training of an arm depends on, but for the seed.

    Parameters
    ----------
    source, settings
        What the arm is trained on, and its sections.
    """
    by = {name: settings[name] for name in PRETRAINED_BY}
    return {"source": source, **by, "task": {**settings["task"], "weight": 1.0}}


def trainings(found: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """Return how many trainings each arm runs, and how many pairs of clips they show.

    Parameters
    ----------
    found
        As `arms` returns it. A pre-training that arms of one job share is the first arm's; every
        network but the random and the made-by-hand ones needs one, for its positions.
    """
    made: set[str] = set()
    counted = {}
    for name, arm in found.items():
        clips, training = arm["settings"]["clips"], arm["settings"]["training"]
        later = [n["start"] for n in arm["networks"] if n["start"] in STARTS]
        epochs = []
        for seed in arm["seeds"]:
            run = canonical_json([arm["job"], seed, pretraining(arm["source"], arm["settings"])])
            if (
                later or any(n["start"] == "pretrained" for n in arm["networks"])
            ) and run not in made:
                made.add(run)
                epochs.append(training["pretrain_epochs"])
            epochs += [training[f"{start}_epochs"] for start in later]
        counted[name] = len(epochs), sum(epochs) * clips["steps"] * clips["batch"]
    return counted


def units(arm: Mapping[str, Any], seeds: Iterable[int]) -> list[str]:
    """Return "arm/network/seed" of every network of an arm: seed by seed."""
    return [
        f"{arm['arm']}/{network['name']}/seed{seed}"
        for seed in seeds
        if seed in arm["seeds"]
        for network in arm["networks"]
    ]


def seed_of(unit: str) -> int:
    """Return the seed of a unit's name."""
    return int(unit.rpartition("/seed")[2])


def job_name(unit: str) -> str:
    """Return a network's name as a rule may bear it."""
    return unit.replace("/", "_").replace(".", "p")


def next_seeds(found: Iterable[str]) -> dict[str, str]:
    """Return the network of the next seed of each one's kind: the first after the last, itself where alone.

    Parameters
    ----------
    found
        Names of networks, as `units` returns them.
    """
    kinds: dict[str, list[str]] = {}
    for unit in found:
        kinds.setdefault(unit.rpartition("/")[0], []).append(unit)
    following = {}
    for kind in kinds.values():
        own = sorted(kind, key=seed_of)
        following |= dict(zip(own, [*own[1:], own[0]], strict=True))
    return following


def shares(networks: Iterable[int], seeds: list[int]) -> list[list[int]]:
    """Return the seeds of each arm of a job from those of its files, one by one in `units`' order.

    An arm has each seed once, so a seed that comes again is the next arm's.

    Parameters
    ----------
    networks
        How many networks each arm has for a seed.
    seeds
        One for each file.
    """
    found: list[list[int]] = []
    place = 0
    for count in networks:
        own: list[int] = []
        while place < len(seeds) and seeds[place] not in own:
            own.append(seeds[place])
            place += count
        found.append(own)
    return found


def shards(files: Mapping[str, list[str]], sources: Iterable[str]) -> dict[str, list[str]]:
    """Return the input "shards" of a job that looks at some sources; nothing where it is at none."""
    wanted = set(sources)
    found = [path for name, paths in files.items() if name in wanted for path in paths]
    return {"shards": found} if found else {}


def manifest(manifests: Mapping[str, str], source: Mapping[str, Any]) -> dict[str, str]:
    """Return the input "dataset" of a source's decoding; nothing for noise, which is made."""
    return {"dataset": manifests[source["dataset"]]} if source["dataset"] else {}
