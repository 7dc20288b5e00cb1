"""Claims: the file's model, our numbers, the verdicts and every message."""

import copy
import math

import numpy as np
import pandas as pd
import pytest
import yaml
from fresh_python import said
from scipy import stats

from replicortex.core.errors import StudyError
from replicortex.verdicts import evaluation, measure, model, scorecard, verdict, words
from replicortex.verdicts.evaluation import evaluate
from replicortex.verdicts.model import Claim
from replicortex.verdicts.reading import load

BASE = {
    "id": "drop",
    "kind": "published",
    "says": "It drops.",
    "where": "abstract",
    "published": {"value": -0.9, "as": "relative change"},
    "measure": {
        "table": "scores",
        "select": {"rule": "bp", "roi": "early"},
        "value": "rho",
        "from": {"epoch": 0},
        "to": {"epoch": "last"},
    },
    "verdict": {"direction": "negative", "within": 0.15, "smallest": 0.1},
    "data": "same",
}
AT_START = {"table": "scores", "select": {"rule": "bp", "roi": "V1", "epoch": 0}}
ALIASES = {"roi": {"early": "V1"}, "epoch": {"last": 2}}
REMOVE = object()


def changed(**changes):
    """BASE with dotted keys (`__`) set, or removed."""
    entry = copy.deepcopy(BASE)
    for key, value in changes.items():
        *path, last = key.split("__")
        part = entry
        for step in path:
            part = part[step]
        if value is REMOVE:
            del part[last]
        else:
            part[last] = value
    return entry


def claim(**changes):
    return Claim.model_validate(changed(**changes))


@pytest.fixture
def table():
    """Two rules, two regions, three epochs, four seeds."""
    start = {1: 0.10, 2: 0.12, 3: 0.08, 4: 0.11}
    rows = [
        (rule, seed, epoch, roi, height * (0.5 if rule == "bp" and epoch else 1) + 0.001 * epoch)
        for rule in ("bp", "pc")
        for seed, height in start.items()
        for epoch in (0, 1, 2)
        for roi in ("V1", "IT")
    ]
    return pd.DataFrame(rows, columns=["rule", "seed", "epoch", "roi", "rho"])


def one(entry, table, *, facts=None, absent=None, synthetic=False, name="scores"):
    found, tried = evaluate(
        [Claim.model_validate(entry)],
        {name: table},
        aliases=ALIASES,
        facts=facts or {},
        absent=absent,
        synthetic=synthetic,
        paper="p",
    )
    assert list(found.columns) == list(evaluation.COLUMNS)
    assert list(tried["id"]) == list(found["id"])
    return found.iloc[0]


def judged_as(entry, ours, lower, upper, same=True, n=5):
    """The verdict on a number with an interval over each unit."""
    ends = [verdict.Interval(lower, upper)] * max(len(entry.over), 1)
    return words.ORDER[int(verdict.judge(entry, ends, ours, n, same))]


def seeds_of(table, **selection):
    for column, value in selection.items():
        table = table[table[column] == value]
    return table.set_index("seed")["rho"].sort_index()


# --- Verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "ours", "half", "expected"),
    [
        ("negative", -0.90, 0.05, "replicated"),
        # Exactly at the tolerance, though 0.9 - 0.75 > 0.15.
        ("negative", -0.75, 0.05, "replicated"),
        ("negative", -1.05, 0.05, "replicated"),
        ("negative", -0.7499, 0.05, "replicated, smaller"),
        ("negative", -1.06, 0.05, "replicated, larger"),
        ("negative", -0.20, 0.0999, "replicated, smaller"),
        ("negative", -0.20, 0.10, "excludes the published size"),  # it touches the boundary, -0.1
        ("negative", -0.05, 0.04, "excludes the published size"),  # on the right side, too small
        ("negative", -0.90, 0.85, "cannot tell"),
        ("negative", -0.10, 0.9, "cannot tell"),
        ("negative", 0.10, 0.05, "contradicted"),
        ("negative", 0.10, 0.1, "excludes the published size"),  # it touches where nothing is
    ],
)
def test_verdict_of_a_published_claim(direction, ours, half, expected):
    entry = claim(verdict__direction=direction)
    assert judged_as(entry, ours, ours - half, ours + half) == expected


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (-0.90, "replicated on other data"),
        (-0.20, "replicated on other data"),
        (0.10, "contradicted on other data"),
        (-0.08, "excludes the published size on other data"),
    ],
)
def test_other_data_judges_the_direction_alone(ours, expected, table):
    entry = changed(published__value=-0.9, data="other", measure__from=REMOVE, measure__to=REMOVE)
    entry["published"]["as"] = "value"
    entry["measure"] = {**AT_START, "value": "rho"}
    table["rho"] = ours + 0.01 * (table["seed"] - 2.5)
    row = one(entry, table)
    assert row["verdict"] == expected
    assert "only the direction is judged" in row["reason"]


