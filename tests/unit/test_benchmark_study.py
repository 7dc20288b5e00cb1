"""The benchmark of what a user waits for: `make`, nothing to do, a changed figure."""

import runpy
import sys

import pytest
from benchmark_runs import fast_run
from synthetic_run import made


@pytest.fixture(scope="module")
def study(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(root / "benchmarks"), *sys.path])
        yield runpy.run_path(str(root / "benchmarks/study.py"))


@pytest.mark.slow
def test_fast_mode_plans_one_paper_in_a_clone(root, tmp_path):
    report = fast_run(root, tmp_path / "study.json")
    assert report["fast"] and report["seconds"]["a plan of one paper"] > 0
    mark = {f"a changed mark, {how}" for how in ("all figures in one job", "a job for each figure")}
    assert set(report["goals"]) == {"make", "nothing to do", *mark}


def test_the_marks_of_the_figure_that_it_changes_can_be_changed(root, study):
    text = (root / study["MODULE"]).read_text()
    changed = study["with_larger_marks"](text)
    lines = [(a, b) for a, b in zip(text.splitlines(), changed.splitlines(), strict=True) if a != b]
    assert len(lines) == 1 and "markersize=" in lines[0][1]
    with pytest.raises(ValueError, match="markersize"):
        study["with_larger_marks"]("no marks")


def test_time_is_counted_once_a_job_and_added_up_by_function(study, tmp_path):
    def record(name, call, seconds, ended):
        facts = {"wall_seconds": seconds, "ended": ended}
        made(tmp_path / f"{name}.csv", b"x", f"papers.learning_rules.{call}", {}, None, facts)

    record("train_a", "train:train", 2.0, "1")
    record("train_b", "train:train", 2.0, "1")  # another output of the same job
    record("train_c", "train:train", 2.0, "2")
    record("scores", "scores:scores", 5.0, "3")
    found = study["functions"](tmp_path)
    assert found == [
        {"function": "papers.learning_rules.scores:scores", "jobs": 1, "seconds": 5.0},
        {"function": "papers.learning_rules.train:train", "jobs": 2, "seconds": 4.0},
    ]
