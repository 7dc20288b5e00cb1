"""The command line by both of its names, and what it says where there is nothing to say."""

import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint

import pytest

from replicortex.__main__ import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_summary_of_a_run_that_is_not_here_is_one_sentence(folder, capsys):
    assert main(["summary", "--scale", "foo"]) == 1
    assert capsys.readouterr() == (
        "",
        "Error: summary: no results below results/foo; run `make` first\n",
    )
    (folder / "results/small").mkdir(parents=True)
    assert main(["summary", "--scale", "smal"]) == 1
    assert "did you mean 'small'?" in capsys.readouterr().err
    assert main(["summary", "--scale", "small"]) == 1  # it has begun, and nothing is finished
    assert "no results below results/small; run `make` first" in capsys.readouterr().err


def test_the_summary_names_what_a_run_made(folder, capsys):
    (folder / "results/demo/x/figures").mkdir(parents=True)
    (folder / "results/demo/report.html").write_text("")
    assert main(["summary"]) == 0
    assert capsys.readouterr() == (
        "Report: results/demo/report.html\nFigures: results/demo/x/figures\n",
        "",
    )


@pytest.fixture
def script(root):
    """What the installed script `replicortex` calls."""
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    return EntryPoint("replicortex", declared["replicortex"], "console_scripts").load()


def test_the_script_is_called_by_its_name(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/replicortex", "cost", "nobody"])
    assert script() == 1
    assert capsys.readouterr().err.startswith("Error: cost: unknown paper 'nobody'")
    with pytest.raises(SystemExit) as done:
        script(["--help"])
    assert done.value.code == 0 and capsys.readouterr().out.startswith("usage: replicortex ")


def test_as_a_module_it_stays(root):
    done = subprocess.run(
        [sys.executable, "-m", "replicortex", "--help"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith("usage: python -m replicortex ")