def test_data_are_the_papers_own_where_the_configuration_says_so(table):
    entry = changed(data={"same_when": {"brain": "things"}}, published__as="difference")
    entry["verdict"]["smallest"] = 0.01
    assert one(entry, table, facts={"brain": "things"})["data"] == "same"
    row = one(entry, table, facts={"brain": "objects92"})
    assert row["data"] == "other"
    assert row["verdict"].endswith(" on other data")


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (-0.05, 0.05, "replicated"),
        (-0.15, 0.15, "replicated"),
        (-0.15, 0.151, "cannot tell"),
        (0.14, 0.30, "cannot tell"),
        (0.151, 0.30, "contradicted"),
        (-0.4, -0.2, "contradicted"),
    ],
)
def test_zero_is_a_test_of_equivalence(lower, upper, expected):
    entry = claim(verdict={"direction": "zero", "within": 0.15}, published__value=0)
    assert judged_as(entry, (lower + upper) / 2, lower, upper) == expected


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (-0.9, -0.51, "holds"),
        (-0.9, -0.5, "cannot tell"),
        (-0.6, -0.4, "cannot tell"),
        (-0.49, -0.1, "does not hold"),
        (0.1, 0.2, "does not hold"),
    ],
)
def test_a_control_must_lie_beyond_what_matters(lower, upper, expected):
    entry = claim(kind="control", verdict={"direction": "negative", "threshold": -0.5})
    assert judged_as(entry, (lower + upper) / 2, lower, upper) == expected
    sized = claim(kind="control", verdict={"direction": "negative", "smallest": 0.5})
    assert judged_as(sized, (lower + upper) / 2, lower, upper) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.04, "replicated"), (0.05, "contradicted"), (0.2, "contradicted")]
)
def test_an_exact_number_is_always_decided(value, expected):
    entry = claim(
        published={"value": 0.03, "as": "value"},
        measure__from=REMOVE,
        measure__to=REMOVE,
        verdict={"direction": "negative", "threshold": 0.05, "within": 0.01},
        over=[],
    )
    assert judged_as(entry, value, value, value, n=0) == expected


def test_the_neutral_ratio_is_one():
    entry = claim(published={"value": 0.5, "as": "ratio"})
    assert entry.boundary == 0.9
    assert judged_as(entry, 0.5, 0.4, 0.6) == "replicated"
    assert judged_as(entry, 0.8, 0.4, 1.1) == "cannot tell"
    assert judged_as(entry, 1.5, 1.4, 1.6) == "contradicted"


@pytest.mark.parametrize("ours", [-0.31, -0.25, -0.28])
def test_a_published_range_has_no_distance_inside(ours):
    entry = claim(published__value=[-0.31, -0.25], verdict__within=0.0)
    assert judged_as(entry, ours, ours - 0.01, ours + 0.01) == "replicated"


def test_distance_from_a_range_is_to_its_nearer_end():
    published = claim(published__value=[5, math.inf], verdict__direction="positive").published
    assert published.distance(4.0) == -1.0
    assert published.distance(50.0) == 0.0
    assert published.text() == "at least 5"
    assert claim(published__value=[-0.31, -0.25]).published.distance(-0.2) == pytest.approx(0.05)


def test_size_is_judged_by_the_prediction_interval_where_the_paper_gives_its_spread():
    entry = claim(published={"value": -0.9, "as": "relative change", "sd": 0.1, "n": 5})
    half = stats.t.ppf(0.975, 4) * 0.1 * math.sqrt(1 / 5 + 1 / 3)
    assert verdict.predicted(entry, 3) == pytest.approx((-0.9 - half, -0.9 + half))
    near, far = -0.9 + 0.99 * half, -0.9 + 1.01 * half
    assert judged_as(entry, near, near - 0.01, near + 0.01, n=3) == "replicated"
    assert judged_as(entry, far, far - 0.01, far + 0.01, n=3) == "replicated, smaller"
    other = claim(
        published={"value": -0.9, "as": "relative change", "sd": 0.1, "n": 5, "over": "people"}
    )
    assert math.isnan(verdict.predicted(other, 3)[0])  # another unit than ours


def test_a_claim_over_two_units_needs_both_intervals():
    stimuli = {"name": "stimuli", "lower": "lo", "upper": "hi", "table": "boot"}
    entry = claim(over=[{"name": "seeds", "column": "seed"}, stimuli])
    beyond, unsure = verdict.Interval(-0.9, -0.8), verdict.Interval(-0.95, 0.0)
    wrong = verdict.Interval(0.1, 0.2)

    def found(*intervals):
        return words.ORDER[int(verdict.judge(entry, intervals, -0.85, 5, True))]

    assert found(beyond, beyond) == "replicated"
    assert found(beyond, unsure) == "cannot tell"
    assert found(wrong, unsure) == "cannot tell"
    assert found(wrong, wrong) == "contradicted"


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_units_give_no_verdict(n, table):
    row = one(changed(), table[table["seed"] <= n])
    assert row["verdict"] == "fewer than 3 units: no verdict"
    assert row["reason"] == f"{n} of at least 3 seeds"
    assert row["n"] == n
    assert row["ours"] < 0


