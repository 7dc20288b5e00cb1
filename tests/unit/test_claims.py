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
from replicortex.verdicts import claims as module
from replicortex.verdicts import scorecard
from replicortex.verdicts.claims import (
    Claim,
    Estimate,
    evaluate,
    judge,
    load,
)

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
    "verdict": {"direction": "negative", "within": 0.15, "interval": "seeds"},
    "data": "same",
    "testable_from": "small",
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


def one(entry, table, *, scale="small", synthetic=False, name="scores"):
    found = evaluate(
        [Claim.model_validate(entry)],
        {name: table},
        aliases=ALIASES,
        scale=scale,
        synthetic=synthetic,
        paper="p",
    )
    assert list(found.columns) == list(module.COLUMNS)
    return found.iloc[0]


def seeds_of(table, **selection):
    for column, value in selection.items():
        table = table[table[column] == value]
    return table.set_index("seed")["rho"].sort_index()


# --- Verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "ours", "half", "verdict"),
    [
        ("negative", -0.90, 0.05, "replicated"),
        (
            "negative",
            -0.75,
            0.05,
            "replicated",
        ),  # exactly at the tolerance, though 0.9 - 0.75 > 0.15
        ("negative", -1.05, 0.05, "replicated"),
        ("negative", -0.7499, 0.05, "partly replicated"),
        ("negative", -0.20, 0.1999, "partly replicated"),
        ("negative", -0.20, 0.20, "inconclusive"),  # the interval touches 0
        ("negative", -0.90, 0.95, "inconclusive"),
        ("negative", 0.10, 0.2, "inconclusive"),
        ("negative", 0.10, 0.05, "not replicated"),
        ("positive", -0.90, 0.05, "not replicated"),
        ("positive", 0.20, 0.1, "partly replicated"),
    ],
)
def test_verdict_of_a_published_claim(direction, ours, half, verdict):
    entry = claim(verdict__direction=direction)
    estimate = Estimate(ours, 0.1, 5, ours - half, ours + half)
    assert judge(entry, estimate, "small")[0] == verdict


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (-0.90, "replicated on other data"),
        (-0.10, "replicated on other data"),
        (0.10, "not replicated on other data"),
        (0.01, "inconclusive on other data"),
    ],
)
def test_other_data_judges_the_direction_alone(ours, verdict):
    found, reason = judge(
        claim(data="other"), Estimate(ours, 0.1, 5, ours - 0.05, ours + 0.05), "small"
    )
    assert found == verdict
    assert "only the direction is judged" in reason


def test_data_may_differ_by_scale():
    entry = claim(data={"full": "same", "small": "other"})
    estimate = Estimate(-0.9, 0.1, 5, -0.95, -0.85)
    assert judge(entry, estimate, "full")[0] == "replicated"
    assert judge(entry, estimate, "small")[0] == "replicated on other data"
    assert claim(data={"full": "same"}).data_at("small") == "other"


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (-0.05, 0.05, "replicated"),
        (-0.15, 0.15, "replicated"),
        (-0.15, 0.151, "inconclusive"),
        (0.14, 0.30, "inconclusive"),
        (0.151, 0.30, "not replicated"),
        (-0.4, -0.2, "not replicated"),
    ],
)
def test_zero_is_a_test_of_equivalence(lower, upper, verdict):
    entry = claim(verdict__direction="zero", published__value=0)
    assert judge(entry, Estimate((lower + upper) / 2, 0.1, 5, lower, upper), "small")[0] == verdict


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (-0.9, -0.51, "holds"),
        (-0.9, -0.5, "inconclusive"),
        (-0.6, -0.4, "inconclusive"),
        (-0.49, -0.1, "does not hold"),
        (0.1, 0.2, "does not hold"),
    ],
)
def test_a_control_has_its_own_threshold(lower, upper, verdict):
    entry = claim(kind="control", verdict__threshold=-0.5)
    estimate = Estimate((lower + upper) / 2, 0.1, 5, lower, upper)
    assert judge(entry, estimate, "small")[0] == verdict


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.04, "replicated"), (0.05, "not replicated"), (0.2, "not replicated")]
)
def test_an_exact_number_has_no_inconclusive(value, verdict):
    entry = claim(
        published={"value": 0.03, "as": "value"},
        measure__from=REMOVE,
        measure__to=REMOVE,
        verdict={"direction": "negative", "threshold": 0.05, "within": 0.01, "interval": "none"},
    )
    assert judge(entry, Estimate(value, math.nan, 0, value, value), "small")[0] == verdict


