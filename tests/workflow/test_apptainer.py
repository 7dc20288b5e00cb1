"""`--sdm apptainer` against a stand-in that runs on the host: which image each job is handed to.

It shows neither that the image can be built nor that it holds what jobs need.
"""

import os
import sys
from types import SimpleNamespace

import pytest

from replicortex.core.image import FILE, run_in_image

# Runs what follows the image: `apptainer exec --home DIR [--bind A:B ...] IMAGE bash -c COMMAND`.
PROGRAM = f"""#!{sys.executable}
import os, sys
words = sys.argv[1:]
if words == ["--version"]:
    print("apptainer version 1.4.0")
else:
    place = words.index("-c") - 1  # its shell
    with open(os.environ["SEEN"], "a") as seen:
        print(words[place - 1], file=seen)
    os.execvp(words[place], words[place:])
"""


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """A file with a line for each command that the stand-in ran: its image."""
    program = tmp_path / "bin/apptainer"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "seen"


def test_without_an_image_one_sentence_says_how_to_build_it(fresh, seen):
    done = fresh.snakemake("--dry-run", "--sdm", "apptainer", check=False)
    assert done.returncode == 1
    assert f"Error: --sdm apptainer: {FILE} does not exist; build it with" in done.stderr


@pytest.mark.slow
def test_every_job_runs_in_the_image_and_switching_it_on_reruns_nothing(fresh, seen):
    (fresh.folder / FILE).touch()
    settings = ("--sdm", "apptainer", "--config", "run=learning_rules")
    jobs = sum(fresh.planned(*settings).values())
    fresh.snakemake("--cores", "2", *settings)
    assert seen.read_text().splitlines() == [str(FILE)] * jobs
    assert fresh.planned("--config", "run=learning_rules") == {}
    assert fresh.planned(*settings) == {}


@pytest.mark.parametrize("methods", [[], ["CONDA"], ["CONDA", "APPTAINER"]])
def test_no_image_is_told_unless_it_is_used(methods):
    """With conda as well, environments would have to lie in it."""
    asked = SimpleNamespace(deployment_method=[SimpleNamespace(name=name) for name in methods])
    rule = SimpleNamespace(container_img=None)
    run_in_image(SimpleNamespace(deployment_settings=asked, is_main_process=True, rules=[rule]))
    assert rule.container_img is None
