from benchmark_runs import fast_run, kept_run


def test_fast_mode_measures_and_agrees(root, tmp_path):
    report = fast_run(root, tmp_path / "rsa.json")
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["rsatoolbox"]
    assert set(report["steps"]) == {"rdm", "spearman", "bootstrap"}
    for step in report["steps"].values():
        assert 0 <= step["largest_difference"] < 1e-6
        assert step["replicortex"]["seconds"] > 0
        assert len(step["rsatoolbox"]["repeats_seconds"]) == report["sizes"]["repeats"]


def test_the_kept_result_is_of_the_full_size(root):
    """720 stimuli, 4 x 18 RDMs, 1,000 draws: at least 20 times faster, equal to 1e-6."""
    report = kept_run(root, "rsa.json")
    sizes = report["sizes"]
    assert not report["fast"]
    assert (sizes["stimuli"], sizes["models"], sizes["brains"]) == (720, 4, 18)
    assert sizes["draws"] == 1000
    assert report["steps"]["bootstrap"]["times_faster"] >= 20
    assert max(step["largest_difference"] for step in report["steps"].values()) < 1e-6
