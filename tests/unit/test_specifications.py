"""Specification curves: which specifications there are, and the joint test over units."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replicortex.core.errors import StudyError
from replicortex.report.outline import Choice, Specifications
from replicortex.report.specifications import curves, joint
from replicortex.verdicts.measure import Table
from replicortex.verdicts.model import Claim

CLAIM = {
    "id": "falls",
    "kind": "published",
    "says": "It falls.",
    "where": "here",
    "published": {"value": -0.5, "as": "difference"},
    "measure": {
        "table": "scores",
        "select": {"layer": "best", "bn": "running"},
        "value": "rho",
        "from": {"epoch": 0},
        "to": {"epoch": 1},
    },
    "verdict": {"direction": "negative", "within": 0.1, "smallest": 0.1},
    "data": "other",
}
EFFECTS = {("best", "running"): -0.5, ("best", "batch"): -0.2, ("conv1", "running"): 0.3}


def table(effects=EFFECTS, seeds=4):
    rows = [
        {
            "layer": layer,
            "bn": bn,
            "epoch": epoch,
            "seed": seed,
            "rho": 1 + epoch * (effect + 0.01 * seed),
        }
        for (layer, bn), effect in effects.items()
        for epoch in (0, 1)
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def source(asked, frame=None, **changes):
    claim = Claim.model_validate({**CLAIM, **changes})
    return SimpleNamespace(
        claims={"falls": claim},
        outline=SimpleNamespace(specifications=[Specifications.model_validate(asked)]),
        settings={"aliases": {}},
        files={"scores": "scores.csv"},
        table=lambda name: Table(table() if frame is None else frame),
    )


ASKED = {
    "claim": "falls",
    "crossed": [
        {"switch": "layer", "column": "layer", "values": {"best": "paper", "conv1": "neither"}},
        {"switch": "statistics", "column": "bn", "values": {"running": "both", "batch": "code"}},
    ],
}


def test_switches_are_crossed_and_what_is_not_there_is_told():
    (found,) = curves(source(ASKED))
    rows = found.table.set_index(["layer", "statistics"])
    assert rows.loc[("best [paper]", "running [both]"), "estimate"] == pytest.approx(-0.485)
    assert rows.loc[("conv1 [neither]", "running [both]"), "estimate"] == pytest.approx(0.315)
    assert list(found.absent) == ["conv1 [neither], batch [code]"]
    assert list(found.table["side"]) == ["as claimed", "as claimed", "against"]
    assert found.share("sign", "as claimed") == pytest.approx(2 / 3)
    interval = stats.t.interval(0.95, 3, -0.485, stats.sem([-0.5, -0.49, -0.48, -0.47]))
    assert rows.loc[
        ("best [paper]", "running [both]"), ["lower", "upper"]
    ].tolist() == pytest.approx(interval)


def test_trainings_are_taken_one_at_a_time_from_what_the_claim_has():
    frame = table({**EFFECTS, ("other", "running"): -0.1})
    lay = {"switch": "another rule", "side": "code", "lay": {"select": {"layer": "other"}}}
    (found,) = curves(source({**ASKED, "retrained": [lay]}, frame))
    (one,) = found.table[found.table["kind"] == "retrained"].to_dict("records")
    assert one["training"] == "another rule [code]" and one["statistics"] == "running [both]"
    assert one["estimate"] == pytest.approx(-0.085)
    assert len(found.table) == 4


def test_what_a_switch_fixes_is_no_longer_reduced_over():
    measure = {
        "table": "scores",
        "select": {"layer": ["best", "conv1"], "bn": "running", "epoch": 1},
        "value": "rho",
        "across": {"layer": "min"},
    }
    changes = {
        "published": {"value": -0.5},
        "measure": measure,
        "verdict": {"direction": "negative", "within": 0.1, "threshold": -0.1},
    }
    (found,) = curves(source({**ASKED, "crossed": ASKED["crossed"][:1]}, **changes))
    assert found.table["estimate"].tolist() == pytest.approx([0.515, 1.315])


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_joint_test_is_that_of_all_flips(n):
    rng = np.random.default_rng(0)
    numbers = rng.normal(-0.4, 0.5, size=(7, n))
    claim = Claim.model_validate(CLAIM)
    units = [{(str(k),): float(v) for k, v in enumerate(row)} for row in numbers]
    found = joint(units, claim)
    observed = np.median(-numbers.mean(axis=1))
    every = [
        np.median((-numbers * np.array(signs)).mean(axis=1))
        for signs in itertools.product((1, -1), repeat=n)
    ]
    assert found.p == pytest.approx(np.mean([each >= observed - 1e-12 for each in every]))
    assert found.smallest == 2.0**-n <= found.p
    assert (found.units, found.specifications) == (n, 7)


def test_one_specification_gives_the_sign_flip_test_of_its_units():
    values = np.array([0.3, -0.1, 0.4, 0.2, 0.5])
    claim = Claim.model_validate(
        {
            **CLAIM,
            "published": {"value": 0.5, "as": "difference"},
            "verdict": {"direction": "positive", "within": 0.1, "smallest": 0.1},
        }
    )
    found = joint([{(str(k),): v for k, v in enumerate(values)}], claim)
    peer = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", alternative="greater"
    )
    assert found.p == pytest.approx(peer.pvalue)


def test_incomplete_specifications_leave_the_joint_test():
    claim = Claim.model_validate(CLAIM)
    whole = {(str(k),): -1.0 for k in range(3)}
    assert joint([whole, whole, {("0",): 5.0}], claim).specifications == 2
    assert joint([], claim) is None and joint([{("0",): 1.0}], claim) is None


def test_a_claim_that_nothing_is_there_has_no_sides():
    changes = {
        "published": {"value": 0.0, "as": "difference"},
        "verdict": {"direction": "zero", "within": 0.1},
    }
    with pytest.raises(StudyError, match="claim 'falls' needs a direction and units of its own"):
        curves(source(ASKED, **changes))


def test_a_switch_has_a_column_or_lays_something_over():
    with pytest.raises(ValueError, match="either column and values with a side"):
        Choice.model_validate({"switch": "layer", "values": {"a": "paper", "b": "code"}})
