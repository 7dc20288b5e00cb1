"""Profiles: the generic one's submission, and limits of Slurm's that do not stop the plugin's arrays."""

import shutil
import subprocess
from types import SimpleNamespace

import pytest
import yaml

PRINTS = '#!/bin/sh\necho "$*" > "$SEEN"\n'
ENGINES = {
    "sbatch": ("echo 17", ["--mem=4000", "--time=90", "--gres=gpu:1", "--cpus-per-task=2"]),
    "bsub": ('echo "Job <17> is submitted"', ["-M 4000MB", "-W 90", "-gpu num=1", "-n 2"]),
    "qsub": (
        '[ "$1" = -help ] && echo "-terse" && exit; echo 17',
        ["-terse", "h_vmem=2000M", "h_rt=01:30:00", "-l gpu=1", "-pe smp 2"],
    ),
    "PBS's qsub": ("echo 17", ["select=1:ncpus=2:mem=4000mb:ngpus=1", "walltime=01:30:00"]),
}


def submit(root, folder, engine, gpus):
    """Submit through a stand-in for an engine; return what it was told and what came back."""
    words = folder / "bin"
    words.mkdir()
    for name in ("sh", "mkdir", "grep", "sed"):
        (words / name).symlink_to(shutil.which(name))
    program = words / engine.split()[-1]
    program.write_text(PRINTS + ENGINES[engine][0] + "\n")
    program.chmod(0o755)
    seen = folder / "seen"
    done = subprocess.run(
        [root / "profiles/generic/submit.sh", "train", "2", "4000", "90", gpus, "job.sh"],
        cwd=folder,
        env={"PATH": str(words), "SEEN": str(seen)},
        capture_output=True,
        text=True,
        check=True,
    )
    return seen.read_text().strip(), done.stdout.strip()


@pytest.mark.parametrize("engine", ENGINES)
def test_needs_become_the_engines_own_options(root, tmp_path, engine):
    options, number = submit(root, tmp_path, engine, "gpu:1")
    for option in ENGINES[engine][1]:
        assert option in options
    assert options.endswith(" job.sh") and number == "17"


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_gpu_none_is_asked_for(root, tmp_path, engine):
    options, _ = submit(root, tmp_path, engine, "none")
    assert "gpu" not in options and options.endswith(" job.sh")


def test_without_any_engine_it_says_so(root, tmp_path):
    (tmp_path / "mkdir").symlink_to(shutil.which("mkdir"))
    done = subprocess.run(
        ["/bin/sh", root / "profiles/generic/submit.sh", "train", "2", "4000", "90", "none", "job"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "none of sbatch, bsub and qsub" in done.stderr


class Arrays:
    """The Slurm plugin's choice between arrays, single jobs and waiting, without a cluster."""

    def __init__(self, limit, left):
        from snakemake_executor_plugin_slurm import Executor

        self.sent, self.sizes, self.choose = [], [], Executor.run_jobs
        self._main_event_loop, self.array_jobs, self.max_array_size = None, {"all"}, limit
        self.logger = SimpleNamespace(debug=lambda *_: None, warning=lambda *_: None)
        self.workflow = SimpleNamespace(dag=SimpleNamespace(ready_jobs=list(left)))

    def _submit_job(self, job):
        self.sent.append(job)
        self.sizes.append(1)

    def _submit_array_jobs(self, jobs):
        self.sent += jobs
        self.sizes.append(len(jobs))


def ready(count, rule="train"):
    return [
        SimpleNamespace(
            rule=SimpleNamespace(name=rule), name=rule, is_group=lambda: False, number=n
        )
        for n in range(count)
    ]


def settings(root):
    return yaml.safe_load((root / "profiles/slurm/config.yaml").read_text())


def test_all_jobs_that_are_ready_go_in_together(root):
    jobs = [*ready(165), *ready(9, "extract"), *ready(1, "measure")]
    plugin = Arrays(settings(root)["slurm-array-limit"], left=[])
    plugin.choose(plugin, jobs)
    assert len(plugin.sent) == len(jobs) and plugin.sizes == [165, 9, 1]


def test_a_limit_that_holds_jobs_back_makes_the_plugin_wait_and_the_profile_has_none(root):
    """What run_jobs leaves out counts as running: it is never handed to the plugin again."""
    jobs = ready(165)
    plugin = Arrays(limit=1000, left=jobs[60:])
    plugin.choose(plugin, jobs[:60])
    assert plugin.sent == []
    given = settings(root)
    jobs_of_a_paper, papers = 2000, 5  # tests/workflow/test_full_graph.py
    assert given["jobs"] >= jobs_of_a_paper * papers
    assert int(given["max-jobs-per-timespan"].partition("/")[0]) >= given["jobs"]
    assert given["scheduler"] == "greedy"  # takes all that fits


def test_an_array_fits_a_command_line(root):
    """The kernel takes 131,072 bytes in one word; a job of the widest rule takes about 2,900 of them."""
    longest = 2900
    assert settings(root)["slurm-array-limit"] * longest < 131_072 - 4096
