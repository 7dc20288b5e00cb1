import pytest
from benchmark_runs import fast_run, kept_run


def test_fast_mode_measures_and_both_sides_agree(root, tmp_path):
    report = fast_run(root, tmp_path / "maps.json", "--output")
    assert report["swaps"]["same_result"] and report["clips"]["largest_difference"] < 1e-5
    step = report["step"]["small"]
    assert step["pairs_per_second"] * step["cpu_seconds_per_pair"] == pytest.approx(1, rel=0.02)


def test_the_kept_result_is_of_the_full_size(root):
    """500 units and 50,176 units; swaps at least 50 times as fast as the plain loop."""
    report = kept_run(root, "maps.json")
    assert (report["sizes"]["units"], report["measures"]["units"]) == (500, 50_176)
    assert report["swaps"]["same_result"] and report["swaps"]["times_faster"] >= 50
    assert report["clips"]["times_faster"] > 1 and "full" in report["step"]
