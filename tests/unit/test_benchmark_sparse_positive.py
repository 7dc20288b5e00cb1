import pytest
from benchmark_runs import fast_run, kept_run


def test_fast_mode_measures_and_agrees(root, tmp_path):
    report = fast_run(root, tmp_path / "sparse_positive.json")
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["scikit-learn"]
    (found,) = report["models"].values()
    assert len(found) == 9
    for name, one in found.items():
        if name != "all_eight":
            assert one["largest_difference"] <= 1e-6 and one["our_violation"] < 1e-8, name


@pytest.mark.parametrize("name", ["100 units", "1000 units"])
def test_the_kept_results_are_of_the_full_size(root, name):
    """1,000 voxels, ten alphas, eight models; the same weights, 20 times faster altogether."""
    report = kept_run(root, "sparse_positive.json")
    assert not report["fast"] and report["alphas"] == 10
    assert report["sizes"]["problems"][name]["voxels"] == 1000
    for model, one in report["models"][name].items():
        if model != "all_eight":
            assert one["our_violation"] < 1e-8
            assert one["largest_difference"] <= 1e-6 or one["peer_violation"] > one["our_violation"]
    sums = report["models"][name]["all_eight"]
    assert sums["times_less_cpu"] == pytest.approx(
        sums["cpu_seconds"]["peer"] / sums["cpu_seconds"]["ours"], rel=0.01
    )
    assert sums["times_less_cpu"] >= 20
