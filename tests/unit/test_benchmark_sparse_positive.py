import pytest
from benchmark_runs import fast_run, kept_run

ROW = {
    *("work", "goal", "peer", "ours_seconds", "peer_seconds"),
    *("ratio", "tolerance", "largest_difference", "threads"),
}


@pytest.mark.slow
def test_fast_mode_measures_and_agrees(root, tmp_path):
    report = fast_run(root, tmp_path / "sparse_positive.json")
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["scikit-learn"]
    (found,) = report["models"].values()
    assert len(found) == len(report["comparisons"]) == 8
    for name, one in found.items():
        assert one["largest_difference"] <= 1e-6 and one["our_violation"] < 1e-8, name
        if name.startswith(("lasso", "elastic_net")):
            assert abs(one["our_gap"]) < 1e-8 and one["peer_gap"] < 1e-5, name
    assert all(row.keys() == ROW for row in report["comparisons"])
    assert (tmp_path / "sparse_positive.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["100 units", "1000 units", "2500 units"])
def test_the_kept_results_are_of_the_full_size(root, name):
    """1,000 voxels and ten alphas: the same weights, and the Lasso and elastic net at the goal."""
    report = kept_run(root, "sparse_positive.json")
    assert not report["fast"] and report["alphas"] == 10
    assert report["sizes"]["problems"][name]["voxels"] == 1000
    for model, one in report["models"][name].items():
        assert one["our_violation"] < 1e-8, model
        assert one["largest_difference"] <= 1e-6 or one["peer_violation"] > one["our_violation"]
        seconds = one["cpu_seconds"]
        assert one["times_less_cpu"] == pytest.approx(seconds["peer"] / seconds["ours"], rel=0.01)
        if model.startswith(("lasso", "elastic_net")):
            assert one["times_less_cpu"] >= 5, model
