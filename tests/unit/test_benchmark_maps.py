import numpy as np
import pytest
from benchmark_runs import fast_run, kept_run
from scaling_curves import check_curves


@pytest.mark.slow
def test_fast_mode_measures_and_both_sides_agree(root, tmp_path):
    report = fast_run(root, tmp_path / "maps.json")
    assert report["swaps"]["same_result"] and report["clips"]["largest_difference"] < 1e-5
    assert (tmp_path / "maps.png").stat().st_size > 10_000
    check_curves(report["swaps"]["scaling"], 2)
    for found in report["comparisons"]:
        assert found["largest_difference"] <= found["tolerance"]
        ratio = found["peer_seconds"] / found["ours_seconds"]
        assert found["ratio"] == pytest.approx(ratio, rel=0.01, abs=0.005)  # two decimals
    step = report["step"]["small"]
    assert step["pairs_per_second"] * step["cpu_seconds_per_pair"] == pytest.approx(1, rel=0.02)


def test_the_peers_swap_as_the_plain_rule_does(root, monkeypatch):
    """What the study is timed against is the same rule, loss for loss."""
    monkeypatch.syspath_prepend(root / "benchmarks")
    import maps as benchmark

    from papers.mt_maps import positions, swaps

    responses, place, pairs = benchmark.given(40, 60, 20)
    near = positions.nearness(place)
    order = swaps.swap_plainly(positions.correlations(responses), near, pairs)
    found = [way()[0] for way in benchmark.ways(40, 60, 20, lean=True).values()]
    assert len(found) == 3
    for one in found:
        np.testing.assert_array_equal(one, order)
    assert (order != np.arange(40)).sum() > 10


def test_the_kept_result_is_of_the_full_size(root):
    """500 units and 50,176 units; a neighbourhood reaches its goal."""
    report = kept_run(root, "maps.json")
    assert not report["fast"]
    assert (report["sizes"]["units"], report["measures"]["units"]) == (500, 50_176)
    assert report["swaps"]["same_result"] and "full" in report["step"]
    swapped = report["comparisons"][0]
    assert swapped["goal"] == 50 and swapped["ratio"] >= 50
    assert "TDANN" in swapped["peer"]["name"]
    check_curves(report["swaps"]["scaling"], 2, decade=True)
