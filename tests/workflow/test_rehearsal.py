"""A rehearsal of `full` from start to end: every job, figure, claim, page and crate, on fixtures."""

from importlib import import_module

import pandas as pd
import pytest
import yaml

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
