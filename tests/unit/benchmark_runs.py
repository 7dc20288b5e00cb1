"""What a benchmark measures when it is run here, and what its kept run measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def fast_run(root: Path, out: Path, option: str = "--out") -> dict:
    """Run the benchmark that bears the name of `out` with --fast, and return its report."""
    paths = os.pathsep.join([str(root / "workflow"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, root / "benchmarks" / f"{out.stem}.py", "--fast", option, out],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def kept_run(root: Path, name: str) -> dict:
    """Return the report of the run at full size that is kept in the repository."""
    return json.loads((root / "benchmarks" / name).read_text())


def in_root(root: Path, arguments: list) -> subprocess.CompletedProcess:
    """Run Python in the repository's root, as from a bare checkout: no path to the library is given."""
    paths = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=root,
        env=paths,
        capture_output=True,
        text=True,
        timeout=300,
    )
