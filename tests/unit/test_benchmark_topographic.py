import pytest
from benchmark_runs import fast_run, kept_run


@pytest.mark.slow
def test_fast_mode_measures_and_agrees(root, tmp_path):
    report = fast_run(root, tmp_path / "topographic.json")
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["esda"]
    assert 0 <= report["moran"]["largest_difference"] < 1e-9
    assert [row["peer"]["name"] for row in report["comparisons"]] == ["libpysal", "esda"]
    for what in ("views", "epoch"):
        assert set(report[what]) == {"ce", "supcon"}
        for found in report[what].values():
            assert min(found["seconds"]["ours"] + found["seconds"]["plain"]) > 0


@pytest.mark.parametrize("name", ["topographic.json", "topographic_again.json"])
def test_the_kept_results_are_of_the_full_size(root, name):
    """10,000 maps, batches of 512; Moran's I at least 100 times faster than esda map by map."""
    report = kept_run(root, name)
    assert not report["fast"]
    assert report["sizes"]["maps"] == 10_000 and report["sizes"]["batch"] == 512
    assert report["moran"]["largest_difference"] < 1e-9
    assert report["moran"]["times_faster"] >= 100
    for what in ("views", "epoch"):
        for found in report[what].values():
            best = {name: min(seconds) for name, seconds in found["seconds"].items()}
            assert found["times_faster"] == round(best["plain"] / best["ours"], 2)
