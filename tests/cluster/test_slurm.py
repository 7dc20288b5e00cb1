"""`snakemake --profile slurm`, verbatim from a clone, on a real Slurm."""

import re
import shutil
import subprocess

import pytest
from private_cluster import QUICK
from study_copy import engine_logs

from replicortex.core.cluster import refusal

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]

PROBE = """
import sys

sys.path.insert(0, "{LIBRARY}")
from replicortex.core.terminal import one_line_a_job

one_line_a_job(workflow)

rule probe:
    output: "seen.txt"
    resources: gres="gpu:1", mem_mb=1000, runtime=5
    shell: "printenv CUDA_VISIBLE_DEVICES > {output}"
"""


@pytest.fixture
def probe(cluster, root, tmp_path):
    """Return a function that asks for GPUs by a rule of one job."""
    (tmp_path / "Snakefile").write_text(PROBE.replace("{LIBRARY}", str(root / "workflow")))
    (tmp_path / "slurm").symlink_to(root / "profiles/slurm")

    def run(*arguments):
        return cluster.snakemake(tmp_path, *QUICK, *arguments)

    return run


@pytest.mark.parametrize("asked", ["gpu:1", "gpu:a100:1"])
def test_a_rule_that_asks_for_a_gpu_sees_exactly_one(probe, tmp_path, asked):
    done = probe("--set-resources", f"probe:gres='{asked}'")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    seen = (tmp_path / "seen.txt").read_text().strip()
    assert seen in ("0", "1"), seen


def test_a_gpu_that_no_node_has_is_told_in_a_sentence(probe, tmp_path):
    done = probe("--set-resources", "probe:gres='gpu:h100:1'", "--retries", "0")
    said = [line for line in done.stderr.splitlines() if line.startswith("Failed: probe")]
    assert done.returncode != 0 and not (tmp_path / "seen.txt").exists()
    assert len(said) == 1 and "Slurm refused it" in said[0] and "not available" in said[0]
    assert "sbatch --parsable" not in done.stderr


def test_jobs_made_again_through_slurm_give_the_local_tables(cluster, one_paper, tmp_path):
    """The tables that others are joined to, in a copy of a finished run."""
    again = tmp_path / "copy"
    left_out = shutil.ignore_patterns("reference", "log", "__pycache__")
    shutil.copytree(one_paper.folder, again, symlinks=True, ignore=left_out)
    done = cluster.snakemake(again, *QUICK, "--forcerun", "learning_rules_aggregate")
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-4000:]
    assert "has been submitted with SLURM jobid" in engine_logs(again), text[-2000:]
    assert type(one_paper)(again).tables() == one_paper.tables()


def through_slurm(cluster, run, clone, *arguments):
    """Run a clone of a finished run's folder through Slurm; return what the engine's logs say."""
    subprocess.run(["git", "clone", "--quiet", str(run.folder), str(clone)], check=True)
    done = cluster.snakemake(clone, *QUICK, *arguments)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-4000:]
    assert "Using profiles slurm and workflow specific profile" in text
    return engine_logs(clone)


def sent(log):
    """Return how many jobs went to Slurm alone, and how many in each array."""
    arrays = re.findall(r"Submitted array job with Snakemake IDs ([\d,]+)", log)
    alone = log.count("has been submitted with SLURM jobid")
    return alone, [len(ids.split(",")) for ids in arrays]


@pytest.mark.slow
def test_the_demo_through_slurm_gives_the_local_tables(cluster, one_paper, tmp_path):
    alone, arrays = sent(through_slurm(cluster, one_paper, tmp_path / "clone"))
    assert alone + sum(arrays) >= 10
    # One submission for the nine trainings, and not one for each.
    assert max(arrays) >= 9
    assert type(one_paper)(tmp_path / "clone").tables() == one_paper.tables()


# All at once would take longer than one test may, beside another.
@pytest.mark.slow
@pytest.mark.parametrize(
    "papers", [("hierarchical_ot", "sparse_positive"), ("mt_maps", "topographic")], ids="-".join
)
def test_other_papers_through_slurm_give_the_local_tables(cluster, finished, tmp_path, papers):
    asked = ("--config", f"run=[{','.join(papers)}]")
    alone, arrays = sent(through_slurm(cluster, finished, tmp_path / "clone", *asked))
    assert alone + sum(arrays) >= 10

    def of_papers(copy):
        return {path: table for path, table in copy.tables().items() if path.startswith(papers)}

    found = of_papers(type(finished)(tmp_path / "clone"))
    assert found == of_papers(finished)
    assert {path.split("/")[0] for path in found} == set(papers)


@pytest.mark.slow
def test_another_engine_runs_the_same_graph(cluster, one_paper, tmp_path):
    """The generic profile, which submits by a program: here sbatch, without Slurm's own plugin."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(one_paper.folder), str(clone)], check=True)
    done = cluster.snakemake(clone, profile="profiles/generic")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert engine_logs(clone).count("with external jobid") >= 10
    assert type(one_paper)(clone).tables() == one_paper.tables()


TABLE = """
import sys
sys.path.insert(0, {workflow!r})
from replicortex.core.cluster import require_slurm
{onstart}
rule table:
    output: "table.csv"
    resources: mem_mb=500, runtime=5
    shell: "echo new > {{output}}"
"""
CHECKED = "onstart: require_slurm(workflow)\n"
ELSEWHERE = ("--default-resources", "slurm_partition=nowhere")


@pytest.mark.parametrize("onstart, left", [(CHECKED, True), ("", False)])
def test_what_slurm_would_refuse_deletes_no_table(cluster, root, tmp_path, onstart, left):
    """The engine itself deletes old outputs, then submits."""
    workflow = str(root / "workflow")
    (tmp_path / "Snakefile").write_text(TABLE.format(workflow=workflow, onstart=onstart))
    (tmp_path / "slurm").symlink_to(root / "profiles/slurm")
    table = tmp_path / "table.csv"
    table.write_text("old\n")
    done = cluster.snakemake(tmp_path, *QUICK, "--forceall", "--retries", "0", *ELSEWHERE)
    text = done.stdout + done.stderr
    assert done.returncode == 1 and table.exists() == left, text[-3000:]
    if left:
        assert re.search(r"Error: Slurm would refuse .*nowhere.*Nothing was deleted", text), text
        done = cluster.snakemake(tmp_path, *QUICK, "--forceall")
        assert done.returncode == 0 and table.read_text() == "new\n", done.stderr[-3000:]


def test_each_request_is_tried(cluster, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", cluster.env["SLURM_CONF"])
    asked = {"mem_mb": 500, "runtime": 5, "gres": "gpu:1", "cpus_per_task": 1}
    assert refusal(asked) is None
    assert "invalid partition" in refusal({**asked, "slurm_partition": "nowhere"})
    assert "configuration is not available" in refusal({**asked, "mem_mb": 10**9})
    assert refusal({**asked, "gres": "gpu:9"})
