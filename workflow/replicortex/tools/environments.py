"""The conda environments of envs/, written from pyproject.toml and the lock.

Each is Python and pip, with the lock's exact versions of what its rules import and of all that these
need. Nothing else comes from a conda channel, so that an environment solves wherever the lock does.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from replicortex.core.errors import StudyError
from replicortex.core.files import write_bytes

PYTHON = "3.11"
# What environments are built on; markers of other systems are left out.
SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
)
CPYTHON = {
    "python_version": PYTHON,
    "python_full_version": f"{PYTHON}.9",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "extra": "",
}


def declared(root: Path) -> dict[str, tuple[str, list[str]]]:
    """Return what pyproject.toml says of each environment: a line about it, and its packages."""
    content = tomllib.loads((root / "pyproject.toml").read_text())
    listed = content["tool"]["replicortex"]["environments"]
    return {name: (one["about"], one["packages"]) for name, one in listed.items()}


def write(root: Path) -> None:
    """Write every environment file anew; asks the package index what packages need.

    Raises
    ------
    StudyError
        When the packages cannot be resolved at the lock's versions.
    """
    for name, (about, packages) in declared(root).items():
        write_bytes(root / f"envs/{name}.yaml", text(about, pins(packages, root, name)).encode())


def text(about: str, pinned: list[str]) -> str:
    """Return the text of an environment file."""
    lines = [f"# {about}", "# Written by `make lock` from pyproject.toml and requirements.lock."]
    lines += ["channels:", "  - conda-forge", "  - nodefaults", "dependencies:"]
    lines += [f"  - python={PYTHON}", "  - pip", "  - pip:"]
    return "\n".join([*lines, *(f"      - {_quoted(pin)}" for pin in pinned), ""])


def _quoted(pin: str) -> str:
    return f'"{pin}"' if ";" in pin else pin


def pins(packages: list[str], root: Path, name: str) -> list[str]:
    """Return exact requirements of packages and of all that they need, at the lock's versions."""
    command = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "compile",
        "--quiet",
        "--universal",
    ]
    command += ["--python-version", PYTHON, "--no-header", "--no-annotate"]
    done = subprocess.run(
        [*command, "--constraint", "requirements.lock", "-"],
        cwd=root,
        input="\n".join(packages),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise StudyError(f"envs/{name}.yaml: {done.stderr.strip()}")
    found = [here(line) for line in done.stdout.splitlines()]
    return [pin for pin in found if pin]


def here(pin: str) -> str:
    """Return a requirement as far as it holds on some system; "" where it holds on none.

    The marker is left out where it holds on all.
    """
    requirement = Requirement(pin)
    if requirement.marker is None:
        return pin
    # The marker sees its own keys alone: what runs this command plays no part.
    true = [requirement.marker.evaluate({**CPYTHON, **system}) for system in SYSTEMS]
    if all(true):
        return pin.partition(";")[0].strip()
    if not any(true):
        return ""
    return f"{requirement.name}{requirement.specifier}; {_system(true)}"


def _system(true: list[bool]) -> str:
    """Return the shortest marker that tells the systems for which one holds."""
    linux, arm, mac = true
    if linux and arm:
        return "sys_platform == 'linux'"
    if mac and not linux and not arm:
        return "sys_platform == 'darwin'"
    machines = [m for m, holds in (("x86_64", linux), ("aarch64", arm), ("arm64", mac)) if holds]
    return " or ".join(f"platform_machine == '{machine}'" for machine in machines)
