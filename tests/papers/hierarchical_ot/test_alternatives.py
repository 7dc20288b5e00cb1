"""Other ways to match layers, on layers whose match is known."""

import numpy as np
import pytest

from papers.hierarchical_ot.alternatives import compare
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers


def draw(*shape, seed=0):
    return generator(seed, "test", *shape).normal(size=shape)


def test_every_method_finds_a_turned_copy_of_each_layer():
    source = [draw(100, 6, seed=n) for n in range(3)]
    turned = [x @ np.linalg.qr(draw(6, 6, seed=n))[0] for n, x in enumerate(source)]
    rows = {row["method"]: row for row in compare(source, turned, np.arange(20), 0.01)}
    for method in ("CKA", "Procrustes", "ridge"):
        assert rows[method]["depth correlation"] == pytest.approx(1)
        assert rows[method]["hubness of greedy"] == 1
        assert rows[method]["score"] == rows[method]["greedy score"]
    assert rows["ridge"]["own score"] > 0.99
    assert rows["ridge"]["own score"] > rows["ridge"]["score"] + 0.2


def test_all_units_at_once_find_units_in_any_layer():
    """Layers that are cut at other places: one transport does not mind, a plan between layers does."""
    units = draw(100, 12)
    source, target = np.split(units, 3, axis=1), np.split(units, 2, axis=1)
    rows = {row["method"]: row for row in compare(source, target, np.arange(20), 0.01)}
    assert rows["all units"]["own score"] == pytest.approx(1)
    assert rows["soft matching"]["score"] < 0.9


def test_a_layer_whose_stimuli_are_equally_far_apart_has_no_rsa_and_is_counted():
    source = [draw(100, 6, seed=n) for n in range(2)]
    plain = {row["method"]: row for row in compare(source, source, np.arange(20), 0.01)}
    assert [row["constant RDMs"] for row in plain.values()] == [0] * len(plain)
    # One unit for each training stimulus: any two correlate by -1/79, but for rounding.
    apart = np.concatenate([draw(20, 80), np.eye(80)])
    rows = compare(source, [source[0], apart], np.arange(20), 0.01)
    rows = {row["method"]: row for row in rows}
    assert rows["RSA"] == {"method": "RSA", "constant RDMs": 1, "undefined": 0}
    assert all(np.isfinite(rows[method]["score"]) for method in ("CKA", "Procrustes"))
    # Ridge learns nothing from units that each answer one stimulus: 2 source layers of 6 units.
    assert rows["ridge"] == {"method": "ridge", "constant RDMs": 0, "undefined": 12}


def test_a_unit_without_a_correlation_is_counted_and_left_out():
    source = [draw(100, 6, seed=n) for n in range(2)]
    source[1][:20, 2] = 0.5  # constant over the held-out stimuli
    rows = compare(source, source, np.arange(20), 0.01)
    assert {row["method"]: row["undefined"] for row in rows} == {
        **dict.fromkeys(("soft matching", "CKA", "RSA", "Procrustes"), 2),  # plan and greedy
        "ridge": 3,
        "all units": 1,
    }
    assert rows[-1]["own score"] == pytest.approx(1)
