"""The command line beside the engine: what it says where there is nothing to say."""

import pytest

from replicortex.__main__ import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
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
