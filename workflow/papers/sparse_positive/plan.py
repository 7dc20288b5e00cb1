"""Which jobs there are at a scale, and which feature files each of them reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Config = Mapping[str, Any]
# Sections of the configuration that a target reads.
SECTIONS = {
    "planted": ["planted", "reliability", "nsd"],
    "semi_real": ["semi_real", "reliability", "nsd"],
    "macaque_v4": ["macaque"],
    "nsd": ["nsd"],
    "tables": ["tables"],
}
OWN = ("supervised_", "barlow_")


def targets(config: Config) -> list[str]:
    """Return the targets of encoding at this scale."""
    optional = {"macaque_v4": "macaque", "nsd": "nsd", "tables": "tables"}
    return ["planted", "semi_real", *(t for t, section in optional.items() if config[section])]


def groups(config: Config) -> dict[str, list[str]]:
    """Return the groups of feature sources by name."""
    return {"_".join(sources): sources for sources in config["spaces"]["groups"]}


def holding(space: str, config: Config) -> str:
    """Return the group that holds a space; the last one where none names it."""
    for group, sources in groups(config).items():
        for source in sources:
            if space.startswith(OWN if source == "trained" else f"{source}_"):
                return group
    return group


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


def without(numbers: Config, *names: str) -> dict[str, Any]:
    """Return a section without some of its keys."""
    return {name: value for name, value in numbers.items() if name not in names}


def only(numbers: Config | None, *names: str) -> dict[str, Any]:
    """Return some keys of a section; nothing without the section."""
    return {name: numbers[name] for name in names} if numbers else {}
