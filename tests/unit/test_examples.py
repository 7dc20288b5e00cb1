"""The examples of README and tutorials run, and print what the page says."""

import contextlib
import io

import pytest
from examples import examples

from replicortex.core.codehash import ROOT

pytestmark = pytest.mark.numbers

REPOSITORY = ROOT.parent
PAGES = [
    page
    for page in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs/tutorials").glob("*.md")))
    if examples(page, "python")
]


def test_there_are_examples():
    assert {page.name for page in PAGES} >= {"README.md", "match_two_networks.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_print_what_their_page_says(page):
    names = {}
    for example in examples(page, "python"):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(example.code, page.name, "exec"), names)
        assert out.getvalue() == (example.said or "")
