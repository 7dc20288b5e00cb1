from benchmark_runs import fast_run, kept_run


def test_fast_mode_measures_and_agrees(root, tmp_path):
    out = tmp_path / "hierarchical_ot.json"
    report = fast_run(root, out)
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["pot"]
    assert 0 <= report["pairs"]["largest_difference_inner"] < 1e-9
    assert 0 <= report["pairs"]["difference_outer"] < 1e-9
    for found in [*report["width"].values(), *report["depth"].values()]:
        assert min(found["cpu_seconds"]) > 0
    assert min(report["training"].values()) > 0 and "cnn 2 x 4" in report["training"]
    assert out.with_suffix(".png").stat().st_size > 10_000


def test_the_kept_result_is_of_the_full_size_and_fast_enough(root):
    """12 layers of 384 to 24 of 1,024 over 2,000 stimuli: at least 5 times, same costs to 1e-9."""
    report = kept_run(root, "hierarchical_ot.json")
    assert not report["fast"] and report["workers"] == 1
    sizes = report["sizes"]
    assert sizes["source"] == 12 * [384] and sizes["target"] == 24 * [1024]
    assert sizes["stimuli"] == 2000
    both = report["pairs"]
    assert max(both["largest_difference_inner"], both["difference_outer"]) < 1e-9
    best = {side: min(both[side][both["clock"]]) for side in ("plain", "ours")}
    assert both["times_faster"] == round(best["plain"] / best["ours"], 2) >= 5
