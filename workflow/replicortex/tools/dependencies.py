"""Packages that jobs import, read from their sources, and where they are to come from."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from replicortex.core.codehash import ROOT, module_hashes
from replicortex.core.yaml_text import read_yaml_file

# Names under which packages are imported, where they differ from those that pip knows.
PACKAGES = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "ot": "pot",
    "yaml": "pyyaml",
    "mpl_toolkits": "matplotlib",
}
# What runs around every job.
IN_EVERY_JOB = frozenset({"replicortex/core/runner.py", "replicortex/provenance/records.py"})
# Where a package is imported by the function that needs it, for jobs that have it anyway.
WHEN_NEEDED = frozenset({"replicortex/core/files.py", "replicortex/core/randomness.py"})


class Lacking(NamedTuple):
    """A package that jobs import and an environment lacks: "this Python", or a file of envs/."""

    package: str
    environment: str
    rules: list[str]


def environments(root: Path) -> dict[str, dict[str, str]]:
    """Return version by pip's name, for each conda environment."""
    found = {}
    for path in sorted((root / "envs").glob("*.yaml")):
        parts = read_yaml_file(path)["dependencies"]
        (pinned,) = (part["pip"] for part in parts if isinstance(part, dict))
        found[path.stem] = dict(pin.partition(";")[0].split("==") for pin in pinned)
    return found


@cache
def imported(module: str, always: frozenset[str] = IN_EVERY_JOB) -> dict[str, set[str]]:
    """Return what a job's code and the runner import from outside, and the files that do.

    Returns
    -------
    By the name under which it is imported; the standard library is left out, and so is what only type
    checkers import.
    """
    found: dict[str, set[str]] = {}
    for path in (module_hashes(module).keys() | always) - WHEN_NEEDED:
        for name in _imports(path):
            found.setdefault(name, set()).add(path)
    return found


@cache
def _imports(path: str) -> frozenset[str]:
    """Return the names under which one file imports packages from outside."""
    tree = ast.parse((ROOT / path).read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return frozenset(names - sys.stdlib_module_names - {"papers", "replicortex"})


def lacking(jobs: Iterable[tuple[str, str, str | None]], root: Path, conda: bool) -> list[Lacking]:
    """Return the packages that some jobs import and do not have; nothing is imported to know.

    Parameters
    ----------
    jobs
        Rule, call and environment of each.
    conda
        Whether each rule runs in its own environment of envs/, and not in this Python.
    """
    held = environments(root)
    found: dict[tuple[str, str], set[str]] = {}
    for rule, call, environment in jobs:
        for name in imported(call.partition(":")[0]):
            package = PACKAGES.get(name, name)
            if conda and environment:
                if package not in held[environment]:
                    found.setdefault((package, f"envs/{environment}.yaml"), set()).add(rule)
            elif find_spec(name) is None:
                found.setdefault((package, "this Python"), set()).add(rule)
    return [Lacking(*key, sorted(rules)) for key, rules in sorted(found.items())]
