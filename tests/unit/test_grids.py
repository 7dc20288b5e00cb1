"""Tables of two ways in texts: claims by direction and system, means by row and column."""

from types import SimpleNamespace

import pandas as pd
import pytest

from replicortex.core.errors import StudyError
from replicortex.core.table_schema import Column
from replicortex.report.grids import directions, means
from replicortex.verdicts import words
from replicortex.verdicts.measure import Table


def row(ours, verdict):
    """Return a judged claim, its interval .01 to both sides."""
    return {
        "ours": ours,
        "as": "value",
        "lower": ours - 0.01,
        "upper": ours + 0.01,
        "lower_also": float("nan"),
        "upper_also": float("nan"),
        "verdict": verdict,
    }


ROWS = {
    "a_up": row(0.2, words.REPLICATED + words.ON_OTHER_DATA),
    "b_up": row(-0.1, words.CONTRADICTED),
    "a_down": row(0.3, words.UNCALIBRATED),
    "b_down": row(float("nan"), words.NEEDS_RUN),
    "c_down": row(float("nan"), words.NEEDS_RUN),
    "b_first": row(0.4, words.SMALLER),
    "b": row(0.5, words.HOLDS),
    "a_late": row(float("nan"), words.NEEDS_RUN),
    "c_late": row(float("nan"), words.NOT_TESTABLE),
}


def cells(text):
    """Return a Markdown table without its line of dashes, cell by cell."""
    lines = [line.strip("|").split("|") for line in text.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[:1] + lines[2:]]


def test_a_direction_has_a_verdict_for_each_system_and_a_count():
    asked = {"goes up": "{}_up", "goes down": "{}_down"}
    made = cells(directions(ROWS, asked, {"A": "a", "B": "b", "C": "c", "D": None}))
    assert made == [
        ["direction", "A", "B", "C", "D", "holds in"],
        ["goes up", "✔ 0.2 [0.19, 0.21]", "✘ −0.1 [−0.11, −0.09]", "", "", "1 of 2"],
        ["goes down", "0.3 [0.29, 0.31], fails its calibration", "–", "–", "", "none judged"],
    ]


def test_a_direction_without_a_kept_number_says_so():
    made = cells(directions(ROWS, {"goes down": "{}_down"}, {"B": "b", "C": "c"}))
    assert made[1:] == [["goes down", "–", "–", "not in the kept run"]]
    made = cells(directions(ROWS, {"late": "{}_late"}, {"A": "a", "C": "c"}))
    assert made[1:] == [["late", "–", "not testable here", "none judged"]]


def test_the_first_key_that_gives_a_claim_counts():
    asked = {"up": "{}_up", "itself": "{}"}
    made = cells(directions(ROWS, asked, {"B": ["b_first", "b"]}))
    assert made[1:] == [
        ["up", "✘ −0.1 [−0.11, −0.09]", "0 of 1"],
        ["itself", "▾ 0.4 [0.39, 0.41]", "1 of 1"],
    ]


@pytest.mark.parametrize(
    ("asked", "columns", "said"),
    [
        ({"up": "{}_upp"}, {"A": "a"}, r"no claim of any column.*'\{\}_upp' of 'up'"),
        ({"up": "{}_up"}, {"A": "a", "Z": "z"}, "no direction has a claim with the key 'z' of 'Z'"),
        ({"up": "a_up"}, {"A": "a"}, r"'a_up': one \{\} expected"),
    ],
)
def test_a_direction_or_a_system_without_any_claim_is_told(asked, columns, said):
    with pytest.raises(StudyError, match=said):
        directions(ROWS, asked, columns)


@pytest.fixture
def source():
    """A paper with one kept table of two, which lacks a column of today."""
    kept = pd.DataFrame(
        {
            "net": ["a", "a", "b", "b", "b"],
            "rule": ["hot", "hot", "hot", "best", "best"],
            "score": [1.0, 2.0, -0.5, float("nan"), float("nan")],
            "units": [4096, 4096, 12, 15, 15],
        }
    )
    columns = {name: Column(kind="words") for name in ("net", "rule", "noise", "score", "units")}
    return SimpleNamespace(
        name="paper",
        files={"scores": None},
        declared_tables={"scores": columns, "stages": columns},
        table=lambda name: {"scores": Table(kept)}[name],
    )


SCORES = {"HOT": ("score", {"rule": "hot"}), "best": ("score", {"rule": "best"})}


def test_a_mean_is_over_the_rows_of_its_row_and_column(source):
    made = cells(means(source, "scores", {"A": {"net": "a"}, "B": {"net": "b"}}, SCORES))
    assert made == [["", "HOT", "best"], ["A", "1.50 ± 0.71", "–"], ["B", "−0.500", "no number"]]


def test_a_large_mean_is_whole(source):
    made = means(source, "scores", {"A": {"net": "a"}, "B": {"net": "b"}}, {"of": ("units", {})})
    assert cells(made)[1:] == [["A", "4,096 ± 0"], ["B", "14.0 ± 1.7"]]


def test_what_the_kept_run_lacks_is_named_below_the_means(source):
    rows = {"A": {"net": "a"}, "loud": {"net": "a", "noise": "6"}, "C": {"net": "c"}}
    made = means(source, "scores", rows, SCORES)
    assert [line[0] for line in cells(made)] == ["", "A"]
    assert made.endswith("\n\nNot in the kept run: loud; C.")
    assert means(source, "stages", {"A": {}}, SCORES) == "Not in the kept run: A."


@pytest.mark.parametrize(
    ("table", "row", "column", "said"),
    [
        ("score", {}, "score", "no table 'score'.*scores"),
        ("scores", {"nett": "a"}, "score", "scores has no column 'nett'.*net"),
        ("scores", {}, "scor", "scores has no column 'scor'.*score"),
    ],
)
def test_a_table_or_column_that_no_run_has_is_told(source, table, row, column, said):
    with pytest.raises(StudyError, match=said):
        means(source, table, {"A": row}, {"mean": (column, {})})
