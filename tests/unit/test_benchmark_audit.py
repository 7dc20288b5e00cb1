import pytest
from benchmark_runs import fast_run, kept_run


@pytest.mark.slow
def test_fast_mode_measures_and_finds_no_fault(root, tmp_path):
    report = fast_run(root, tmp_path / "audit.json")
    assert report["fast"] and report["files"] == 20 and report["faults"] == 0
    assert report["verify"]["seconds"] > 0 and report["sha256sum"]["seconds"] > 0
    assert report["record"]["largest_bytes"] < 20_000
    (row,) = report["comparisons"]
    assert row["peer_seconds"] == report["sha256sum_at_once"]["seconds"]
    assert row["threads"] == report["sha256sum_at_once"]["processes"]


def test_the_kept_result_is_of_the_full_size(root):
    """2,000 jobs: a record below 50 ms and 20 kB, verify at most twice as slow as sha256sum."""
    report = kept_run(root, "audit.json")
    assert not report["fast"] and report["faults"] == 0
    assert (report["files"], report["megabytes"]) == (2000, 399.6)
    assert report["record"]["seconds"] < 0.05 and report["record"]["largest_bytes"] < 20_000
    assert report["verify_times_sha256sum"] < 2
    assert report["verify_remembered"]["seconds"] < report["verify"]["seconds"]
