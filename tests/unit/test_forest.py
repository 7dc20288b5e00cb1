"""Published numbers and ours as shares of the published effect."""

import math

import pandas as pd
import pytest

from replicortex.verdicts import forest

ROW = {
    "paper": "one",
    "finding": "a finding",
    "id": "a",
    "kind": "published",
    "says": "It falls.",
    "as": "difference",
    "direction": "negative",
    "published_low": -0.4,
    "published_high": -0.4,
    "predicted_low": math.nan,
    "predicted_high": math.nan,
    "within": 0.1,
    "ours": -0.2,
    "lower": -0.3,
    "upper": -0.1,
    "verdict": "replicated on other data",
}


def row(**changes):
    return {**ROW, **changes}


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({}, 0.5),
        ({"published_low": -0.6}, 0.5),  # of a range the end nearer to nothing
        ({"as": "ratio", "published_low": 0.5, "published_high": 0.5, "ours": 0.75}, 0.5),
        ({"direction": "positive"}, math.nan),  # "not below": no effect to have a share of
        ({"published_low": -math.inf}, math.nan),
        ({"direction": "zero"}, math.nan),
        ({"as": "sign-flip p"}, math.nan),
        ({"published_low": 0.0, "published_high": 0.0}, math.nan),
        ({"published_low": math.nan, "published_high": math.nan}, math.nan),
    ],
)
def test_a_share_is_of_the_published_effect(changes, share):
    one = row(**changes)
    assert forest.share(one, one["ours"]) == pytest.approx(share, nan_ok=True)


def test_ends_are_in_order_and_the_band_is_the_papers():
    (told,) = forest.leading(pd.DataFrame([row()])).to_dict("records")
    assert (told["lower"], told["upper"]) == pytest.approx((0.25, 0.75))
    assert (told["expected_low"], told["expected_high"]) == pytest.approx((0.75, 1.25))
    assert told["expected"] == "tolerated"
    known = row(predicted_low=-0.6, predicted_high=-0.2)
    (told,) = forest.leading(pd.DataFrame([known])).to_dict("records")
    assert (told["expected_low"], told["expected_high"]) == pytest.approx((0.5, 1.5))
    assert told["expected"] == "predicted"


def test_the_first_judged_claim_of_a_finding_stands_for_it():
    rows = [
        row(id="zero", direction="zero"),
        row(id="silent", verdict="fails its calibration: no verdict"),
        row(id="judged"),
        row(id="later"),
        row(id="control", kind="control", finding="another"),
        row(id="alone", finding="another", verdict="needs a new run: no verdict", ours=math.nan),
    ]
    table = pd.DataFrame(rows)
    assert list(forest.leading(table)["id"]) == ["judged"]
    assert forest.counted(table, ["one", "none"]) == {"one": (1, 2), "none": (0, 0)}


def test_the_figure_has_a_row_for_each_claim_and_an_arrow_for_what_lies_beyond():
    rows = [row(), row(id="b", finding="b", ours=-8.0, lower=-9.0, upper=-7.0)]
    figure = forest.draw_forest(forest.leading(pd.DataFrame(rows)), {"one": "One"})
    (ax,) = figure.axes
    assert len(ax.get_yticks()) == 2
    markers = [line.get_marker() for line in ax.get_lines()]
    assert markers.count("D") == 2 and markers.count("o") == 1 and markers.count(">") == 1


def test_without_a_claim_the_panel_is_empty():
    figure = forest.draw_forest(forest.leading(pd.DataFrame([row(direction="zero")])), {})
    assert len(figure.axes) == 1