def test_synthetic_data_give_no_verdict_whatever_the_numbers(table):
    for entry in (changed(), changed(kind="control")):
        row = one(entry, table, synthetic=True)
        assert row["verdict"] == "synthetic data: no verdict"
        assert row["ours"] == one(entry, table)["ours"]


@pytest.mark.parametrize(
    ("needs", "facts", "reason"),
    [
        ({"trunk": "resnet"}, {"trunk": "frozen"}, "trunk is frozen, needed: resnet"),
        ({"trunk": ["a", "b"]}, {"trunk": "c"}, "trunk is c, needed: a or b"),
        ({"width": {"at_least": 64}}, {"width": 16}, "width is 16, needed: at least 64"),
        ({"people": {"at_least": 3}}, {"people": [1, 2]}, "people is [1, 2], needed: at least 3"),
        ({"arms": {"has": "pan"}}, {"arms": ["x"]}, "arms is ['x'], needed: an entry pan"),
        (
            {"nsd.people": {"has": 1}},
            {"nsd.people": None},
            "nsd.people is not set, needed: an entry 1",
        ),
    ],
)
def test_what_a_claim_needs_is_looked_up_in_the_configuration(needs, facts, reason, table):
    row = one(changed(needs=needs), table, facts=facts)
    assert row["verdict"] == "not testable here"
    assert row["reason"] == reason
    assert math.isnan(row["ours"])
    met = {
        key: value["has"] if isinstance(value, dict) and "has" in value else 100
        for key, value in needs.items()
    }
    met = {
        key: [value] if isinstance(needs[key], dict) and "has" in needs[key] else value
        for key, value in met.items()
    }
    met |= {
        key: value if isinstance(value, str) else value[0]
        for key, value in needs.items()
        if not isinstance(value, dict)
    }
    if "people" in met:
        met["people"] = [1, 2, 3]
    assert one(changed(needs=needs), table, facts=met)["verdict"] != "not testable here"


def test_what_the_configuration_lacks_is_not_testable(table):
    row = one(changed(), table, absent={"pair x": ["other", "drop"]})
    assert (row["verdict"], row["reason"]) == (
        "not testable here",
        "pair x is not in this configuration",
    )


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_rehearsal_goes_the_whole_way_and_gives_no_verdict(table, synthetic):
    given = {"aliases": ALIASES, "facts": {"stimuli": "things"}, "synthetic": synthetic}
    entries = [claim(), claim(id="not_here", needs={"stimuli": "objects92"})]
    real, _ = evaluate(entries, {"scores": table}, **given | {"synthetic": False})
    rehearsed, tried = evaluate(entries, {"scores": table}, **given, rehearsal=True)
    assert (
        list(rehearsed["rehearsed"]) == list(real["verdict"]) == [words.SMALLER, words.NOT_TESTABLE]
    )
    assert set(rehearsed["verdict"]) == {words.REHEARSAL}
    assert rehearsed["reason"].str.startswith("rehearsed: ").all()
    assert rehearsed[["p", "q", "met_at_boundary"]].isna().all(axis=None)
    assert "rehearsed" not in real and tried["calibrated"].iloc[0] == "yes"
    pd.testing.assert_frame_equal(rehearsed[["ours", "n", "lower"]], real[["ours", "n", "lower"]])


def test_a_rehearsal_must_have_every_cell(table):
    absent = claim(measure__select__rule="none")
    given = {"aliases": ALIASES, "facts": {}, "synthetic": True}
    evaluate([absent], {"scores": table}, **given)
    with pytest.raises(StudyError, match="does not occur in table"):
        evaluate([absent], {"scores": table}, **given, rehearsal=True)


def test_synthetic_cells_may_be_absent_but_columns_may_not(table):
    absent = changed(measure__select={"rule": "bp", "roi": "V4"})
    row = one(absent, table, synthetic=True)
    assert row["verdict"] == "synthetic data: no verdict"
    assert math.isnan(row["ours"])
    with pytest.raises(StudyError, match="'rhoo' is no column"):
        one(changed(measure__value="rhoo"), table, synthetic=True)


# --- Our numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("as_", "less"), [("relative change", 1.0), ("ratio", 0.0)])
def test_a_relative_change_is_that_of_the_means_with_fiellers_interval(as_, less, table):
    row = one(changed(published={"value": -0.9, "as": as_}), table)
    start, end = (seeds_of(table, rule="bp", roi="V1", epoch=e) for e in (0, 2))
    assert row["ours"] == pytest.approx(end.mean() / start.mean() - less)
    for bound in (row["lower"] + less, row["upper"] + less):  # a t-test refuses no ratio between
        assert stats.ttest_1samp(end - bound * start, 0).pvalue == pytest.approx(0.05)
    assert row["lower"] < row["ours"] < row["upper"]
    about = end - end.mean() / start.mean() * start
    assert row["sd"] == pytest.approx(about.std(ddof=1) / start.mean())
    assert (row["as"], row["n"]) == (as_, 4)


