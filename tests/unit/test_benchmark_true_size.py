"""The benchmark of what the largest jobs need: it runs, its lines are lines, its kept run is its own."""

import runpy
import sys

import pytest
from benchmark_runs import fast_run, kept_run


@pytest.fixture(scope="module")
def bench(root):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(root / "benchmarks"), *sys.path])
        yield runpy.run_path(str(root / "benchmarks/true_size.py"))


@pytest.mark.slow
def test_fast_mode_runs_two_parts_each_in_a_process(root, tmp_path):
    report = fast_run(root, tmp_path / "true_size.json")
    assert report["fast"] and [len(job["parts"]) for job in report["jobs"]] == [1, 1]
    for job in report["jobs"]:
        for part in job["parts"]:
            assert len(part["measured"]) == 2
            assert all(one["peak_mb"] > 50 for one in part["measured"])


def test_a_line_is_found_again_and_a_size_of_full_is_measured(bench):
    line, square = bench["extrapolated"], bench["squared"]
    sizes = [10, 20, 40]
    value, misfit = line(sizes, [130.0, 160.0, 220.0], 100, bench["linear"])
    assert value == pytest.approx(400) and misfit == pytest.approx(0, abs=1e-9)
    value, _ = line(sizes, [5 + 0.01 * n**2 for n in sizes], 100, square)
    assert value == pytest.approx(105)
    assert line(sizes, [130.0, 161.0, 220.0], 20, bench["linear"])[0] == 161.0
    value, misfit = line(sizes, [100.0, 100.0, 130.0], 100, bench["linear"])
    assert 150 < value < 200 and misfit > 0.02
    # Of pairs of layers: layers are held once, their matches for each pair.
    sizes = [(1, 1), (1, 2), (2, 2)]
    values = [200 + 20 * (a + b) + 5 * a * b for a, b in sizes]
    found, _ = line(sizes, values, (12, 40), bench["of_layers_and_pairs"])
    assert found == pytest.approx(200 + 20 * 52 + 5 * 480)


def test_a_job_adds_up_times_and_a_rule_asks_for_its_largest_job(bench):
    def part(memory, seconds, times, true):
        found = {"full_peak_mb": memory, "full_cpu_seconds": seconds}
        return {**found, "times": times, "at_true_size": true}

    step = next(step for step in bench["STEPS"] if step.rule == "aggregate")
    one = bench["job"](step, [part(900.0, 60.0, 1, True), part(1200.0, 30.0, 10, False)])
    assert (one["peak_mb"], one["cpu_minutes"]) == (1200, 6.0)
    assert one["found"] == "curve of three sizes"
    other = {**one, "peak_mb": 2100, "cpu_minutes": 1.0}
    (rule,) = bench["asked"]([one, other])
    assert (rule["mem_mb"], rule["runtime"]) == (3500, 10)
    (rule,) = bench["asked"]([{**one, "peak_mb": 300, "cpu_minutes": 0.1}])
    assert (rule["mem_mb"], rule["runtime"]) == (1000, 10)
    assert bench["asked"]([{**one, "reads": True}]) == []
    (rule,) = bench["asked"]([{**one, "gpu": True, "found": "measured at true size"}])
    assert (rule["runtime"], rule["found"]) == (None, "measured at true size")


def test_the_kept_run_is_of_all_steps_as_they_are(root, bench):
    kept = kept_run(root, "true_size.json")
    assert not kept["fast"] and kept["margin"] == bench["MARGIN"] == 1.5
    assert [(job["paper"], job["rule"], job["job"]) for job in kept["jobs"]] == [
        (step.paper, step.rule, step.job) for step in bench["STEPS"]
    ]
    for step, job in zip(bench["STEPS"], kept["jobs"], strict=True):
        again = [
            bench["completed"](part, row["measured"])
            for part, row in zip(step.parts, job["parts"], strict=True)
        ]
        assert bench["job"](step, again) == {**job, "parts": again}
        for part, row in zip(step.parts, job["parts"], strict=True):
            sizes = [m["size"] for m in row["measured"]]
            assert sizes == [list(s) if isinstance(s, tuple) else s for s in part.sizes]
            assert max(row["peak_mb_misfit"], row["cpu_seconds_misfit"]) < 0.25, part.name
    assert bench["asked"](kept["jobs"]) == kept["rules"]
