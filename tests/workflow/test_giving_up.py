"""A job that fails is tried again, unless its own last words say that it would fail again."""

import subprocess
import sys
from pathlib import Path

NAMES = ("hopeless", "unlucky")
SNAKEMAKE = Path(sys.executable).parent / "snakemake"
STUDY = """
import sys

sys.path.insert(0, "{LIBRARY}")
from replicortex.core.errors import FINAL
from replicortex.core.terminal import one_line_a_job

one_line_a_job(workflow)

rule all:
    input: "hopeless.txt", "unlucky.txt"

rule fails:
    output: "{name}.txt"
    log: "{name}.log"
    params: end=lambda w: FINAL if w.name == "hopeless" else ""
    shell: "echo x >> {wildcards.name}.tries; echo 'fails: no column{params.end}' > {log}; exit 1"
"""


def test_a_hopeless_job_is_tried_once_and_another_as_often_as_asked(root, tmp_path):
    (tmp_path / "Snakefile").write_text(STUDY.replace("{LIBRARY}", str(root / "workflow")))
    words = ("--cores", "1", "--retries", "2", "--keep-going")
    done = subprocess.run([SNAKEMAKE, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    tries = {name: (tmp_path / f"{name}.tries").read_text().count("x") for name in NAMES}
    assert tries == {"hopeless": 1, "unlucky": 3}, done.stderr[-3000:]
    said = [line for line in done.stderr.splitlines() if line.startswith("Failed: ")]
    assert len(said) == 4 and all("no column" in line for line in said)
