"""What is found once when the study is opened, and counts whatever the shell holds."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from study_copy import GIT

from replicortex.core import git
from replicortex.core.study import load_study


@pytest.fixture
def repository(tmp_path):
    """A committed repository with a paper."""
    (tmp_path / "workflow/papers/x").mkdir(parents=True)
    (tmp_path / "workflow/papers/x/train.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "c"]):
        subprocess.run([*GIT, *words], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    "file, dirty",
    [
        ("workflow/papers/toy/train.py", "yes"),
        ("config/papers/toy.yaml", "yes"),
        ("envs/toy.yaml", "yes"),
        ("Snakefile", "yes"),
        ("notes.txt", "no"),
        ("results/small/x.csv", "no"),
        ("workflow/papers/x/__pycache__/train.pyc", "no"),
    ],
)
def test_an_untracked_file_makes_a_run_dirty_where_code_and_numbers_live(repository, file, dirty):
    assert git.facts(repository)["dirty"] == "no"
    # A setting of many people, which must not hide it.
    subprocess.run(
        ["git", "-C", str(repository), "config", "status.showUntrackedFiles", "no"], check=True
    )
    path = repository / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    assert git.facts(repository)["dirty"] == dirty


def test_a_changed_file_makes_a_run_dirty_wherever_it_lies(repository):
    (repository / ".gitignore").write_text("")
    assert git.facts(repository)["dirty"] == "yes"


def test_the_study_wins_over_the_shell_and_a_job_over_its_node(root, monkeypatch):
    shell = {
        "COMMIT": "deadbeef",
        "DIRTY": "perhaps",
        "DATA": "elsewhere",
        "DECLARED": "other.yaml",
        "STATE": "elsewhere",
        "SAVE_EVERY": "1",
        "USER_DATA": "{}",
    }
    for name, value in shell.items():
        monkeypatch.setenv(f"REPLICORTEX_{name}", value)
    monkeypatch.chdir(root)
    config = yaml.safe_load(Path("config/config.yaml").read_text())
    config["user_data"] = {"nsd": str(root)}

    def now():
        return {name: os.environ[f"REPLICORTEX_{name}"] for name in shell}

    load_study(config, root, main=False)
    assert now() == shell
    load_study(config, root, main=True)
    found = now()
    assert all(found[name] != value for name, value in shell.items()), found
    assert found["DATA"] == config["data"] and found["DIRTY"] in ("yes", "no", "unknown")
