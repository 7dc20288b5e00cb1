"""Rates of verdicts on simulated tables: right rules pass, wrong ones are found."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_claims import ALIASES, REMOVE, changed

from replicortex.verdicts import calibrate, intervals
from replicortex.verdicts.evaluation import Table
from replicortex.verdicts.intervals import Estimate
from replicortex.verdicts.measure import compiled
from replicortex.verdicts.model import Claim
from replicortex.verdicts.words import MET


def paired(n, shared=1.0, own=0.3, draw=1):
    """Seeds with two epochs that share most of their spread."""
    rng = np.random.default_rng(draw)
    level = rng.normal(5, shared, n)
    rows = [
        {"rule": "bp", "roi": "V1", "seed": s, "epoch": e, "rho": level[s] + rng.normal(-e, own)}
        for s in range(n)
        for e in (0, 2)
    ]
    return pd.DataFrame(rows)


def rate(entry, table, claims=1, **kwargs):
    entry = Claim.model_validate(entry)
    cells = compiled(entry, {"scores": Table(table)}, ALIASES)
    return calibrate.calibration(entry, cells, True, claims, **kwargs)


DIFFERENCE = changed(published={"value": -1.0, "as": "difference"}, verdict__smallest=0.2)


@pytest.mark.parametrize("n", [3, 5, 12])
def test_a_t_interval_over_units_is_met_at_its_boundary_at_its_level(n):
    row = rate(DIFFERENCE, paired(n), claims=400, draws=20_000)
    assert row["met_at_boundary"] == pytest.approx(0.025, abs=0.004)
    assert row["calibrated"] == "yes"
    assert row["n"] == n


def test_the_published_number_is_found_as_often_as_the_power_says():
    from replicortex.verdicts import power

    table = paired(6)
    row = rate(DIFFERENCE, table, draws=20_000)
    met = sum(row[f"{word} at published"] for word in MET)
    gaps = table.pivot(index="seed", columns="epoch", values="rho")
    spread = (gaps[2] - gaps[0]).std(ddof=1)
    error = spread / np.sqrt(6)
    expected = stats.nct.sf(stats.t.ppf(0.975, 5), 5, 0.8 / error)
    assert met == pytest.approx(expected, abs=0.01)
    assert power.shift(6) > 0


def test_an_interval_that_is_too_short_is_found(monkeypatch):
    def half_as_wide(claim, cells, drawn):
        found = right(claim, cells, drawn)
        half = (found.upper - found.lower) / 4
        return Estimate(found.ours, found.sd, found.n, found.ours - half, found.ours + half)

    right = intervals.estimate
    monkeypatch.setattr(calibrate, "estimate", half_as_wide)
    row = rate(DIFFERENCE, paired(5), claims=400)
    assert row["lower"] > row["limit"]
    assert row["calibrated"] == "no"


def test_pairs_taken_for_units_would_be_found_and_the_jackknife_passes():
    members = [(a, b) for a in range(6) for b in range(a)]
    rng = np.random.default_rng(1)
    level = rng.normal(0, 1, 6)
    rows = [
        {"seed": a, "other": b, "rho": 3 + level[a] + level[b] + rng.normal(0, 0.3)}
        for a, b in members
    ]
    table = pd.DataFrame(rows)
    entry = changed(
        kind="control",
        published=REMOVE,
        measure={"table": "scores", "value": "rho"},
        verdict={"direction": "positive", "smallest": 0.5},
        over=[{"name": "pairs of seeds", "column": "seed", "other": "other"}],
    )
    row = rate(entry, table, claims=400)
    assert row["calibrated"] == "yes"
    # The same tables, each pair counted as a unit of its own.
    claim = Claim.model_validate(entry)
    cells = compiled(claim, {"scores": Table(table)}, ALIASES)
    noise = calibrate._noise(claim, cells, 2000, np.random.default_rng(0))[..., 0]
    half = stats.t.ppf(0.975, 14) * noise.std(axis=1, ddof=1) / np.sqrt(15)
    assert (noise.mean(axis=1) - half > 0).mean() > 0.1


def test_variances_of_members_and_pairs_are_told_apart():
    members = np.array([(a, b) for a in range(40) for b in range(a)])
    level = np.random.default_rng(3).normal(0, 2, 40)
    own = np.random.default_rng(4).normal(0, 1, len(members))
    shared, pair = calibrate.pair_variances(level[members].sum(axis=1) + own, members)
    assert shared == pytest.approx(level.var(ddof=1), rel=0.1)
    assert pair == pytest.approx(own.var(ddof=1), rel=0.1)


def test_equivalence_is_tried_at_the_edge_of_its_tolerance():
    entry = changed(
        published={"value": 0, "as": "difference"}, verdict={"direction": "zero", "within": 1.5}
    )
    row = rate(entry, paired(5), draws=20_000)
    assert row["boundary"] == 1.5
    assert row["met_at_boundary"] == pytest.approx(0.025, abs=0.005)
    assert row["limit"] == 0.05


def test_counts_are_drawn_as_counts():
    table = paired(8).assign(winner=lambda t: np.where(t["seed"] < 6, "fc1", "conv1"))
    entry = changed(
        kind="control",
        published=REMOVE,
        measure={"table": "scores", "select": {"epoch": 0}, "value": "winner", "equals": "fc1"},
        verdict={"direction": "positive", "threshold": 0.5},
    )
    cells = compiled(Claim.model_validate(entry), {"scores": Table(table)}, ALIASES)
    assert cells.counts
    assert rate(entry, table)["met_at_boundary"] > 0


@pytest.mark.parametrize(
    ("changes", "table", "reason"),
    [
        ({"over": []}, None, "an exact number: nothing was sampled"),
        ({}, "flat", "its units do not differ at all"),
        ({}, "two", "2 units"),
    ],
)
def test_why_a_claim_is_not_calibrated(changes, table, reason):
    made = paired(4)
    if table == "flat":
        made["rho"] = 5.0 - made["epoch"]
    if table == "two":
        made = made[made["seed"] < 2]
    if changes:
        made = made[made["seed"] == 0].drop(columns="seed")
    row = rate({**DIFFERENCE, **changes}, made)
    assert (row["calibrated"], row["reason"]) == ("not calibrated", reason)


def test_the_same_claim_is_drawn_the_same():
    table = paired(5)
    assert rate(DIFFERENCE, table) == rate(DIFFERENCE, table)


def test_bounds_of_a_rate_are_exact():
    lower, upper = calibrate.binomial_bounds(60, 2000, 0.975)
    expected = stats.binomtest(60, 2000).proportion_ci(0.95)
    assert (lower, upper) == pytest.approx((expected.low, expected.high))
    assert calibrate.binomial_bounds(0, 10, 0.95)[0] == 0
    assert calibrate.binomial_bounds(10, 10, 0.95)[1] == 1


@pytest.mark.parametrize("n", [3, 5])
def test_a_relative_change_holds_its_level_where_its_start_varies(n):
    table = paired(n, shared=0.6, own=0.5)
    entry = changed(verdict__smallest=0.1)
    row = rate(entry, table, draws=20_000)
    assert row["met_at_boundary"] == pytest.approx(0.025, abs=0.004)


def test_a_relative_change_is_centred_at_the_ratio_of_means():
    entry = Claim.model_validate(changed(verdict__smallest=0.1))
    cells = compiled(entry, {"scores": Table(paired(5, shared=0.5))}, ALIASES)
    centre = calibrate._centre(entry, cells, -0.1, np.random.default_rng(0))
    assert centre[1] / centre[0] - 1 == pytest.approx(-0.1)
    assert centre[0] == pytest.approx(cells.cells[:, 0].mean())


def test_a_number_that_is_not_linear_is_centred():
    entry = Claim.model_validate(
        changed(
            measure__select={"rule": ["bp", "pc"], "roi": "V1"},
            measure__across={"rule": "max"},
            verdict__smallest=0.1,
        )
    )
    table = pd.concat([paired(5, shared=0.5), paired(5, shared=0.5, draw=2).assign(rule="pc")])
    cells = compiled(entry, {"scores": Table(table)}, ALIASES)
    centre = calibrate._centre(entry, cells, -0.1, np.random.default_rng(0))
    root = calibrate._root(cells.cells)
    noise = np.random.default_rng(1).standard_normal((200_000, len(root))) @ root
    assert cells.formula(centre + noise).mean() == pytest.approx(-0.1, abs=0.005)
    of_means = cells.formula(centre[None])[0]  # without spread the largest is another number
    assert abs(of_means + 0.1) > 1e-3
