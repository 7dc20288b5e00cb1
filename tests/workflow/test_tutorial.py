"""The tutorial of the audit, on a finished demo."""

from fnmatch import fnmatch

import pytest
from examples import examples

from replicortex.core.codehash import ROOT

PAGE = ROOT.parent / "docs/tutorials/where_a_figure_came_from.md"


@pytest.mark.parametrize("example", examples(PAGE, "sh"), ids=lambda one: one.code.split()[4])
def test_commands_say_what_the_page_says(one_paper, example):
    done = one_paper.run("bash", "-c", example.code)
    lines = done.stdout.splitlines()
    for wanted in example.said.splitlines():
        assert any(fnmatch(line, wanted) for line in lines), done.stdout
