"""Which jobs there are at a scale, and which feature files each of them reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from replicortex.core.drawing import Drawing, drawings
from replicortex.core.rules import only
from replicortex.core.seeds import packs

Config = Mapping[str, Any]
# Sections of the configuration that a target reads.
SECTIONS = {
    "planted": ["planted", "reliability", "nsd"],
    "semi_real": ["semi_real", "reliability", "nsd"],
    "semi_real_imagenet": ["semi_real_imagenet", "reliability", "nsd"],
    "macaque_v4": ["macaque"],
    "nsd": ["nsd"],
    "tables": ["tables"],
}
OWN = ("supervised_", "barlow_")
FIGURES = (
    *("toy", "localizer", "directions", "encoding", "networks", "neurons"),
    *("spaces", "alphas", "controls", "balance", "intervals", "passing", "generator"),
    "stages",
)
KEPT = (
    *("scores", "alphas", "rotation", "spaces", "localizer", "directions", "history"),
    *("contrasts", "intervals", "signs", "balanced", "neurons", "passing", "untrained"),
    "stages",
)
TABLES = ("toy", "notebook", "arrows", "generator", *KEPT)
ENCODED = ("scores", "alphas", "rotation", "voxels", "passing")
HANDMADE = ("pixels", "gabor", "hog", "projection", "projection_of_hog")


def targets(config: Config) -> list[str]:
    """Return the targets of encoding at this scale."""
    optional = {
        "semi_real_imagenet": "semi_real_imagenet",
        "macaque_v4": "macaque",
        "nsd": "nsd",
        "tables": "tables",
    }
    return ["planted", "semi_real", *(t for t, section in optional.items() if config[section])]


def groups(config: Config) -> dict[str, list[str]]:
    """Return the groups of feature sources by name."""
    return {"_".join(sources): sources for sources in config["spaces"]["groups"]}


def extracting(config: Config) -> dict[str, list[str]]:
    """Return the sources of features by the job that extracts them: groups, and networks of packages."""
    return groups(config) | {name: [name] for name in carried(config)}


def carried(config: Config) -> dict[str, str]:
    """Return the datasets of the networks of packages that are shown pictures, by network."""
    return {name: dataset for name, dataset in config["packages"]["networks"].items() if dataset}


def makes(source: str, space: str) -> bool:
    """Return whether a source of features makes a space."""
    if source == "handmade":
        return space in HANDMADE
    return space.startswith(OWN if source == "trained" else f"{source}_")


def holding(space: str, config: Config) -> str:
    """Return the job that makes a space: the configuration was checked, one of them does."""
    return next(
        group
        for group, sources in extracting(config).items()
        if any(makes(source, space) for source in sources)
    )


def needed(wanted: Sequence[str], config: Config) -> list[str]:
    """Return the groups whose features some targets read."""
    found = []
    for target in wanted:
        # Planted and semi-real voxels take no more from NSD than its ncsnr.
        for section in SECTIONS[target] if target in ("macaque_v4", "nsd") else [target]:
            numbers = config[section]
            found += numbers.get("models", [])
            found += [numbers["cortex"]] if "cortex" in numbers else []
    return list(dict.fromkeys(holding(space, config) for space in found))


def read_by(wanted: Sequence[str], config: Config) -> dict[str, Any]:
    """Return the sections that some targets read, without what only says where data are."""
    names = dict.fromkeys(section for target in wanted for section in SECTIONS[target])
    return {name: without(config[name], "dataset") for name in names if config[name]}


def compared(config: Config) -> dict[str, Any]:
    """Return the numbers of what every space is compared on, whichever the space is."""
    nsd, macaque = config["nsd"], config["macaque"]
    return {
        "macaque": without(macaque, "dataset", "models") if macaque else None,
        "semi_real": without(config["semi_real"], "models"),
        "reliability": config["reliability"],
        "nsd": without(nsd, "dataset", "models") if nsd else None,
    }


def named(jobs: Sequence[list[str]], many: str) -> dict[str, list[str]]:
    """Return jobs by name: of one thing by its own, all in one as "all", several as `<many>_<number>`."""
    if len(jobs) == 1:
        return {"all": jobs[0]}
    return {own[0] if len(own) == 1 else f"{many}_{number}": own for number, own in enumerate(jobs)}


def _targets_per_job(pack: str, count: int) -> int:
    return {"target": 1, "halves": -(-count // 2), "all": count}[pack]


def without(numbers: Config, *names: str) -> dict[str, Any]:
    """Return a section without some of its keys."""
    return {name: value for name, value in numbers.items() if name not in names}


class Plan(NamedTuple):
    """What the rules make.

    Attributes
    ----------
    learning
        What training each objective depends on.
    targets_of_jobs
        Targets that one job encodes, by the job's name.
    read, features, encoded
        By that name: what the targets read besides the features, files of those, and sections.
    groups
        Sources of each group of features.
    networks, extractions
        By group: networks among the inputs, and what the extraction depends on.
    packages, carried
        By network of a package: what its extraction depends on, and the manifest of its weights.
    zoo
        What each extraction of published models depends on, by the name of its file.
    weights
        Inputs by name: published weights, and where they are at hand the localizer's originals.
    spaces
        Groups, networks of packages and jobs of the zoo: whatever makes a file of features.
    compared
        By the name of a job that compares spaces: whose files it reads.
    untrained
        Those of them whose networks are drawn untrained as well.
    cortex
        The group that holds the space which stands for cortex.
    models
        Files of the networks that are trained here.
    recordings, scenes
        Inputs by name: V4's, and NSD's.
    spaces_mb, extract_mb
        Memory of an extraction of small networks, and of a network of a package.
    drawings
        The rules that draw.
    """

    learning: dict[str, dict[str, Any]]
    targets_of_jobs: dict[str, list[str]]
    read: dict[str, dict[str, str]]
    features: dict[str, list[str]]
    encoded: dict[str, dict[str, Any]]
    groups: dict[str, list[str]]
    networks: dict[str, dict[str, str | list[str]]]
    extractions: dict[str, dict[str, Any]]
    packages: dict[str, dict[str, Any]]
    carried: dict[str, dict[str, str]]
    zoo: dict[str, dict[str, Any]]
    weights: dict[str, str]
    spaces: list[str]
    compared: dict[str, list[str]]
    untrained: list[str]
    cortex: str
    models: list[str]
    recordings: dict[str, str]
    scenes: dict[str, str]
    spaces_mb: int
    extract_mb: int
    drawings: list[Drawing]


def plan(config: Config) -> Plan:
    """Return what the rules make of the paper's merged numbers."""
    manifests, zoo, nsd = config["manifests"], config["zoo"], config["nsd"]
    networks, many = carried(config), bool(nsd) and len(nsd["people"]) > 1
    own, training, known = targets(config), config["training"], groups(config)
    jobs = named(packs(own, _targets_per_job(config["pack"], len(own))), "targets")
    published = packs(zoo["models"], zoo["models_per_job"]) if zoo else []
    recordings, scenes, tables = (
        {name: manifests[config[section]["dataset"]]} if config[section] else {}
        for name, section in (("v4", "macaque"), ("scenes", "nsd"), ("tables", "tables"))
    )
    models = [
        f"<results>/models/{objective}/seed{seed}.safetensors"
        for objective in training["objectives"]
        for seed in training["seeds"]
    ]
    read = {
        "planted": scenes,
        "semi_real": scenes,
        "semi_real_imagenet": scenes,
        "macaque_v4": recordings,
        "nsd": scenes,
        "tables": tables,
    }
    sessions = config["macaque"]["sessions"] if config["macaque"] else []
    localized = {
        "localizer": config["localizer"],
        "scenes": only(nsd, "people", "pool", "step") if nsd else None,
    }
    zoos = {
        f"zoo_{number}": {"names": names, "pictures": only(zoo, "side", "batch"), **localized}
        for number, names in enumerate(published)
    }
    spaces = [*known, *networks, *zoos]
    return Plan(
        learning={
            objective: {
                **without(training, "seeds", "objectives"),
                "objective": objective,
                "numbers": numbers,
            }
            for objective, numbers in training["objectives"].items()
        },
        targets_of_jobs=jobs,
        read={
            key: {name: path for one in wanted for name, path in read[one].items()}
            for key, wanted in jobs.items()
        },
        features={
            key: [f"<results>/activations/{group}.npz" for group in needed(wanted, config)]
            for key, wanted in jobs.items()
        },
        encoded={key: read_by(wanted, config) for key, wanted in jobs.items()},
        groups=known,
        networks={group: _networks(sources, config, models) for group, sources in known.items()},
        extractions={
            group: {
                "sources": sources,
                "spaces": without(config["spaces"], "groups"),
                "sessions": sessions,
                **localized,
            }
            for group, sources in known.items()
        },
        packages={
            name: {
                "network": name,
                "packages": without(config["packages"], "networks"),
                "sessions": sessions,
                **localized,
            }
            for name in networks
        },
        carried={name: {"weights": manifests[dataset]} for name, dataset in networks.items()},
        zoo=zoos,
        weights=_weights(zoo, manifests),
        spaces=spaces,
        compared=named(packs(spaces, config["groups_per_job"]), "groups"),
        untrained=[*known, *networks],
        cortex=holding(config["semi_real"]["cortex"], config),
        models=models,
        recordings=recordings,
        scenes=scenes,
        # Whole layers of activations to NSD's pictures of four people are held at once.
        spaces_mb=21_000 if many else 5000,
        extract_mb=26_000 if many else 5000,
        drawings=drawings(
            "sparse_positive",
            FIGURES,
            config["figures_per_job"],
            {table: f"<results>/metrics/{table}.csv" for table in TABLES},
            shown=config["toy"]["shown"],
        ),
    )


def _networks(
    sources: Sequence[str], config: Config, models: list[str]
) -> dict[str, str | list[str]]:
    """Return the networks that an extraction reads: published ones, and those trained here."""
    found: dict[str, str | list[str]] = {}
    if any(source.startswith("resnet") for source in sources):
        found["networks"] = config["manifests"][config["trained_networks"]]
    return found | ({"models": models} if "trained" in sources else {})


def _weights(zoo: Config | None, manifests: Mapping[str, str]) -> dict[str, str]:
    keys = {"weights": "dataset", "originals": "originals"}
    return {name: manifests[zoo[key]] for name, key in keys.items() if zoo[key]} if zoo else {}
