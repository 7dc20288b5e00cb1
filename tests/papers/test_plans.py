"""What every paper's rules make of its numbers: each figure once, from tables that the rules make."""

from importlib import import_module

import pytest

from replicortex.core.codehash import ROOT
from replicortex.core.config import paper_names, paper_numbers
from replicortex.core.rules import signature

# A small paper has its set-up in the Snakefile.
PAPERS = [
    paper for paper in paper_names(ROOT.parent) if (ROOT / "papers" / paper / "plan.py").is_file()
]
SCALES = ("demo", "small", "rehearsal", "full")


class Manifests(dict):
    """A path for whatever dataset is asked for."""

    def __missing__(self, name):
        return f"data/manifests/{name}.json"


def module_of(paper):
    return import_module(f"papers.{paper}.plan")


def planned(paper, scale, root, **changes):
    numbers = paper_numbers(paper, scale, changes, root)
    numbers |= {"manifests": Manifests(), "folder": ROOT / "papers" / paper}
    return module_of(paper).plan(numbers)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("paper", PAPERS)
def test_each_figure_is_drawn_once_from_what_it_asks_for(paper, scale, root):
    figures, made = module_of(paper).FIGURES, planned(paper, scale, root).drawings
    assert [name for one in made for name in one.figures] == list(figures)
    assert len({one.rule for one in made}) == len(made)
    for one in made:
        given = set(one.tables) | set(one.job.arguments)
        for name in one.figures:
            required, _ = signature(f"papers.{paper}.figures.{name}", "draw")
            assert required <= given, name


@pytest.mark.parametrize("paper", PAPERS)
def test_captions_and_modules_are_those_of_the_figures(paper):
    figures = set(module_of(paper).FIGURES)
    folder = ROOT / "papers" / paper
    assert {path.stem for path in (folder / "report").glob("*.rst")} == figures
    drawn = {path.stem for path in (folder / "figures").glob("[!_]*.py")}
    assert drawn - {"parts", "together"} == figures
    together = import_module(f"papers.{paper}.figures.together")
    assert {module.__name__.rpartition(".")[2] for module in together.MODULES} == figures


@pytest.mark.parametrize("paper", PAPERS)
def test_figures_per_job_changes_no_figure(paper, root):
    alone = planned(paper, "demo", root, figures_per_job=1).drawings
    (together,) = planned(paper, "demo", root, figures_per_job=50).drawings
    assert [one.figures for one in alone] == [[name] for name in together.figures]
    assert {key for one in alone for key in one.tables} == set(together.tables)
    rest = {key: value for key, value in together.job.arguments.items() if key != "figures"}
    assert {key: one.job.arguments[key] for one in alone for key in one.job.arguments} == rest