def test_the_neutral_ratio_is_one():
    entry = claim(published={"value": 0.5, "as": "ratio"})
    assert judge(entry, Estimate(0.5, 0.1, 5, 0.4, 0.6), "small")[0] == "replicated"
    assert judge(entry, Estimate(0.9, 0.1, 5, 0.7, 1.1), "small")[0] == "inconclusive"
    assert judge(entry, Estimate(1.5, 0.1, 5, 1.4, 1.6), "small")[0] == "not replicated"


@pytest.mark.parametrize("ours", [-0.31, -0.25, -0.28])
def test_a_published_range_has_no_distance_inside(ours):
    entry = claim(published__value=[-0.31, -0.25], verdict__within=0.0)
    assert (
        judge(entry, Estimate(ours, 0.1, 5, ours - 0.01, ours + 0.01), "small")[0] == "replicated"
    )


def test_distance_from_a_range_is_to_its_nearer_end():
    published = claim(published__value=[5, math.inf]).published
    assert published.distance(4.0) == -1.0
    assert published.distance(50.0) == 0.0
    assert published.text() == "at least 5"
    assert claim(published__value=[-0.31, -0.25]).published.distance(-0.2) == pytest.approx(0.05)


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_seeds_give_no_verdict(n, table):
    row = one(changed(), table[table["seed"] <= n])
    assert row["verdict"] == "fewer than 3 seeds: no verdict"
    assert row["n"] == n
    assert row["ours"] < 0


def test_synthetic_data_give_no_verdict_whatever_the_numbers(table):
    for entry in (changed(), changed(verdict__direction="positive"), changed(kind="control")):
        row = one(entry, table, synthetic=True)
        assert row["verdict"] == "synthetic data: no verdict"
        assert row["ours"] == one(entry, table)["ours"]


def test_below_its_scale_a_claim_is_not_testable(table):
    row = one(changed(testable_from="full"), table)
    assert row["verdict"] == "not testable at this scale"
    assert math.isnan(row["ours"])
    assert row["reason"] == "testable from scale full"
    only = changed(testable_from=["small"])
    assert one(only, table)["verdict"] != "not testable at this scale"
    assert one(only, table, scale="full")["reason"] == "testable at scale small alone"


def test_below_its_scale_synthetic_cells_may_be_absent_but_columns_may_not(table):
    absent = changed(testable_from="full", measure__select={"rule": "bp", "roi": "V4"})
    row = one(absent, table, synthetic=True, scale="demo")
    assert row["verdict"] == "synthetic data: no verdict"
    assert math.isnan(row["ours"])
    with pytest.raises(StudyError, match="'rhoo' is no column"):
        one(changed(measure__value="rhoo"), table, synthetic=True, scale="demo")


# --- Our numbers ---------------------------------------------------------------------------------


def test_relative_change_is_taken_seed_by_seed(table):
    row = one(changed(), table)
    start, end = (seeds_of(table, rule="bp", roi="V1", epoch=e) for e in (0, 2))
    expected = end / start - 1
    interval = stats.ttest_1samp(expected, 0).confidence_interval(0.95)
    assert row["ours"] == pytest.approx(expected.mean())
    assert row["sd"] == pytest.approx(expected.std(ddof=1))
    assert (row["lower"], row["upper"]) == pytest.approx((interval.low, interval.high))
    assert row["n"] == 4
    assert row["difference"] == pytest.approx(expected.mean() + 0.9)


@pytest.mark.parametrize(
    ("as_", "formula"),
    [("difference", lambda a, b: b - a), ("ratio", lambda a, b: b / a)],
)
def test_other_comparisons_of_two(as_, formula, table):
    row = one(changed(published={"value": 1, "as": as_}), table)
    expected = formula(*(seeds_of(table, rule="bp", roi="V1", epoch=e) for e in (0, 2)))
    assert row["ours"] == pytest.approx(expected.mean())
    assert row["as"] == as_


def test_minus_subtracts_the_same_quantity_elsewhere(table):
    entry = changed(published={"value": 0, "as": "difference"}, measure__minus={"rule": "pc"})
    change = {
        rule: seeds_of(table, rule=rule, roi="V1", epoch=2)
        - seeds_of(table, rule=rule, roi="V1", epoch=0)
        for rule in ("bp", "pc")
    }
    row = one(entry, table)
    assert row["ours"] == pytest.approx((change["bp"] - change["pc"]).mean())
    assert row["lower"] == pytest.approx(
        stats.ttest_1samp(change["bp"] - change["pc"], 0).confidence_interval().low
    )


