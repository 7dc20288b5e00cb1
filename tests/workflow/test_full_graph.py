"""The graph at `full`, counted: a cluster must be able to take it."""

import contextlib
import sys

import pytest

from replicortex.core import papers
from replicortex.core.codehash import ROOT
from replicortex.core.config import paper_names
from replicortex.provenance import plan
from replicortex.tools import requests_table
from replicortex.tools.generated import replaced

PAPERS = paper_names(ROOT.parent)
HEAVY = """
import sys
from replicortex.provenance import plan
from replicortex.tools import requests_table
from replicortex.tools.generated import replaced
plan._plan([], {}, plan.Path("."), False)
print([name for name in ("torch", "torchvision", "datalad", "scipy") if name in sys.modules])
"""


@pytest.fixture(scope="module")
def planned(root, tmp_path_factory):
    """Plan the whole study at `full` on GPUs; what is licensed need not be at hand."""
    from study_copy import copy_of

    copy = copy_of(root, tmp_path_factory.mktemp("full"))
    config = {"scale": "full", "device": "cuda"}
    with contextlib.chdir(copy.folder):
        return plan.planned([], config, copy.folder, placed=False)


# A sheet on a published network needs its features before it is trained. Maps are measured a network a job,
# since one job for all of them takes days, and their tables joined.
LEVELS = {"topographic": 5, "mt_maps": 5}


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_has_at_most_two_thousand_jobs_in_few_levels(planned, paper):
    own = [job for job in planned if job.rule.startswith(f"{paper}_")]
    assert 1 <= len(own) <= 2000
    assert 1 <= max(job.level for job in own) <= LEVELS.get(paper, 4)
    assert any(job.local for job in own)


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_is_submitted_in_few_arrays(planned, paper):
    """An array is of one rule: a rule for each network would be a submission for each."""
    own = [job for job in planned if job.rule.startswith(f"{paper}_") and not job.local]
    rules = {job.rule for job in own}
    assert len(rules) == 1 or 5 * len(rules) <= len(own)  # one submission cannot be fewer
    assert len(rules) <= 15


def test_jobs_of_an_array_ask_for_the_same(planned):
    """The plugin asks for what the array's first job needs."""
    needs = {}
    for job in planned:
        if job.job and not job.local:
            needs.setdefault(job.rule, set()).add(tuple(sorted(job.asks.items())))
    assert {rule: each for rule, each in needs.items() if len(each) > 1} == {}
    assert all(dict(*each)["mem_mb"] >= 1000 for each in needs.values())


def test_trainings_ask_for_a_gpu_and_light_work_does_not(root, planned):
    asked = {job.rule for job in planned if job.gpu}
    assert {"learning_rules_train"} <= asked
    for paper in PAPERS:
        if papers.load(paper, root).trains:
            assert any(rule.startswith(f"{paper}_train") for rule in asked), paper
    assert not any(
        word in rule for rule in asked for word in ("aggregate", "draw", "judge", "get_")
    )


def test_planning_imports_nothing_heavy(fresh):
    done = fresh.run(sys.executable, "-c", HEAVY)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_table_of_requests_is_what_the_rules_ask_for(root, planned):
    text = (root / requests_table.FILE).read_text()
    made = requests_table.requests(planned, root)
    assert replaced(text, requests_table.REQUESTS, made, "README.md") == text, "run `make readme`"


def test_the_jobs_of_the_table_are_those_of_the_cluster(root, planned):
    found = requests_table.rows(planned, root)
    assert sum(row.jobs for row in found) == sum(bool(job.job) and not job.local for job in planned)
    assert sum(row.jobs for row in found if row.gpus) == sum(job.gpu for job in planned)
