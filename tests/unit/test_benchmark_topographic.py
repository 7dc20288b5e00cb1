import json
import os
import subprocess
import sys

import pytest


def test_fast_mode_measures_and_agrees(root, tmp_path):
    out = tmp_path / "topographic.json"
    paths = os.pathsep.join([str(root / "workflow"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, root / "benchmarks" / "topographic.py", "--fast", "--out", out],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(out.read_text())
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["esda"]
    assert 0 <= report["moran"]["largest_difference"] < 1e-9
    for what in ("views", "epoch"):
        assert set(report[what]) == {"ce", "supcon"}
        for found in report[what].values():
            assert min(found["seconds"]["ours"] + found["seconds"]["plain"]) > 0


@pytest.mark.parametrize("name", ["topographic.json", "topographic_again.json"])
def test_the_kept_results_are_of_the_full_size(root, name):
    """10,000 maps, batches of 512; Moran's I at least 100 times faster than map by map."""
    report = json.loads((root / "benchmarks" / name).read_text())
    assert not report["fast"]
    assert report["sizes"]["maps"] == 10_000 and report["sizes"]["batch"] == 512
    assert report["moran"]["largest_difference"] < 1e-9
    assert report["moran"]["times_faster"] >= 100
    for what in ("views", "epoch"):
        for found in report[what].values():
            best = {name: min(seconds) for name, seconds in found["seconds"].items()}
            assert found["times_faster"] == round(best["plain"] / best["ours"], 2)
