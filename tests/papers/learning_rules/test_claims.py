"""What the paper's claims must say, whatever their numbers are."""

from pathlib import Path

import pytest
from tests.papers.learning_rules import made_up_tables

from replicortex.verdicts.evaluation import Table
from replicortex.verdicts.intervals import estimate
from replicortex.verdicts.measure import compiled, stated
from replicortex.verdicts.reading import load

CLAIMS = load(Path(__file__).parents[3] / "workflow/papers/learning_rules/claims.yaml")


def modes(claim):
    """Modes of BatchNorm that a claim's two sides have."""
    measure = claim.measure
    parts = (measure.from_, measure.to, measure.minus)
    sides = [{**measure.select, **part} for part in parts if part]
    if measure.minus is None or measure.from_ is None:
        return {side.get("bn") for side in sides}
    return {measure.select.get("bn"), {**measure.select, **measure.minus}.get("bn")}


def rules(claim):
    measure = claim.measure
    parts = (measure.select, measure.from_, measure.to, measure.minus)
    return {part["rule"] for part in parts if part and "rule" in part}


def test_each_published_comparison_of_rules_stands_beside_those_in_one_mode():
    by_id = {claim.id: claim for claim in CLAIMS}
    mixed = [c for c in CLAIMS if c.kind == "published" and len(rules(c)) > 1]
    assert len(mixed) == 10
    for claim in mixed:
        assert modes(claim) == {"running", "batch"}, claim.id
        for mode in ("running", "batch"):
            one = by_id[f"{claim.id.removesuffix('_difference')}_{mode}"]
            assert one.kind == "control" and modes(one) == {mode}, one.id
            assert rules(one) == rules(claim)


def test_controls_on_other_data_rest_on_a_layer_that_carries_signal():
    """conv1 averaged over space is near 0 on the 92 objects: it can lose nothing there."""
    pooled = {"roi": "early", "layer": "conv1", "pooling": "global"}.items()
    found = [
        claim.id
        for claim in CLAIMS
        if claim.kind == "control"
        and pooled <= claim.measure.select.items()
        and claim.needs.get("stimuli") != "things"
    ]
    assert found == []
    there = {claim.id for claim in CLAIMS}
    asked = [claim for claim in CLAIMS if pooled <= claim.measure.select.items()]
    assert len(asked) == 10
    assert {f"{claim.id}_grid" for claim in asked} <= there


def test_both_intervals_of_a_claim_are_of_the_same_number():
    """Over stimuli and people another table is read: it must hold what the claim's own rows give."""
    epochs, px = (0, 1, 2, 5, 10), {"train": 32, "large": 224}
    sizes = {"rois": ("EVC", "IT"), "seeds": (42, 123, 456), "epochs": epochs}
    tables = {name: Table(table) for name, table in made_up_tables.make(**sizes).items()}
    aliases = {"roi": {"early": "EVC", "late": "IT"}, "px": px, "epoch": {"last": 10}}
    both = [claim for claim in CLAIMS if len(claim.over) == 2]
    assert len(both) > 30
    for claim in both:
        cells = compiled(claim, tables, aliases)
        ours = float(estimate(claim, cells, cells.cells).ours)
        other = stated(claim, claim.over[1], tables, aliases).ours
        # Relative changes are ratios of means in the made-up tables, means of ratios in claims.
        close = 0.02 if claim.as_ == "relative change" else 1e-9
        assert other == pytest.approx(ours, abs=close), claim.id
