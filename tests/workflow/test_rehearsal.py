"""A rehearsal of `full` from start to end: every job, figure, claim, page and crate, on fixtures."""

import re
from importlib import import_module

import pandas as pd
import pytest
import yaml
from private_cluster import QUICK, missing, private_cluster
from study_copy import engine_logs

from replicortex.core import rehearsal
from replicortex.core.codehash import ROOT
from replicortex.core.config import paper_names
from replicortex.provenance import chain, records
from replicortex.verdicts import words

MOST_JOBS = 100  # of all papers together


def rehearsed():
    """Return the papers whose numbers say what a rehearsal cuts."""
    found = []
    for paper in paper_names(ROOT.parent):
        numbers = yaml.safe_load((ROOT.parent / f"config/papers/{paper}.yaml").read_text())
        found += [paper] if rehearsal.SCALE in numbers else []
    return found


def test_there_are_few_jobs(fresh):
    planned = fresh.planned("--config", f"scale={rehearsal.SCALE}")
    assert 10 < sum(planned.values()) <= MOST_JOBS, planned


@pytest.mark.slow
@pytest.mark.parametrize("paper", rehearsed())
def test_a_paper_is_rehearsed_to_its_last_figure(fresh, paper):
    asked = ("--config", f"scale={rehearsal.SCALE}", f"run={paper}")
    done = fresh.snakemake("all", "audit", "--cores", "2", *asked)
    assert "REHEARSAL of full on fixtures; no verdict on any paper" in done.stderr
    results = fresh.folder / "results" / rehearsal.SCALE
    own = results / paper
    figures = import_module(f"papers.{paper}.plan").FIGURES
    assert {path.stem for path in (own / "figures").glob("*.svg")} == set(figures)
    for name in figures:
        assert "REHEARSAL" in (own / f"figures/{name}.svg").read_text(), name
    for path in chain.results_below(own):
        assert records.read(records.path_of(path))["job"]["rehearsal"] is True, path

    claims = pd.read_csv(own / "scorecard/claims.csv", keep_default_na=False)
    assert set(claims["verdict"]) == {words.REHEARSAL}
    outcome = claims["rehearsed"].str.removesuffix(words.ON_OTHER_DATA)
    assert set(outcome) <= set(words.ORDER) - {words.NEEDS_RUN, words.SYNTHETIC, words.REHEARSAL}
    # What cannot be judged here cannot be at full either, or a made-up table gives no number.
    assert (outcome != words.NOT_TESTABLE).mean() > 0.5
    assert (outcome != words.FEW_UNITS).all()

    assert (results / "audit/index.html").is_file()
    assert fresh.planned(*asked) == {}
    command = ("python", "-m", "replicortex")
    fresh.run(*command, "audit", "export", str(results), str(fresh.folder / "crate"))
    assert (fresh.folder / "crate/ro-crate-metadata.json").is_file()
    kept = fresh.run(*command, "promote", rehearsal.SCALE, paper, check=False)
    assert kept.returncode == 1 and "is of a rehearsal" in kept.stderr


@pytest.mark.slow
@pytest.mark.slurm
def test_a_rehearsal_runs_on_a_cluster(fresh, tmp_path_factory):
    """The cheapest of the papers, by the profile as it is: from the datasets to the verdicts and figures."""
    if missing():
        pytest.skip(f"no private Slurm here: {', '.join(missing())} missing (see .ci/run)")
    paper = "learning_rules"
    asked = ("--config", f"scale={rehearsal.SCALE}", f"run={paper}")
    with private_cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        done = cluster.snakemake(fresh.folder, "all", "audit", *QUICK, *asked, within=840)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    results = fresh.folder / "results" / rehearsal.SCALE
    # One submission for the nine trainings, and not one for each.
    arrays = re.findall(
        r"Submitted array job with Snakemake IDs ([\d,]+)", engine_logs(fresh.folder)
    )
    assert max(len(ids.split(",")) for ids in arrays) >= 9
    made = records.read(records.path_of(results / paper / "metrics/curves.csv"))
    assert made["job"]["rehearsal"] is True and made["run"]["slurm_job_id"], made
    figures = import_module(f"papers.{paper}.plan").FIGURES
    assert {path.stem for path in (results / paper / "figures").glob("*.svg")} == set(figures)
    claims = pd.read_csv(results / paper / "scorecard/claims.csv", keep_default_na=False)
    assert set(claims["verdict"]) == {words.REHEARSAL} and claims["rehearsed"].astype(bool).all()
    assert (results / "audit/index.html").is_file()
