"""Every figure has the same bytes in every process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from replicortex.core.files import FIGURE_SUFFIXES

DRAW = Path(__file__).with_name("draw_figures.py")


def drawn(copy, into: Path, hash_seed: int) -> dict[str, bytes]:
    """Draw every figure of a finished run in a fresh process."""
    subprocess.run(
        [sys.executable, str(DRAW), "results/demo", str(into)],
        cwd=copy.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(copy.folder / "workflow"),
            "PYTHONHASHSEED": str(hash_seed),
            "MPLBACKEND": "Agg",
        },
        check=True,
        timeout=600,
    )
    return figures(into)


def figures(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in FIGURE_SUFFIXES
    }


def check(copy, folder: Path, processes: int) -> None:
    """Those of the run itself, and of more processes with other hash seeds."""
    of_run = figures(copy.folder / "results/demo")
    for process in range(1, processes + 1):
        found = drawn(copy, folder / str(process), process)
        assert found.keys() == of_run.keys()
        assert [name for name in found if found[name] != of_run[name]] == []


@pytest.mark.slow
def test_figures_of_one_paper_are_the_same_bytes_in_another_process(one_paper, tmp_path):
    check(one_paper, tmp_path, 1)


@pytest.mark.slow
def test_figures_of_every_paper_are_the_same_bytes_in_three_more_processes(finished, tmp_path):
    """Some 45 s a process."""
    check(finished, tmp_path, 3)