def test_how_many_units_agree_is_told_of_their_own_changes(table):
    start, end = (seeds_of(table, rule="bp", roi="V1", epoch=e) for e in (0, 2))
    own = end / start - 1
    entry = changed(verdict__smallest=-float(np.sort(own)[1:3].mean()))
    assert one(entry, table)["reason"].endswith("(2 of 4 seeds agree)")


def test_a_difference_is_taken_seed_by_seed(table):
    row = one(changed(published={"value": -1, "as": "difference"}), table)
    start, end = (seeds_of(table, rule="bp", roi="V1", epoch=e) for e in (0, 2))
    interval = stats.ttest_1samp(end - start, 0).confidence_interval(0.95)
    assert row["ours"] == pytest.approx((end - start).mean())
    assert (row["lower"], row["upper"]) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("how", ["min", "max", "mean"])
def test_across_reduces_within_each_seed(how, table):
    entry = changed(
        measure__select={"rule": ["bp", "pc"], "roi": "V1"}, measure__across={"rule": how}
    )
    ends = {
        rule: [seeds_of(table, rule=rule, roi="V1", epoch=e) for e in (0, 2)]
        for rule in ("bp", "pc")
    }
    if how == "mean":
        expected = np.mean([end.mean() / start.mean() - 1 for start, end in ends.values()])
    else:
        each = pd.concat([end / start - 1 for start, end in ends.values()], axis=1)
        expected = each.agg(how, axis=1).mean()
    assert one(entry, table)["ours"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "column, value, matches",
    [
        ([0.0, 1.0, 2.0], 1, [False, True, False]),
        ([1, 2], 1.0, [True, False]),
        ([0.5, float("nan")], "0.50", [True, False]),
        ([0.5, float("nan")], "half", [False, False]),
        ([0.5, float("nan")], "nan", [False, False]),
        (["1", "2.0", "fc1"], 2, [False, True, False]),
        (["01", "1", "fc1"], "1", [False, True, False]),
        ([True, False], "True", [True, False]),
    ],
)
def test_numbers_are_compared_as_numbers_and_words_as_words(column, value, matches):
    assert measure.equal(pd.Series(column), value).tolist() == matches


@pytest.mark.parametrize("value", [1, 1.0, "1.0"])
def test_equals_counts_a_number_however_it_is_written(table, value):
    table["winner"] = table["seed"].map({1: 1.0, 2: 1.0, 3: 0.0, 4: 0.0})
    entry = changed(
        published={"value": -0.5, "as": "value"},
        measure={**AT_START, "value": "winner", "equals": value},
    )
    assert one(entry, table)["ours"] == 0.5


def test_the_free_column_is_named_where_numbers_are_written_otherwise(table):
    table = table[(table["epoch"] != 2) | (table["rule"] == "pc")].astype({"epoch": float})
    with pytest.raises(StudyError, match=r"with the others, epoch can be 0\.0, 1\.0"):
        one(changed(measure__to={"epoch": 2}), table)


def test_equals_counts_a_word(table):
    table = table.assign(winner=np.where(table["seed"] == 1, "conv1", "fc1"))
    entry = changed(
        published={"value": 1, "as": "value"},
        measure={**AT_START, "value": "winner", "equals": "fc1"},
        verdict={"direction": "positive", "threshold": 0.5, "within": 0},
    )
    row = one(entry, table)
    assert row["ours"] == 0.75
    assert (row["lower"], row["upper"]) == pytest.approx((-0.0456, 1.5456), abs=1e-4)


def test_less_subtracts_a_column(table):
    table = table.assign(other=0.03)
    entry = changed(
        published={"value": -1, "as": "value"},
        measure={**AT_START, "value": "rho", "less": "other"},
    )
    expected = seeds_of(table, rule="bp", roi="V1", epoch=0).mean() - 0.03
    assert one(entry, table)["ours"] == pytest.approx(expected)


def test_a_row_without_seed_stands_beside_every_seed(table):
    untrained = pd.DataFrame([{"rule": "luminance", "roi": "V1", "rho": 0.2}])
    table = pd.concat([table, untrained], ignore_index=True)
    entry = changed(
        published={"value": -1, "as": "difference"},
        measure={
            "table": "scores",
            "select": {"roi": "V1"},
            "value": "rho",
            "from": {"rule": "bp", "epoch": 0},
            "to": {"rule": "luminance"},
        },
    )
    row = one(entry, table)
    assert row["ours"] == pytest.approx(0.2 - seeds_of(table, rule="bp", roi="V1", epoch=0).mean())
    assert row["n"] == 4


def test_the_table_may_bring_its_interval():
    table = pd.DataFrame(
        {"roi": ["V1", "IT"], "value": [0.05, 0.5], "lo": [0.04, 0], "hi": [0.06, 1]}
    )
    entry = changed(
        published={"value": 0.05, "as": "value"},
        measure={
            "table": "scores",
            "select": {"roi": "early"},
            "value": "value",
        },
        verdict={"direction": "positive", "within": 0.01, "smallest": 0.01},
        over=[{"name": "stimuli", "lower": "lo", "upper": "hi"}],
    )
    row = one(entry, table)
    assert (row["ours"], row["lower"], row["upper"], row["n"]) == (0.05, 0.04, 0.06, 0)
    assert row["verdict"] == "replicated"


