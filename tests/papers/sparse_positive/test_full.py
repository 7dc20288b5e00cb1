"""The `full` scale, planned: which jobs there are with NSD and the published models at hand."""

import contextlib
from collections import Counter

import pytest

from replicortex.core.config import paper_numbers
from replicortex.provenance import plan

MODELS_PER_JOB = 6


@pytest.mark.slow
def test_full_is_planned_in_few_jobs(fresh, root):
    config = {"scale": "full", "run": "sparse_positive"}
    with contextlib.chdir(fresh.folder):
        jobs_of = plan.planned([], config, fresh.folder, placed=False)
    planned = Counter(job.rule for job in jobs_of)
    own = {rule.removeprefix("sparse_positive_"): n for rule, n in planned.items()}
    models = len(paper_numbers("sparse_positive", "full", {}, root)["zoo"]["models"])
    jobs = -(-models // MODELS_PER_JOB)
    groups, packages = 2, 4  # of networks and pixels; networks of packages
    assert (own["extract"], own["extract_package"], own["extract_zoo"]) == (groups, packages, jobs)
    assert own["compare"] == groups + packages + jobs
    assert own["encode"] == 5 and own["train"] == 2
    assert own["get_nsd"] == own["get_model_weights"] == 1
    assert sum(own.values()) < 100
