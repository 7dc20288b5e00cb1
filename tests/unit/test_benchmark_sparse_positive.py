import json
import os
import subprocess
import sys


def test_fast_mode_measures_and_agrees(root, tmp_path):
    out = tmp_path / "sparse_positive.json"
    paths = os.pathsep.join([str(root / "workflow"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, root / "benchmarks" / "sparse_positive.py", "--fast", "--out", out],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(out.read_text())
    assert report["fast"] and report["machine"]["cpu"] and report["versions"]["scikit-learn"]
    (found,) = report["models"].values()
    assert len(found) == 9
    for name, one in found.items():
        if name != "all_eight":
            assert one["largest_difference"] <= 1e-6 and one["our_violation"] < 1e-8, name
