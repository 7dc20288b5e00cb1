"""The table of speed in the README: generated from what benchmarks kept, and current."""

import json

import pytest

from replicortex.core.errors import StudyError
from replicortex.tools import speed_table
from replicortex.tools.generated import replaced

FOUND = {
    "work": "RDMs | 720 stimuli",
    "goal": 5.0,
    "peer": {"name": "rsatoolbox", "version": "0.3", "options": "compare"},
    "ours_seconds": 0.0204,
    "peer_seconds": 1.5,
    "ratio": 73.53,
    "tolerance": 1e-6,
    "largest_difference": 2e-9,
    "threads": 1,
}


@pytest.fixture
def kept(tmp_path):
    """A folder with one benchmark's report, which the function changes."""
    (tmp_path / "benchmarks").mkdir()

    def report(fast=False, **changes):
        found = {"fast": fast, "comparisons": [FOUND | changes]}
        (tmp_path / "benchmarks/rsa.json").write_text(json.dumps(found))
        return tmp_path

    return report


@pytest.mark.parametrize(
    ("file", "aimed_at"), [("README.md", True), ("benchmarks/README.md", False)]
)
def test_the_readmes_table_is_what_the_benchmarks_kept(root, file, aimed_at):
    readme = (root / file).read_text()
    made = speed_table.table(root, aimed_at)
    assert replaced(readme, speed_table.PART, made, file) == readme, "run `make readme`"


def test_what_a_user_waits_for_is_what_the_benchmark_kept(root):
    readme = (root / "benchmarks/README.md").read_text()
    made = speed_table.waits(root)
    assert replaced(readme, speed_table.WAITS, made, "README.md") == readme, "run `make readme`"


def test_functions_after_the_longest_are_added_up(tmp_path):
    spent = [{"function": f"a.b:f{n}", "jobs": 2, "seconds": 30.0 - n} for n in range(12)]
    report = {
        "fast": False,
        "seconds": {"make": 399.7},
        "goals": {"make": 180.0},
        "functions": spent,
    }
    (tmp_path / "benchmarks").mkdir()
    file = tmp_path / "benchmarks/study.json"
    file.write_text(json.dumps(report))
    lines = speed_table.waits(tmp_path).splitlines()
    assert "| make | 400 | 180 |" in lines and "| `a.b:f0` | 2 | 30 |" in lines
    assert lines[-1] == "| 2 others | 4 | 39 |"
    file.write_text(json.dumps(report | {"fast": True}))
    with pytest.raises(StudyError, match=r"study\.json: was measured with --fast"):
        speed_table.waits(tmp_path)


def test_what_had_no_goal_stands_in_the_table_of_all_alone(kept):
    root = kept(goal=None)
    assert speed_table.table(root, False).count("\n") == 3
    assert speed_table.table(root, True).count("\n") == 2


def test_a_row_names_peer_times_goal_and_how_far_results_are_apart(kept):
    row = speed_table.table(kept(), True).splitlines()[-1]
    assert row == (
        "| RDMs \\| 720 stimuli | rsatoolbox 0.3: compare | 1.5 s | 20.4 ms | 73.5 | 5 | "
        "2e-09 (1e-06 allowed) |"
    )
    same = speed_table.table(
        kept(goal=None, tolerance=0, largest_difference=0, ours_seconds=2e-5), False
    )
    assert same.splitlines()[-1].endswith("| 1.5 s | 20 µs | 73.5 |  | nothing |")


def test_a_report_of_a_fast_run_or_without_a_key_is_refused(kept):
    with pytest.raises(StudyError, match=r"rsa\.json: was measured with --fast"):
        speed_table.table(kept(fast=True), True)
    root = kept()
    file = root / "benchmarks/rsa.json"
    report = json.loads(file.read_text())
    del report["comparisons"][0]["peer"]
    file.write_text(json.dumps(report))
    with pytest.raises(StudyError, match=r"rsa\.json: comparison without peer"):
        speed_table.table(root, True)
