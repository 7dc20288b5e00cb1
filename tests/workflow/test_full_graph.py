"""The graph at `full`, counted: a cluster must be able to take it."""

import json
import subprocess
import sys

import pytest
import yaml

from replicortex.codehash import ROOT
from replicortex.config import paper_names

PAPERS = paper_names(ROOT.parent)
PLAN = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from replicortex.plan import plan
jobs = plan(Path("."), json.loads(sys.argv[1]))
heavy = [name for name in ("torch", "torchvision", "datalad", "scipy") if name in sys.modules]
print(json.dumps({"jobs": [asdict(job) for job in jobs], "heavy": heavy}))
"""


@pytest.fixture(scope="module")
def planned(root, tmp_path_factory):
    """Plan the whole study at `full` on GPUs, with every licensed dataset at hand."""
    from study_copy import copy_of

    copy = copy_of(root, tmp_path_factory.mktemp("full"))
    declared = yaml.safe_load((root / "config/datasets.yaml").read_text())
    folder = tmp_path_factory.mktemp("licensed")
    mine = {name: str(folder) for name, one in declared.items() if one["source"]["kind"] == "user"}
    config = {"scale": "full", "device": "cuda", "user_data": mine}
    done = subprocess.run(
        [sys.executable, "-c", PLAN, json.dumps(config)],
        cwd=copy.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_has_at_most_two_thousand_jobs_in_four_levels(planned, paper):
    own = [job for job in planned["jobs"] if job["rule"].startswith(f"{paper}_")]
    assert 10 <= len(own) <= 2000
    assert 1 <= max(job["level"] for job in own) <= 4
    assert any(job["local"] for job in own)


def test_trainings_ask_for_a_gpu_and_light_work_does_not(planned):
    asked = {job["rule"] for job in planned["jobs"] if job["gpu"]}
    assert {"learning_rules_train_0"} <= asked
    assert not any(
        word in rule for rule in asked for word in ("aggregate", "draw", "judge", "get_")
    )


def test_planning_imports_nothing_heavy(planned):
    assert planned["heavy"] == []
