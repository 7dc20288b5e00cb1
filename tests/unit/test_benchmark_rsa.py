import json
import os
import subprocess
import sys


def test_fast_mode_measures_and_agrees(root, tmp_path):
    out = tmp_path / "rsa.json"
    paths = os.pathsep.join([str(root / "workflow"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, root / "benchmarks" / "rsa.py", "--fast", "--out", out],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(out.read_text())
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["rsatoolbox"]
    assert set(report["steps"]) == {"rdm", "spearman", "bootstrap"}
    for step in report["steps"].values():
        assert 0 <= step["largest_difference"] < 1e-6
        assert step["replicortex"]["seconds"] > 0
        assert len(step["rsatoolbox"]["repeats_seconds"]) == report["sizes"]["repeats"]


def test_the_kept_result_is_of_the_full_size(root):
    """720 stimuli, 4 x 18 RDMs, 1,000 draws: at least 20 times faster, equal to 1e-6."""
    report = json.loads((root / "benchmarks" / "rsa.json").read_text())
    sizes = report["sizes"]
    assert not report["fast"]
    assert (sizes["stimuli"], sizes["models"], sizes["brains"]) == (720, 4, 18)
    assert sizes["draws"] == 1000
    assert report["steps"]["bootstrap"]["times_faster"] >= 20
    assert max(step["largest_difference"] for step in report["steps"].values()) < 1e-6
