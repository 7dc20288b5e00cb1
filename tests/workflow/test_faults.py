"""A run that is killed again and again ends with the tables of a run that never was."""

import os
import random
import signal
import subprocess
import time

import pytest
from study_copy import BIN, engine_logs

KILLS = 10
pytestmark = pytest.mark.slow


def start(folder):
    """Start the study in a process group of its own, saving its trainings at every step."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("REPLICORTEX_", "PYTEST"))}
    log = (folder / "run.log").open("a")
    return subprocess.Popen(
        [str(BIN / "snakemake"), "--cores", "1", "--config", "save_every=1"],
        cwd=folder,
        env={**kept, "PATH": f"{BIN}:{kept['PATH']}", "PYTHONPATH": str(folder / "workflow")},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def finished_jobs(folder):
    return engine_logs(folder).count("Finished jobid")


def test_killed_at_ten_random_moments_the_tables_are_the_same(one_paper, tmp_path):
    """Half of the kills take the controller alone: its jobs live on beside the next run's."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(one_paper.folder), str(clone)], check=True)
    fresh = type(one_paper)(clone)
    draw = random.Random(7)
    alone = 0
    for number in range(KILLS):
        process = start(fresh.folder)
        time.sleep(draw.uniform(3, 8))
        assert process.poll() is None, f"ended before kill {number}: the moments are too late"
        if draw.random() < 0.5:
            alone += 1
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        fresh.snakemake("--unlock")
    assert 0 < alone < KILLS
    before = finished_jobs(fresh.folder)
    last = start(fresh.folder)
    assert last.wait(600) == 0, (fresh.folder / "run.log").read_text()[-3000:]
    assert finished_jobs(fresh.folder) > before
    assert fresh.tables() == one_paper.tables()
    assert " 0 faults" in fresh.run("python", "-m", "replicortex", "audit", "verify").stdout
    assert not list((fresh.folder / "results").rglob("*.tmp"))
    assert fresh.planned("--config", "save_every=1") == {}
