import numpy as np
import pytest
from benchmark_runs import fast_run, kept_run
from scaling_curves import check_curves
from scipy.stats import rankdata


@pytest.mark.slow
def test_fast_mode_measures_and_agrees(root, tmp_path):
    report = fast_run(root, tmp_path / "rsa.json")
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["rsatoolbox"]
    assert set(report["cpu_seconds"]) == {"rdm", "spearman", "bootstrap_draw"}
    for found in report["comparisons"]:
        assert found["largest_difference"] < 1e-6
        ratio = found["peer_seconds"] / found["ours_seconds"]
        assert found["ratio"] == pytest.approx(ratio, rel=0.01, abs=0.005)  # two decimals
    assert {found["peer"]["name"] for found in report["comparisons"]} >= {"rsatoolbox"}
    check_curves(report["scaling"], 3)
    assert report["two_cores"]["same_draws"]
    assert (tmp_path / "rsa.png").stat().st_size > 10_000


def test_peers_rank_the_pairs_of_a_resample(root, monkeypatch):
    """The faster peers resample by hand: as rsatoolbox does."""
    monkeypatch.syspath_prepend(root / "benchmarks")
    import rsa as benchmark

    rng = np.random.default_rng(0)
    pairs = [rng.random((2, 45)), rng.random((3, 45))]
    weights = rng.multinomial(10, [0.1] * 10, size=4)
    expected = benchmark.toolbox_resampled(pairs, weights)

    def ranked(models, brains):
        ranks = rankdata(np.concatenate([models, brains]), axis=1)
        return np.corrcoef(ranks)[:2, 2:]

    for way in (benchmark.scipys, ranked):
        found = benchmark.resampled(way, pairs, weights)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_kept_result_is_of_the_full_size(root):
    """720 stimuli, 4 x 18 RDMs, 1,000 draws: both goals are reached against rsatoolbox."""
    report = kept_run(root, "rsa.json")
    sizes = report["sizes"]
    assert not report["fast"]
    assert (sizes["stimuli"], sizes["models"], sizes["brains"]) == (720, 4, 18)
    assert sizes["draws"] == 1000
    assert {found["goal"] for found in report["comparisons"]} == {None, 5, 40}
    for found in report["comparisons"]:
        assert found["largest_difference"] < 1e-6
        if found["peer"]["name"] == "rsatoolbox" and found["goal"] is not None:
            assert found["ratio"] >= found["goal"]
    check_curves(report["scaling"], 3, decade=True)
