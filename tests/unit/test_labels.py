"""What the engine's report says of a result."""

from pathlib import Path

import pytest
from test_chain import made

from replicortex.provenance import records
from replicortex.provenance.labels import labels

CLAIMS = "paper,table,verdict\nx,t,replicated\nx,t,replicated\nx,t,holds\nx,other,inconclusive\n"


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("replicortex.core.codehash.module_hashes", lambda module: {})
    table = made("results/small/x/metrics/t.csv", "a\n1\n", {})
    made("results/small/x/figures/f.svg", "<svg/>", {"t": table})
    made("results/small/x/scorecard/claims.csv", CLAIMS, {"tables": table})
    made("results/small/x/scorecard/scorecard.svg", "<svg/>", {"tables": table})


def test_a_figure_has_its_record_and_the_verdicts_on_its_tables():
    path = Path("results/small/x/figures/f.svg")
    record = records.read(records.path_of(path))["id"][:12]
    assert labels(path) == {
        "file": "f.svg",
        "record": record,
        "verdicts": "2 replicated, 1 holds",
    }


def test_a_scorecard_has_all_verdicts():
    found = labels(Path("results/small/x/scorecard/scorecard.svg"))
    assert found["verdicts"] == "2 replicated, 1 holds, 1 inconclusive"


def test_a_result_without_record_says_so():
    assert labels(Path("results/small/x/figures/g.svg")) == {
        "file": "g.svg",
        "record": "none",
        "verdicts": "none",
    }
