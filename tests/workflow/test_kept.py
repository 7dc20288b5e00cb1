"""The kept reference runs: every file is what its record says, by code that the history holds."""

import subprocess
import sys
from pathlib import Path

import pytest

from replicortex.provenance import listed, records

ROOT = Path(__file__).parents[2]
KEPT = sorted(path for path in (ROOT / "results/reference").glob("*") if path.is_dir())


def verify(root, *files):
    return subprocess.run(
        [sys.executable, "-m", "replicortex", "audit", "verify", *files],
        cwd=root,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("paper", KEPT, ids=lambda path: path.name)
def test_a_kept_run_holds(root, paper):
    every = sorted(path for path in paper.rglob("*") if path.is_file())
    kept = [path for path in every if path.name != listed.NAME]
    recorded = [path for path in kept if path.name.endswith(records.SUFFIX)]
    # Lists of inputs have no record: each is checked with the records that name it.
    lists = {path for path in map(records.list_of, recorded) if path}
    archives = {path for path in kept if path.name == records.ARCHIVE}
    others = {*recorded, *lists, *archives}
    files = [path.relative_to(root).as_posix() for path in kept if path not in others]
    assert len(files) > 20
    done = verify(root, *files)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert f"{len(files)} results checked, 0 faults" in done.stdout
    whole = verify(root, str(paper.relative_to(root)))
    assert whole.returncode == 0, whole.stdout[-2000:] + whole.stderr
    is_older = not (paper / listed.NAME).exists()
    assert whole.stdout.count("no list of files here") == is_older


@pytest.mark.parametrize("paper", KEPT, ids=lambda path: path.name)
def test_a_kept_run_is_real_and_from_committed_code(paper):
    for path in records.below(paper):
        record = records.read(path)
        assert record["synthetic"] is False and record["run"]["git"]["dirty"] == "no", path


def test_a_kept_figure_is_cited_with_paper_data_and_software(root):
    figure = "results/reference/learning_rules/figures/change.png"
    done = subprocess.run(
        [sys.executable, "-m", "replicortex", "audit", "cite", figure],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    keys = [line.partition("{")[2].partition(",")[0] for line in done.stdout.splitlines()]
    assert keys[0] == "leutenegger2026"
    assert {"krizhevsky2009", "snakemake", "datalad", "torch", "numpy", "matplotlib"} <= set(keys)
    assert "scikit-learn" not in keys and len(keys) == len(set(keys))