@pytest.mark.parametrize("how", ["min", "max", "mean"])
def test_across_reduces_within_each_seed(how, table):
    entry = changed(
        measure__select={"rule": ["bp", "pc"], "roi": "V1"}, measure__across={"rule": how}
    )
    both = pd.concat(
        [
            seeds_of(table, rule=rule, roi="V1", epoch=2)
            / seeds_of(table, rule=rule, roi="V1", epoch=0)
            - 1
            for rule in ("bp", "pc")
        ],
        axis=1,
    )
    assert one(entry, table)["ours"] == pytest.approx(both.agg(how, axis=1).mean())


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
    assert module._equal(pd.Series(column), value).tolist() == matches


@pytest.mark.parametrize("value", [1, 1.0, "1.0"])
def test_equals_counts_a_number_however_it_is_written(table, value):
    table["winner"] = table["seed"].map({1: 1.0, 2: 1.0, 3: 0.0, 4: 0.0})
    entry = changed(
        published={"value": 0.5, "as": "value"},
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
        verdict={"direction": "positive", "threshold": 0.5, "within": 0, "interval": "none"},
    )
    row = one(entry, table)
    assert row["ours"] == 0.75
    assert row["verdict"] == "partly replicated"


def test_less_subtracts_a_column(table):
    table = table.assign(other=0.03)
    entry = changed(
        published={"value": 0, "as": "value"},
        measure={**AT_START, "value": "rho", "less": "other"},
    )
    expected = seeds_of(table, rule="bp", roi="V1", epoch=0).mean() - 0.03
    assert one(entry, table)["ours"] == pytest.approx(expected)


def test_a_row_without_seed_stands_beside_every_seed(table):
    untrained = pd.DataFrame([{"rule": "luminance", "roi": "V1", "rho": 0.2}])
    table = pd.concat([table, untrained], ignore_index=True)
    entry = changed(
        published={"value": 0, "as": "difference"},
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
            "lower": "lo",
            "upper": "hi",
        },
        verdict={"direction": "positive", "within": 0.01, "interval": "table"},
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
    )
    bp, pc = (seeds_of(table, rule=rule, roi="V1", epoch=2) for rule in ("bp", "pc"))
    d = (pc.mean() - bp.mean()) / np.sqrt((pc.var(ddof=1) + bp.var(ddof=1)) / 2)
    row = one(entry, table)
    assert row["ours"] == pytest.approx(d)
    t = stats.ttest_ind(pc, bp).statistic
    assert t == pytest.approx(d * np.sqrt(2))
    for bound, tail in ((row["lower"], 0.975), (row["upper"], 0.025)):
        assert stats.nct.cdf(t, 6, bound * np.sqrt(2)) == pytest.approx(tail, abs=1e-9)


def test_sign_flip_of_few_seeds_is_inconclusive(table):
    entry = changed(
        published={"value": 0.03125, "as": "sign-flip p"},
        measure__from={"epoch": 2},
        measure__to={"epoch": 0},
        verdict={"direction": "negative", "threshold": 0.05, "within": 0.001, "interval": "none"},
    )
    row = one(entry, table)
    assert row["ours"] == 1 / 16
    assert row["verdict"] == "inconclusive"
    assert row["reason"] == "with 4 seeds p cannot fall below 0.0625"
    five = pd.concat([table, table[table["seed"] == 1].assign(seed=5)])
    assert one(entry, five)["verdict"] == "replicated"


def test_a_start_at_or_below_zero_has_no_relative_change(table):
    table.loc[(table["seed"] == 3) & (table["epoch"] == 0), "rho"] = -0.01
    row = one(changed(), table)
    assert row["verdict"] == "inconclusive"
    assert row["reason"] == (
        "no relative change: the starting value is not above 0 in 1 of 4 seeds"
    )


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
                "verdict__interval": "table",
                "published__as": "value",
                "measure__from": REMOVE,
                "measure__to": REMOVE,
                "measure__lower": "lo",
                "measure__upper": "rho",
            },
            "measure.lower: 'lo' is no column",
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
    assert row["verdict"] == "inconclusive"
    assert math.isnan(row["ours"])
    assert row["reason"] == (
        "no number: 1 of 4 selected numbers in column 'rho' of table 'scores' are missing or infinite"
    )


def test_a_seed_on_one_side_only_is_an_error(table):
    table = table[~((table["seed"] == 2) & (table["epoch"] == 2))]
    with pytest.raises(StudyError, match=r"measure.from: seed 2 stands on one side"):
        one(changed(), table)


