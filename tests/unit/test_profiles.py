"""The generic profile's submission: each engine's own options, and the job's number back."""

import shutil
import subprocess

import pytest

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