def test_cohens_d_is_pooled_and_its_interval_is_the_noncentral_t(table):
    entry = changed(
        published={"value": [5, math.inf], "as": "cohens_d"},
        measure__select={"roi": "V1", "epoch": 2},
        measure__from={"rule": "bp"},
        measure__to={"rule": "pc"},
        verdict__direction="positive",
        verdict__smallest=0.5,
    )
    bp, pc = (seeds_of(table, rule=rule, roi="V1", epoch=2) for rule in ("bp", "pc"))
    d = (pc.mean() - bp.mean()) / np.sqrt((pc.var(ddof=1) + bp.var(ddof=1)) / 2)
    row = one(entry, table)
    assert row["ours"] == pytest.approx(d)
    t = stats.ttest_ind(pc, bp).statistic
    assert t == pytest.approx(d * np.sqrt(2))
    for bound, tail in ((row["lower"], 0.975), (row["upper"], 0.025)):
        assert stats.nct.cdf(t, 6, bound * np.sqrt(2)) == pytest.approx(tail, abs=1e-9)


def test_a_sign_flip_that_few_units_cannot_pass_is_not_testable(table):
    entry = changed(
        published={"value": 0.03125, "as": "sign-flip p"},
        measure__from={"epoch": 2},
        measure__to={"epoch": 0},
        verdict={"direction": "negative", "threshold": 0.05, "within": 0.001},
    )
    row = one(entry, table)
    assert row["ours"] == 1 / 16
    assert row["verdict"] == "not testable here"
    assert row["reason"] == "with 4 seeds p cannot fall below 0.0625: 5 are needed"
    five = pd.concat([table, table[table["seed"] == 1].assign(seed=5)])
    assert one(entry, five)["verdict"] == "replicated"


def test_pairs_share_their_members():
    rows = [
        {"seed": a, "other": b, "v": value}
        for (a, b), value in {(0, 1): 0.5, (0, 2): 0.8, (1, 2): 0.2}.items()
    ]
    entry = changed(
        kind="control",
        published=REMOVE,
        measure={"table": "scores", "value": "v"},
        verdict={"direction": "positive", "smallest": 0.1},
        over=[{"name": "pairs of seeds", "column": "seed", "other": "other"}],
    )
    row = one(entry, pd.DataFrame(rows))
    # Jackknife over members: without seed 0, 1, 2 the mean is 0.2, 0.8, 0.5.
    pseudo = 3 * 0.5 - 2 * np.array([0.2, 0.8, 0.5])
    interval = stats.ttest_1samp(pseudo, 0).confidence_interval(0.95)
    assert (row["ours"], row["n"]) == (pytest.approx(0.5), 3)
    assert (row["lower"], row["upper"]) == pytest.approx((interval.low, interval.high))
    alone = one(entry, pd.DataFrame(rows[:1]))  # two seeds are one pair
    assert alone["verdict"] == "fewer than 3 units: no verdict" and math.isnan(alone["lower"])


def test_a_start_that_is_not_above_zero_has_no_relative_change(table):
    starts = (table["rule"] == "bp") & (table["epoch"] == 0)
    table.loc[starts, "rho"] *= -1
    row = one(changed(), table)
    assert row["verdict"] == "cannot tell"
    assert row["reason"] == "no relative change: the starting value is not above 0 on average"
    entry = changed(
        measure__select={"rule": ["bp", "pc"], "roi": "V1"}, measure__across={"rule": "max"}
    )
    table.loc[starts, "rho"] *= -1
    table.loc[starts & (table["seed"] == 3), "rho"] = -0.01
    row = one(entry, table)  # the largest of each seed needs every seed
    assert row["reason"] == "no relative change: the starting value is not above 0 in 1 of 4 seeds"


def test_a_start_that_cannot_be_told_from_zero_bounds_nothing(table):
    starts = (table["rule"] == "bp") & (table["roi"] == "V1") & (table["epoch"] == 0)
    table.loc[starts, "rho"] = [-0.3, 0.1, 0.2, 0.3]
    row = one(changed(), table)
    assert (row["verdict"], row["lower"], row["upper"]) == ("cannot tell", -np.inf, np.inf)
    assert row["reason"] == "no bound: the starting value cannot be told from 0 with 4 seeds"


def test_inputs_are_left_alone_and_results_repeat(table):
    before = table.copy()
    pd.testing.assert_series_equal(one(changed(), table), one(changed(), table))
    pd.testing.assert_frame_equal(table, before)


def test_selection_and_place_are_written_down(table):
    row = one(changed(), table)
    assert row["table"] == "scores"
    assert row["select"] == "rule=bp, roi=V1; value=rho; from epoch=0; to epoch=2"


