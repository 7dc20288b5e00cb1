"""The library alone: its wheel in an empty environment, without this repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import COMMANDS
from examples import examples

pytestmark = pytest.mark.slow
ALONE = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
UV = Path(sys.executable).parent / "uv"


def run(*words, **how):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=ALONE, **how)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    """Return the Python of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy of what git tracks: building writes into the folder.
    run("git", "clone", "--quiet", root, folder / "clone")
    run(UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable,
        "--out-dir", folder, folder / "clone")  # fmt: skip
    shutil.rmtree(folder / "clone")
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "env")
    (wheel,) = folder.glob("*.whl")
    lines = (root / "requirements.lock").read_text().splitlines()
    pins = [line.partition(" \\")[0] for line in lines if "==" in line and line[0] not in " #"]
    (folder / "pins.txt").write_text("\n".join(pins))
    python = folder / "env/bin/python"
    run(UV, "pip", "install", "--quiet", "--python", python, "--constraint", folder / "pins.txt",
        wheel)  # fmt: skip
    return python


def test_examples_of_the_readme_run(installed, root, tmp_path):
    page = examples(root / "README.md", "python")
    code = "\n".join(example.code for example in page)
    said = run(installed, "-c", code, cwd=tmp_path)
    assert said == "".join(example.said or "" for example in page)


def test_the_wheel_brings_one_package(installed, tmp_path):
    code = (
        "from importlib.util import find_spec;"
        "print([name for name in ('papers', 'tests', 'replicortex') if find_spec(name)])"
    )
    assert run(installed, "-c", code, cwd=tmp_path) == "['replicortex']\n"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_its_commands_ask_for_a_clone(installed, tmp_path, words):
    command = [str(installed.parent / "replicortex"), *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=ALONE)
    assert done.returncode != 0 and done.stdout == ""
    assert "no clone of the study" in done.stderr and len(done.stderr.splitlines()) == 1
