"""Published numbers for figures: those that claims quote as a value at one place."""

import yaml

from replicortex.verdicts.quoted import quoted
from replicortex.verdicts.reading import load


def claim(name, published, measure=(), **changes):
    place = {"table": "t", "select": {"rho": 0.2, "word": "w"}, "value": "v", **dict(measure)}
    return {
        "id": name,
        "kind": "published",
        "says": "It is so.",
        "where": "Figure 1",
        "published": published,
        "measure": place,
        "verdict": {"direction": "positive", "within": 1, "smallest": 0.1},
        "data": "same",
        **changes,
    }


def test_values_at_one_place_are_quoted_and_nothing_else(tmp_path):
    ends = {"from": {"epoch": 0}, "to": {"epoch": 1}}
    several = {"select": {"rho": [1, 2]}, "across": {"rho": "max"}}
    listed = [
        claim("value", {"value": 0.5, "as": "value"}),
        claim("range", {"value": [0.5, 0.6], "as": "value"}),
        claim("difference", {"value": 0.5, "as": "difference"}, ends),
        claim("less another", {"value": 0.5, "as": "value"}, {"minus": {"word": "x"}}),
        claim("largest", {"value": 0.5, "as": "value"}, several),
        claim("control", {"value": 0.5, "as": "value"}, kind="control"),
    ]
    (tmp_path / "claims.yaml").write_text(
        yaml.safe_dump({"findings": [{"finding": "It is so", "claims": listed}]})
    )
    assert quoted(load(tmp_path / "claims.yaml")) == [
        {"rho": 0.2, "word": "w", "table": "t", "column": "v", "published": 0.5}
    ]
