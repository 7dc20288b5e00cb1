"""What is trained: every arm, objective and rho, with the numbers that each changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ENSEMBLE = "ensemble"  # the arm of further cross-entropy networks


def conditions(numbers: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every condition by name "arm/objective/rho{rho}", in the order of the configuration.

    Parameters
    ----------
    numbers
        The paper's numbers.

    Returns
    -------
    For each: arm, objective, rho, seeds, and "settings": sections network, objective, balance and
    training as this condition has them.
    """
    found = {}
    for arm, entry in numbers["arms"].items():
        for objective in entry["objectives"]:
            own = {
                "network": numbers["network"],
                "objective": numbers["objectives"][objective],
                "balance": numbers["balance"],
                "training": numbers["training"],
            }
            settings = {
                name: {**section, **_changes(entry["change"], name)}
                for name, section in own.items()
            }
            seeds = numbers["seeds"][: entry["seeds"]]
            sets = {arm: seeds}
            if arm == "main" and objective == "ce" and numbers["ensemble"]["seeds"]:
                # Apart, so that objectives are compared over the same seeds.
                sets[ENSEMBLE] = numbers["ensemble"]["seeds"]
            for name, own_seeds in sets.items():
                for rho in entry["rhos"]:
                    found[f"{name}/{objective}/rho{rho:g}"] = {
                        "arm": name,
                        "objective": objective,
                        "rho": rho,
                        "seeds": own_seeds,
                        "settings": settings,
                    }
    return found


def _changes(change: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return what an arm changes of a section; what it leaves alone is None there."""
    given = change.get(section) or {}
    return {name: value for name, value in given.items() if value is not None}


def without_seeds(condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a training depends on: a condition without its seeds."""
    return {name: value for name, value in condition.items() if name != "seeds"}


def job_name(condition: str) -> str:
    """Return a condition's name as a rule may bear it."""
    return condition.replace("/", "_").replace(".", "p")