# --- Messages of tables --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"measure__table": "score"},
            "measure.table: 'score' is not among the tables; did you mean 'scores'?",
        ),
        (
            {"measure__value": "rhoo"},
            "measure.value: 'rhoo' is no column of table 'scores'; did you mean 'rho'?",
        ),
        (
            {"measure__select": {"rul": "bp"}},
            "'rul' is no column of table 'scores'; did you mean 'rule'?",
        ),
        (
            {"measure__select": {"rule": "bb", "roi": "V1"}},
            "measure.from.rule: 'bb' does not occur in table 'scores'; valid are bp, pc",
        ),
        ({"measure__select": {"rule": "bp", "roi": "earli"}}, "did you mean 'early'?"),
        (
            {"measure__from": {"epoch": 7}},
            "measure.from.epoch: '7' does not occur in table 'scores'; valid are 0, 1, 2, last",
        ),
        ({"measure__from": {"epoch": "first"}}, "'first' does not occur"),
        (
            {"measure__select": {"rule": "bp"}},
            "rule=bp, epoch=0 gives 2 rows for seed 1 of table 'scores', expected one row per seed; "
            "they differ in roi",
        ),
        (
            {
                "over": [{"name": "stimuli", "lower": "lo", "upper": "rho"}],
                "published__as": "value",
                "measure__from": REMOVE,
                "measure__to": REMOVE,
            },
            "measure.over.lower: 'lo' is no column",
        ),
        (
            {"measure__value": "rule"},
            "column 'rule' of table 'scores' holds 'bp', expected numbers",
        ),
    ],
)
def test_what_a_table_lacks_is_said(changes, message, table):
    with pytest.raises(StudyError) as error:
        one(changed(**changes), table)
    assert str(error.value).startswith("claim 'drop': measure.")
    assert message in str(error.value)


def test_a_combination_without_rows_names_what_would_have_rows(table):
    table = table[~((table["rule"] == "bp") & (table["epoch"] == 2))]
    with pytest.raises(
        StudyError, match="no row of table 'scores' has rule=bp, roi=V1, epoch=2"
    ) as error:
        one(changed(), table)
    assert "with the others, epoch can be 0, 1" in str(error.value)


def test_a_repeated_row_is_said(table):
    with pytest.raises(StudyError, match=r"2 rows for seed 1.*they are the same row"):
        one(changed(), pd.concat([table, table[table["seed"] == 1]]))


def test_a_missing_number_is_counted_and_decides_nothing(table):
    table.loc[(table["seed"] == 3) & (table["epoch"] == 0), "rho"] = np.nan
    row = one(changed(), table)
    assert row["verdict"] == "cannot tell"
    assert math.isnan(row["ours"])
    assert row["reason"] == (
        "no number: 1 of 4 selected numbers in column 'rho' of table 'scores' are missing or infinite"
    )


@pytest.mark.parametrize(
    ("table_of", "lacks"),
    [
        (lambda table: table[:0], "rule bp"),
        (lambda table: table.assign(roi=table["roi"].replace("V1", "V2")), "roi V1"),
    ],
)
def test_rows_that_data_may_lack_are_no_number_where_the_claim_says_so(table, table_of, lacks):
    with pytest.raises(StudyError, match="does not occur in table 'scores'"):
        one(changed(), table_of(table))
    row = one(changed(measure__may_lack_rows=True), table_of(table))
    assert row["verdict"] == "cannot tell" and math.isnan(row["ours"])
    assert row["reason"] == f"no number: no row of table 'scores' has {lacks}"


def test_a_seed_on_one_side_only_is_an_error(table):
    table = table[~((table["seed"] == 2) & (table["epoch"] == 2))]
    with pytest.raises(StudyError, match=r"measure.from: seed 2 stands on one side"):
        one(changed(), table)


def test_a_table_without_units_has_an_exact_number(table):
    with pytest.raises(
        StudyError, match="over 'seeds' needs a column 'seed', which table 'scores'"
    ):
        one(changed(), table.drop(columns="seed"))
    with pytest.raises(StudyError, match="gives 4 rows of table 'scores', expected one row"):
        one(changed(over=[]), table.drop(columns="seed"))


# --- Messages of the file ------------------------------------------------------------------------


def as_file(*entries, **parts):
    return {**parts, "findings": [{"finding": "It drops", "claims": list(entries)}]}


