"""States of jobs from Slurm's accounts (sacct), which is what most clusters have."""

import subprocess

import pytest
from private_cluster import QUICK, missing, private_cluster

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.timeout(900)]
# What ends a job at its first attempt; the profile has it tried again.
FAULTY = """
rule faulty:
    output: "made.txt"
    resources: mem_mb=500, runtime=5, tried=lambda wildcards, attempt: attempt
    shell: "test {resources.tried} -gt 1 || {FAULT}; touch {output}"
"""


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    if absent := missing(accounting=True):
        pytest.skip(
            f"no private Slurm with accounts here: {', '.join(absent)} missing (see .ci/run)"
        )
    with private_cluster(tmp_path_factory.mktemp("accounts"), accounting=True) as running:
        yield running


@pytest.mark.parametrize(
    "fault, state, command",
    [
        ("exit 3", "FAILED", "sacct"),
        # sacct would say "CANCELLED by 0", which the plugin takes for a job that runs.
        ("scancel $SLURM_JOB_ID; sleep 60", "CANCELLED", None),
    ],
)
def test_a_job_that_ended_badly_is_seen(accounts, root, tmp_path, fault, state, command):
    (tmp_path / "Snakefile").write_text(FAULTY.replace("{FAULT}", f"{{{{ {fault}; }}}}"))
    (tmp_path / "slurm").symlink_to(root / "profiles/slurm")
    before = states(accounts)
    asked = ("--slurm-status-command", command) if command else ()
    done = accounts.snakemake(tmp_path, *QUICK, *asked, within=120)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-4000:]
    assert f"SLURM status is: '{state}'" in text
    assert sorted(states(accounts)[len(before) :]) == sorted([state, "COMPLETED"])


def states(cluster):
    """Return the states of all jobs so far, in the order of their numbers."""
    output = cluster.command("sacct", "-X", "--noheader", "--parsable2", "--format=State")
    return [line.split()[0] for line in output.splitlines()]


def test_the_profile_as_it_stands(accounts, one_paper, tmp_path):
    """`snakemake --profile slurm` with no other word, on a cluster that keeps accounts."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(one_paper.folder), str(clone)], check=True)
    done = accounts.snakemake(clone)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert type(one_paper)(clone).tables() == one_paper.tables()
