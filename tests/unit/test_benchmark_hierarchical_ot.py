import pytest
from benchmark_runs import fast_run, kept_run


@pytest.mark.slow
def test_fast_mode_measures_and_agrees(root, tmp_path):
    out = tmp_path / "hierarchical_ot.json"
    report = fast_run(root, out)
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["pot"]
    assert len(report["comparisons"]) >= 3
    for one in report["comparisons"]:
        assert 0 <= one["largest_difference"] < one["tolerance"] == 1e-9
        assert min(one["ours_seconds"], one["peer_seconds"]) > 0 and one["threads"] == 1
    assert min(min(took) for took in report["workers"]["wall_seconds"].values()) > 0
    assert report["workers"]["difference"] == 0
    for found in [*report["width"].values(), *report["depth"].values()]:
        assert min(found["cpu_seconds"]) > 0
    assert min(report["training"].values()) > 0 and "cnn 2 x 4" in report["training"]
    assert out.with_suffix(".png").stat().st_size > 10_000


def test_the_kept_result_is_of_the_full_size(root):
    """12 layers of 384 to 24 of 1,024 over 2,000 stimuli: the same costs to 1e-9, told ratios."""
    report = kept_run(root, "hierarchical_ot.json")
    assert not report["fast"]
    sizes = report["sizes"]
    assert sizes["source"] == 12 * [384] and sizes["target"] == 24 * [1024]
    assert sizes["stimuli"] == 2000
    for one in report["comparisons"]:
        assert one["largest_difference"] < 1e-9
        best = {side: min(one[f"{side}_repeats"]["cpu_seconds"]) for side in ("ours", "peer")}
        assert one["ratio"] == round(best["peer"] / best["ours"], 2)
    first = report["comparisons"][0]
    assert first["work"].startswith("all pairs of 12 layers") and first["goal"] == 5
    assert first["ratio"] > 1
