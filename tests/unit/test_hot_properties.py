"""What no order, number of copies or width of units may change, on layers that hypothesis draws."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replicortex.analysis.hot import hot
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers

STIMULI, HELD = 60, np.arange(48, 60)
often = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
seeds = st.integers(0, 10**6)
widths = st.integers(1, 7)
copies = st.integers(2, 3)


def layers(seed, *units):
    """Layers that share latents with those of every other seed, so that some units are alike."""
    latents = generator(1, "latents").normal(size=(STIMULI, 4))
    rng = generator(seed, "layers", *units)
    return [latents @ rng.normal(size=(4, n)) + 0.5 * rng.normal(size=(STIMULI, n)) for n in units]


def ordered(seed, units):
    return generator(seed, "order").permutation(units)


def compared(source, target, rotate):
    """Return inner costs, the outer plan and the held-out score of a match."""
    found = hot(source, target, held_out=HELD, rotate=rotate, steps=500)
    return found.cost, found.outer, found.score(found.outer)


def assert_same(one, other, atol=1e-9):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


@often
@given(seeds, widths, widths, st.booleans())
def test_the_order_of_units_changes_nothing(seed, n, m, rotate):
    source, target = layers(seed, n, m), layers(seed + 1, m, n)
    turned = [[x[:, ordered(k, x.shape[1])] for k, x in enumerate(s)] for s in (source, target)]
    assert_same(compared(source, target, rotate), compared(*turned, rotate), 1e-6)


@often
@given(seeds, widths, widths, copies)
def test_copies_of_all_units_change_nothing_without_a_rotation(seed, n, m, count):
    source, target = layers(seed, n, m), layers(seed + 1, m, n)
    doubled = [np.repeat(x, count, axis=1) for x in target]
    one, other = compared(source, target, False), compared(source, doubled, False)
    assert_same(one, other)
    back = hot(doubled, source, held_out=HELD)
    np.testing.assert_allclose(back.cost, one[0].T, atol=1e-9)


@often
@given(seeds, widths, widths, copies)
def test_the_mass_of_copies_adds_up_to_that_of_their_unit(seed, n, m, count):
    (source,), (target,) = layers(seed, n), layers(seed + 1, m)
    plain = hot([source], [target], held_out=HELD).matches[0][0].plan.toarray()
    doubled = np.repeat(target, count, axis=1)
    plan = hot([source], [doubled], held_out=HELD).matches[0][0].plan.toarray()
    np.testing.assert_allclose(plan.reshape(n, m, count).sum(axis=2), plain, atol=1e-9)


@often
@given(seeds, st.integers(2, 7), copies, st.booleans())
def test_a_layer_beside_copies_of_itself_costs_nothing_both_ways(seed, n, count, rotate):
    (layer,) = layers(seed, n)
    order = ordered(seed, n * count)
    copied = np.repeat(layer, count, axis=1)[:, order]
    for source, target in pairwise([[layer], [copied], [layer]]):
        found = hot(source, target, held_out=HELD, rotate=rotate)
        assert found.cost[0, 0] == pytest.approx(0, abs=1e-12)
        assert found.score(found.outer) == pytest.approx(1, abs=1e-9)


@often
@given(seeds, widths, widths, st.floats(0.01, 100), st.booleans())
def test_the_unit_in_which_a_layer_is_measured_changes_nothing(seed, n, m, unit, rotate):
    source, target = layers(seed, n, m), layers(seed + 1, m, n)
    scaled = [unit * x for x in target]
    assert_same(compared(source, target, rotate), compared(source, scaled, rotate), 1e-6)


def test_the_cost_with_a_rotation_is_a_mean_over_units():
    """Without any correspondence it is the layers' own norms, at every width."""
    costs = {}
    for n in (4, 16, 64):
        rng = generator(n, "noise")
        x, y = rng.normal(size=(2, 4000, n))
        costs[n] = hot([x], [y], held_out=np.arange(10), rotate=True).cost[0, 0]
    assert all(1.5 < cost < 2 for cost in costs.values())