def read(tmp_path, content):
    path = tmp_path / "claims.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sayz": 1}, "unknown key 'sayz'; did you mean 'says'?"),
        ({"verdict__direktion": 1}, "unknown key 'verdict.direktion'; did you mean 'direction'?"),
        ({"measure__form": {}}, "unknown key 'measure.form'; did you mean 'from'?"),
        ({"published__vale": 1}, "unknown key 'published.vale'; did you mean 'value'?"),
        ({"where": REMOVE}, "key 'where' is missing"),
        ({"measure__value": REMOVE}, "key 'measure.value' is missing"),
        (
            {"kind": "controll"},
            "kind: input should be 'published' or 'control', found 'controll'; did you mean 'control'?",
        ),
        (
            {"verdict__direction": "down"},
            "verdict.direction: input should be 'positive', 'negative' or 'zero', found 'down'",
        ),
        (
            {"published__as": "percent"},
            "published.as: input should be 'value', 'difference'",
        ),
        (
            {"published__value": "much"},
            "published.value: input should be a valid number",
        ),
        ({"published__sd": 0.1}, "published sd and n belong together"),
        ({"published__value": [2, 1]}, "published range [2.0, 1.0] must be [low, high]"),
        (
            {"verdict__within": -1},
            "verdict.within: input should be greater than or equal to 0, found -1",
        ),
        ({"verdict__within": REMOVE}, "a published claim needs verdict: within"),
        ({"published": REMOVE}, "a published claim needs published: {value: ...}"),
        ({"measure__to": REMOVE}, "from and to belong together"),
        ({"published__as": "value"}, "measure has from and to: say `as: difference`"),
        (
            {"measure__from": REMOVE, "measure__to": REMOVE},
            "as 'relative change' needs measure: from and to",
        ),
        ({"measure__as": "ratio"}, "measure.as is 'ratio' but published.as is 'relative change'"),
        ({"measure__select": {"rule": ["bp", "pc"]}}, "select lists several values of ['rule']"),
        (
            {"measure__across": {"rule": "max"}},
            "select lists several values of no column but across",
        ),
        (
            {"over": [{"name": "stimuli", "lower": "a", "upper": "b"}]},
            "over 'stimuli': the interval of the claim's own rows needs as `value`",
        ),
        ({"over": [{"name": "stimuli", "lower": "a"}]}, "lower and upper belong together"),
        ({"over": [{"name": "x"}]}, "a unit needs either column (one number a unit) or lower and"),
        ({"over": "stimuli"}, "over: 'stimuli' is no unit of the file; valid are seeds"),
        ({"over": "seed"}, "over: 'seed' is no unit of the file; did you mean 'seeds'?"),
        (
            {"published__as": "sign-flip p", "verdict__direction": "positive"},
            "a p-value must fall below its threshold: direction is negative",
        ),
        (
            {"published__as": "cohens d", "measure__minus": {"rule": "x"}},
            "cannot be combined with minus",
        ),
        ({"verdict__smallest": REMOVE}, "verdict says no size that would matter: give smallest"),
        ({"verdict__threshold": -0.2}, "verdict has threshold and smallest"),
        (
            {"verdict__smallest": REMOVE, "verdict__threshold": 0.0},
            "verdict.threshold is 0, where nothing is: give smallest",
        ),
        ({"verdict__smallest": 0.95}, "the published -0.9 itself does not lie beyond -0.95"),
        ({"published__value": 0.9}, "the published 0.9 itself does not lie beyond -0.1"),
        ({"measure__select": "nativ"}, "measure.select: 'nativ' is no selection of the file"),
        ({"needs": {"a": {"atleast": 3}}}, "needs.a"),
        (
            {"kind": "control", "verdict__within": REMOVE, "verdict__direction": "zero"},
            "direction zero needs verdict: within",
        ),
        ({"measure__less": "a", "measure__equals": "b"}, "less and equals exclude each other"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(changes, message, tmp_path):
    with pytest.raises(StudyError) as error:
        read(tmp_path, as_file(changed(**changes)))
    assert "claims.yaml: claim 'drop': " in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is no YAML (line 2: "),
        ("", "found NoneType, expected keys units, smallest, defaults"),
        ("[3]", "found list, expected keys units, smallest, defaults"),
        ("finding: 1", "unknown key 'finding'; did you mean 'findings'?"),
        ("defaults: {}", "findings: found NoneType, expected a list of"),
        (
            "findings: [{claims: []}]",
            "findings: found ['claims'], expected keys finding and claims",
        ),
        ("findings: []", "findings: there is no claim"),
        ("defaults: 3", "defaults: found int, expected a mapping"),
        ("selections: {a: 3}", "selections.a: expected columns and their values"),
        (
            "smallest: [{table: a}]",
            "smallest: {'table': 'a'} gives no size; expected one for value",
        ),
        ("smallest: [{value: 0}]", "smallest: value: found 0, expected a number > 0"),
        (as_file(3), "claim 1: found int, expected a mapping of keys"),
        (as_file({"kind": "control"}), "claim 1: key 'id' is missing"),
        (as_file(BASE, BASE), "claim 'drop': id is given more than once"),
        (
            as_file({"columns": ["a"], "rows": [[1, 2]], "claims": [BASE]}),
            "family of a: row [1, 2] has 2 cells, expected 1",
        ),
        (
            as_file({"columns": ["a"], "rows": [[1]], "claims": [changed(says="$b")]}),
            "family: '$b' is no column",
        ),
        (as_file({"rows": [[1]], "claims": []}), "a family has keys ['claims', 'rows'], expected"),
    ],
)
def test_a_file_that_is_no_claims_file(content, message, tmp_path):
    with pytest.raises(StudyError) as error:
        read(tmp_path, content)
    assert message in str(error.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(StudyError, match="there is no such file"):
        load(tmp_path / "claims.yaml")


def test_tables_are_listed_once(tmp_path):
    second = changed(id="b", measure__table="noise")
    third = changed(id="c")
    assert model.tables(read(tmp_path, as_file(BASE, second, third))) == {"scores", "noise"}


def test_what_a_file_says_once_is_said_of_each_claim(tmp_path):
    entry = {
        "id": "drop",
        "says": "It drops.",
        "where": "abstract",
        "published": {"value": -0.9, "as": "relative change"},
        "measure": {"select": ["early", {"rule": "bp"}], "from": "first", "to": {"epoch": "last"}},
        "verdict": {"direction": "negative", "within": 0.15},
        "over": "people",
    }
    content = as_file(
        entry,
        units={"people": {"column": "subject"}},
        smallest=[
            {"table": "scores", "rule": "fa", "relative change": 0.3},
            {"table": "scores", "relative change": 0.1, "difference": 0.2},
        ],
        defaults={
            "kind": "published",
            "measure": {"table": "scores", "value": "rho"},
            "data": "same",
        },
        selections={"early": {"roi": "early"}, "first": {"epoch": 0}},
    )
    (found,) = read(tmp_path, content)
    assert found == claim(finding="It drops", over=[{"name": "people", "column": "subject"}])


def test_half_the_published_effect_matters_where_that_is_smaller(tmp_path):
    entry = changed(published__value=-0.1, verdict__smallest=REMOVE)
    rule = {"table": "scores", "relative change": 0.1}
    (found,) = read(tmp_path, as_file(entry, smallest=[rule]))
    assert found.verdict.smallest == 0.05
    (control,) = read(
        tmp_path,
        as_file(
            {**entry, "kind": "control", "published": None},
            smallest=[{"table": "scores", "difference": 0.2}],
        ),
    )
    assert control.verdict.smallest == 0.2


def test_a_family_is_its_claims_once_for_each_row(tmp_path):
    template = changed(
        id="${pair}_drop",
        says="From $words it drops by ${drop}.",
        published={"value": "$drop", "as": "relative change"},
        measure__select={"pair": "$pair"},
    )
    content = as_file(
        {
            "columns": ["pair", "words", "drop"],
            "rows": [["a_b", "A to B", -0.4], ["a_c", "A to C", None], ["b_c", "B to C", -0.5]],
            "claims": [template],
        }
    )
    first, last = read(tmp_path, content)  # one has no number: it is left out
    assert (first.id, last.id) == ("a_b_drop", "b_c_drop")
    assert first.says == "From A to B it drops by -0.4."
    assert first.published.value == -0.4
    assert first.measure.select == {"pair": "a_b"}


def test_import_is_light(root):
    code = (
        "import sys, replicortex.verdicts.reading;"
        "print([m for m in ('numpy', 'pandas', 'scipy') if m in sys.modules])"
    )
    assert said(root, code) == "[]"


# --- The study's job -----------------------------------------------------------------------------


def judged(folder, table, paper, **changes):
    folder.mkdir()
    entry = changed(id=f"{paper}_drop", published__as="difference", verdict__smallest=0.01)
    (folder / "claims.yaml").write_text(yaml.safe_dump(as_file(entry)))
    table.to_csv(folder / "scores.csv", index=False)
    call = {
        "claims": folder / "claims.yaml",
        "tables": [folder / "scores.csv"],
        "paper": paper,
        "title": paper.capitalize(),
        "aliases": ALIASES,
        "facts": {},
        "absent": {},
        "synthetic": False,
    }
    return scorecard.judge(**{**call, **changes})


def test_a_papers_claims_are_judged(tmp_path, table):
    result = judged(tmp_path / "one", table, "one")
    assert list(result) == ["claims", "calibration", "scorecard", "pages"]
    assert list(result["claims"]["verdict"]) == ["replicated, smaller"]
    assert list(result["calibration"]["calibrated"]) == ["yes"]
    assert 0 < result["claims"]["met_at_boundary"].item() < 0.04
    assert len(result["pages"].figures) == 1
    assert result["scorecard"].get_figwidth() == pytest.approx(7.1)
    made_up = judged(tmp_path / "two", table, "two", synthetic=True)
    assert list(made_up["claims"]["verdict"]) == ["synthetic data: no verdict"]
    assert made_up["claims"]["met_at_boundary"].isna().all()


def test_the_overview_takes_every_paper(tmp_path, table):
    files = []
    for paper in ("one", "two"):
        files.append(tmp_path / f"{paper}.csv")
        judged(tmp_path / paper, table, paper)["claims"].to_csv(files[-1], index=False)
    titles = [("two", "The second"), ("one", "The first")]
    result = scorecard.overview(claims=files, titles=titles)
    assert list(result["claims"]["paper"]) == ["one", "two"]
    (ax,) = result["overview"].axes
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["The second: claims", "The first: claims"]
    assert [bar.get_width() for bar in ax.patches] == [1, 1]


def test_the_scorecard_says_which_table_is_missing(tmp_path, table):
    table.to_csv(tmp_path / "scored.csv", index=False)
    with pytest.raises(StudyError, match=r"table 'scores' is not among the tables of one .scored"):
        judged(tmp_path / "one", table, "one", tables=[tmp_path / "scored.csv"])
