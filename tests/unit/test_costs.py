"""Hours from images shown and measured throughput."""

import json
import math
import subprocess
import sys

import pytest

from replicortex.core import papers
from replicortex.core.codehash import ROOT
from replicortex.core.config import checked_numbers, paper_names
from replicortex.core.errors import StudyError
from replicortex.tools.costs import Workload, as_text, cost


@pytest.fixture
def benchmarks(tmp_path):
    report = {"device": "cpu", "machine": {"cpu": "A"}, "width": 16, "speed": {"bp": 500}}
    (tmp_path / "one.json").write_text(json.dumps(report))
    on_gpu = {"device": "cuda", "machine": {"cpu": "A", "gpu": "G"}, "speed": {"bp": 50_000}}
    (tmp_path / "two.json").write_text(json.dumps(on_gpu))
    return tmp_path


def test_hours_are_images_over_throughput(benchmarks):
    table = cost({"p": [Workload("bp", 5, 3_600_000, "one.json", ("speed", "bp"))]}, benchmarks)
    assert table["hours"].tolist() == [2.0, 2.0]
    assert table["device"].tolist() == ["cpu: one core of A"] * 2
    assert "on a GPU" in as_text(table)


def test_four_times_the_width_takes_sixteen_times_as_long(benchmarks):
    table = cost({"p": [Workload("bp", 1, 1_800_000, "one.json", ("speed", "bp"), 64)]}, benchmarks)
    assert table["hours"][0] == 16.0


def test_on_a_gpu_they_are_gpu_hours(benchmarks):
    table = cost({"p": [Workload("bp", 1, 180_000_000, "two.json", ("speed", "bp"))]}, benchmarks)
    assert table["hours"][0] == 1.0 and table["device"][0] == "cuda: G"
    assert "No throughput" not in as_text(table)


def test_what_was_not_measured_leaves_the_sum_unknown(benchmarks):
    kinds = [Workload("bp", 1, 1_000, "one.json", ("speed", "bp")), Workload("fa", 1, 1_000)]
    table = cost({"p": kinds}, benchmarks)
    assert math.isnan(table["hours"][1]) and math.isnan(table["hours"][2])
    assert table["trainings"].tolist() == [1, 1, 2]


def test_a_slow_rate_is_not_rounded_to_nothing(benchmarks):
    report = {"device": "cpu", "machine": {"cpu": "A"}, "speed": 0.3071}
    (benchmarks / "slow.json").write_text(json.dumps(report))
    kinds = [Workload("clips", 1, 1_000, "slow.json", ("speed",)), Workload("fa", 1, 1_000)]
    first, second = as_text(cost({"p": kinds}, benchmarks)).splitlines()[1:3]
    assert " 0.307 " in first and "?" in second and "nan" not in second


@pytest.mark.parametrize("file, key", [("three.json", ("speed",)), ("one.json", ("speed", "fa"))])
def test_a_missing_measurement_is_told(benchmarks, file, key):
    with pytest.raises(StudyError, match=r"no such benchmark|no throughput under speed\.fa"):
        cost({"p": [Workload("fa", 1, 1, file, key)]}, benchmarks)


@pytest.mark.parametrize("paper", paper_names(ROOT.parent))
def test_every_measured_throughput_is_there(root, paper):
    numbers = checked_numbers(paper, "full", {}, root)
    workloads = numbers.workload()
    assert bool(workloads) == bool(papers.load(paper, root).trains), (
        "paper.yaml says what it trains"
    )
    if not workloads:
        return
    table = cost({paper: workloads}, root / "benchmarks")
    assert not table["hours"].isna().any()


@pytest.mark.parametrize("paper", paper_names(ROOT.parent))
@pytest.mark.parametrize("scale", ["demo", "small"])
def test_smaller_scales_are_told_too(root, paper, scale):
    workloads = checked_numbers(paper, scale, {}, root).workload()
    if not workloads:
        return
    table = cost({paper: workloads}, root / "benchmarks")
    assert (table["hours"].isna() | (table["hours"] > 0)).all()


@pytest.mark.parametrize("scale", ["demo", "small", "rehearsal", "full"])
def test_every_learning_rule_has_a_rate_of_its_own(root, scale):
    numbers = checked_numbers("learning_rules", scale, {}, root)
    shown = numbers.workload()
    assert {one.what: one.key for one in shown} == {
        rule: ("images_per_second", rule) for rule in numbers.rules
    }
    assert not cost({"learning_rules": shown}, root / "benchmarks")["hours"].isna().any()


def test_a_rule_of_a_users_own_takes_as_long_as_its_kind(root):
    numbers = checked_numbers("learning_rules", "full", {}, root)
    rules = {**numbers.rules, "mine": numbers.rules["bp"]}
    (mine,) = [
        one for one in numbers.model_copy(update={"rules": rules}).workload() if one.what == "mine"
    ]
    assert mine.key == ("images_per_second", "bp")


def test_trainings_are_those_of_the_configuration(root):
    workloads = checked_numbers("learning_rules", "full", {}, root).workload()
    assert {one.what: (one.trainings, one.images) for one in workloads}["bp"] == (5, 5 * 40 * 8000)
    workloads = checked_numbers("topographic", "full", {}, root).workload()
    assert {one.what: one.trainings for one in workloads}["margin"] == 6 * 5 + 6 * 3 + 3 * 3 + 2 * 5
    workloads = checked_numbers("hierarchical_ot", "full", {}, root).workload()
    own = {one.what: (one.trainings, one.images) for one in workloads}
    assert own["vit_deep"] == (5, 5 * 64 * 50_000)
    passages = 13_000_000 // 256 - 2000
    assert own["lm_8"] == (5, 5 * 3 * passages)


def test_pairs_of_the_direction_maps_are_those_of_the_configuration(root):
    epoch = 149 * 64
    workloads = {one.what: one for one in checked_numbers("mt_maps", "full", {}, root).workload()}
    clips = workloads["clips"]
    assert clips.trainings == 5 * (1 + 7 + 7)
    assert clips.images == 5 * (200 + 7 * 100 + 7 * 200) * epoch
    assert workloads["spatial_only"].images == 5 * (200 + 200) * epoch
    assert workloads["white_noise"].images == 5 * 200 * epoch
    # Units made by hand are not trained; no_pan has no network at this scale.
    assert not {"motion_energy", "no_pan"} & set(workloads)


def test_a_pre_training_that_arms_share_is_counted_once(root):
    workloads = {one.what: one for one in checked_numbers("mt_maps", "small", {}, root).workload()}
    epoch = 25 * 32
    assert workloads["stills"].images == 3 * (12 + 3 * 4 + 12) * epoch
    assert workloads["absolute"].images == 3 * 4 * epoch  # in the job of stills
    assert workloads["flip_shared"].images == workloads["flip_independent"].images == 3 * 16 * epoch


@pytest.mark.parametrize(
    ("scale", "network"), [("full", "full"), ("small", "small"), ("demo", None)]
)
def test_each_scale_of_the_direction_maps_names_its_network(root, scale, network):
    for one in checked_numbers("mt_maps", scale, {}, root).workload():
        named = ("maps.json", ("step", network, "pairs_per_second"))
        assert (one.benchmark, one.key) == (named if network else ("", one.key))
    other = checked_numbers("mt_maps", scale, {"clips": {"frames": 7}}, root).workload()
    assert {one.benchmark for one in other} == {""}


def test_a_reader_that_has_seen_enough_is_no_error(root):
    command = [sys.executable, "-m", "replicortex", "cost"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.close()
        assert run.wait(60) == 0 and run.stderr.read() == b""
