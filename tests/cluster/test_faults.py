"""Faults on a real Slurm: a training that was hit ends with the bytes of one that was not."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from private_cluster import missing, private_cluster

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.xdist_group("faults")]
BIN = Path(sys.executable).parent
WAIT_S = 120
MODEL = "results/demo/learning_rules/models/pc_supervised/seed42.safetensors"
HISTORY = "results/demo/learning_rules/models/pc_supervised/seed42.csv"
# Long enough to be hit, and saved after every second.
NUMBERS = (
    "save_every=1",
    "papers={learning_rules: {seeds: [42], seeds_per_job: 1, training: {epochs: 120}}}",
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if missing():
        pytest.skip(f"no private Slurm here: {', '.join(missing())} missing (see .ci/run)")
    with private_cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(root, tmp_path_factory):
    """The same training, run at a stretch beside the cluster: its files' bytes."""
    from study_copy import copy_of

    made = copy_of(root, tmp_path_factory.mktemp("undisturbed"))
    made.snakemake("--cores", "1", MODEL, "--config", *NUMBERS)
    return {name: (made.folder / name).read_bytes() for name in (MODEL, HISTORY)}


def start(cluster, folder):
    kept = {k: v for k, v in cluster.env.items() if not k.startswith(("REPLICORTEX_", "PYTEST"))}
    kept["PATH"] = f"{cluster.folder}/bin{os.pathsep}{BIN}{os.pathsep}{kept['PATH']}"
    log = (folder / "run.log").open("a")
    quick = ("--slurm-init-seconds-before-status-checks", "2")
    quick += ("--slurm-status-command", "squeue")
    return subprocess.Popen(
        [str(BIN / "snakemake"), "--profile", "slurm", *quick, MODEL, "--config", *NUMBERS],
        cwd=folder,
        env=kept,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def until(found, what, folder):
    """Wait until `found()` gives something, and return it."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            if result := found():
                return result
        except (OSError, ValueError):
            pass
        time.sleep(0.2)
    raise TimeoutError(f"waited {WAIT_S} s for {what}\n{(folder / 'run.log').read_text()[-3000:]}")


def owner(folder):
    """Return who trains, once a state was saved in mid-training."""
    for lock in (folder / "results/demo/.state").glob("*/owner.json"):
        if list(lock.parent.glob("*.state")):
            return json.loads(lock.read_text())
    return None


def kill_job(cluster, folder, process, who):
    os.kill(who["pid"], signal.SIGKILL)
    return process


def requeue(cluster, folder, process, who):
    cluster.command("scontrol", "requeue", who["slurm_job"])
    return process


def kill_controller(cluster, folder, process, who):
    """The job lives on; a second controller submits it again."""
    process.kill()
    process.wait()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REPLICORTEX_")}
    subprocess.run(
        [str(BIN / "snakemake"), "--unlock", "--config", *NUMBERS],
        cwd=folder,
        env=kept,
        check=True,
        capture_output=True,
    )
    assert Path(f"/proc/{who['pid']}").exists()
    return start(cluster, folder)


def damage_state(cluster, folder, process, who):
    """The newest state is damaged when the job comes back: the one before is used."""
    until(lambda: list((folder / "results/demo/.state").glob("*/*.previous")), "two states", folder)
    os.kill(who["pid"], signal.SIGKILL)
    (state,) = (folder / "results/demo/.state").glob("*/*.state")
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    return process


@pytest.mark.parametrize("fault", [kill_job, requeue, kill_controller, damage_state])
def test_a_training_that_was_hit_ends_with_the_same_bytes(
    cluster, undisturbed, root, tmp_path, fault
):
    from study_copy import copy_of

    folder = tmp_path / "copy"
    folder.mkdir()
    copy_of(root, folder)
    process = start(cluster, folder)
    try:
        who = until(lambda: owner(folder), "a state saved in mid-training", folder)
        process = fault(cluster, folder, process, who)
        assert process.wait(400) == 0, (folder / "run.log").read_text()[-4000:]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    found = {name: (folder / name).read_bytes() for name in (MODEL, HISTORY)}
    assert found == undisturbed
    if fault is damage_state:
        logs = "".join(path.read_text() for path in (folder / "logs").rglob("*.log"))
        assert "the saved state is damaged" in logs