def test_a_table_without_seeds_needs_another_interval(table):
    with pytest.raises(StudyError, match="has no column 'seed'; expected 'table' or 'none'"):
        one(changed(), table.drop(columns="seed"))
    exact = changed(verdict__interval="none")
    with pytest.raises(StudyError, match="gives 4 rows of table 'scores', expected one row"):
        one(exact, table.drop(columns="seed"))


def test_an_unknown_scale_is_an_error(table):
    with pytest.raises(StudyError, match="found 'tiny', expected one of demo, small, full"):
        one(changed(), table, scale="tiny")


# --- Messages of the file ------------------------------------------------------------------------


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
            "kind: found 'controll', expected 'published' or 'control'; did you mean 'control'?",
        ),
        (
            {"verdict__direction": "down"},
            "verdict.direction: found 'down', expected 'positive', 'negative' or 'zero'",
        ),
        (
            {"published__as": "percent"},
            "published.as: found 'percent', expected 'value', 'difference'",
        ),
        (
            {"published__value": "much"},
            "published.value: found 'much', expected a number or a range [low, high]",
        ),
        ({"published__value": [2, 1]}, "published range [2.0, 1.0] must be [low, high]"),
        ({"verdict__within": -1}, "verdict.within: found -1;"),
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
            {"verdict__interval": "table"},
            "interval `table` needs as `value` and measure: lower and upper",
        ),
        ({"published__as": "sign-flip p"}, "a p-value has no interval: say `interval: none`"),
        ({"published__as": "cohens d", "measure__minus": {}, "measure__select": {}}, ""),
        ({"testable_from": "large"}, "testable_from: found 'large'"),
        (
            {"kind": "control", "verdict__within": REMOVE, "verdict__direction": "zero"},
            "direction zero needs verdict: within",
        ),
        ({"measure__less": "a", "measure__equals": "b"}, "less and equals exclude each other"),
        ({"measure__lower": "a"}, "lower and upper belong together"),
    ],
)
def test_what_is_wrong_in_the_file_is_said(changes, message, tmp_path):
    if not message:
        assert read(tmp_path, [changed(**changes)])
        return
    with pytest.raises(StudyError) as error:
        read(tmp_path, [changed(**changes)])
    assert f"claims.yaml: claim 'drop': {''}" in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is no YAML (line 2: "),
        ("", "found NoneType, expected a list of claims"),
        ("a: 1", "found dict, expected a list of claims"),
        ("[3]", "claim 1: found int, expected a mapping of keys"),
        ([{"kind": "control"}], "claim 1: key 'id' is missing"),
        ([BASE, BASE], "claim 'drop': id is given more than once"),
    ],
)
def test_a_file_that_is_no_list_of_claims(content, message, tmp_path):
    with pytest.raises(StudyError) as error:
        read(tmp_path, content)
    assert message in str(error.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(StudyError, match="there is no such file"):
        load(tmp_path / "claims.yaml")


def test_tables_are_listed_once(tmp_path):
    second = changed(id="b", measure__table="noise")
    third = changed(id="c")
    assert module.tables(read(tmp_path, [BASE, second, third])) == {"scores", "noise"}


def test_import_is_light(root):
    code = (
        "import sys, replicortex.verdicts.claims;"
        "print([m for m in ('numpy', 'pandas', 'scipy') if m in sys.modules])"
    )
    assert said(root, code) == "[]"


# --- The study's job -----------------------------------------------------------------------------


def judged(folder, table, paper, **changes):
    folder.mkdir()
    (folder / "claims.yaml").write_text(yaml.safe_dump([changed(id=f"{paper}_drop")]))
    table.to_csv(folder / "scores.csv", index=False)
    call = {
        "claims": folder / "claims.yaml",
        "tables": [folder / "scores.csv"],
        "paper": paper,
        "title": paper.capitalize(),
        "aliases": ALIASES,
        "scale": "small",
        "synthetic": False,
    }
    return scorecard.judge(**{**call, **changes})


def test_a_papers_claims_are_judged(tmp_path, table):
    result = judged(tmp_path / "one", table, "one")
    assert list(result) == ["claims", "scorecard"]
    assert list(result["claims"]["verdict"]) == ["partly replicated"]
    assert result["scorecard"].get_figwidth() == pytest.approx(7.1)
    made_up = judged(tmp_path / "two", table, "two", synthetic=True)
    assert list(made_up["claims"]["verdict"]) == ["synthetic data: no verdict"]


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
