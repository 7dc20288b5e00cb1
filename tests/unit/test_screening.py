"""Transport by few arcs against POT on all of them, where the few arcs fail first too."""

import math

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from replicortex.analysis import rough_products, screening, stacked, transport
from replicortex.analysis.hot import hot
from replicortex.analysis.rough_products import Rough
from replicortex.analysis.screening import FLOAT32, screened
from replicortex.analysis.stacked import Stacked, by_unit
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers
often = settings(max_examples=15, deadline=None, derandomize=True)
seeds = st.integers(0, 10**6)
widths = st.integers(20, 70)


def least(cost):
    n, m = cost.shape
    return ot.emd2(ot.unif(n), ot.unif(m), cost, numItermax=10**7)


def solve(cost, rough=None, error=0.0):
    """Solve with costs that are off; counts how many arcs had their exact cost asked for."""
    asked = []

    def exact(rows, columns):
        asked.append(len(rows))
        return cost[rows, columns]

    rough = cost if rough is None else rough
    error += 2 * FLOAT32 * np.abs(cost).max()
    return screened(rough.astype(np.float32), error, exact, iterations=10**7), asked


def assert_optimal(found, cost):
    plan, total = found
    n, m = cost.shape
    assert total == pytest.approx(least(cost), abs=1e-12)
    dense = plan.toarray()
    assert (dense * cost).sum() == pytest.approx(total, abs=1e-14)
    np.testing.assert_allclose(dense.sum(1), 1 / n, rtol=1e-14)
    np.testing.assert_allclose(dense.sum(0), 1 / m, rtol=1e-14)
    whole = dense * math.lcm(n, m)
    np.testing.assert_allclose(whole, np.rint(whole), rtol=1e-14)


def correlation_distances(seed, n, m, stimuli=40, shared=4):
    rng = generator(seed, "screening", n, m)
    latents = rng.normal(size=(stimuli, shared))
    x, y = (
        latents @ rng.normal(size=(shared, k)) + 0.5 * rng.normal(size=(stimuli, k)) for k in (n, m)
    )
    return 1 - np.corrcoef(x.T, y.T)[:n, n:]


@often
@given(seeds, widths, widths)
def test_random_and_correlation_costs_have_pots_cost(seed, n, m):
    for cost in (
        generator(seed, "costs").random((n, m)),
        correlation_distances(seed, n, m),
        correlation_distances(seed, n, n),
    ):
        found, asked = solve(cost)
        assert found is not None and sum(asked) < cost.size / 4
        assert_optimal(found, cost)


@often
@given(seeds, widths, widths, st.sampled_from([1e-5, 1e-3, 5e-3]))
def test_costs_that_are_off_change_nothing(seed, n, m, error):
    """Above all where they are off against the optimal plan: its arcs dearer, all others cheaper."""
    cost = correlation_distances(seed, n, m)
    used = ot.emd(ot.unif(n), ot.unif(m), cost) > 0
    signs = generator(seed, "signs").choice([-1.0, 1.0], cost.shape)
    for off in (signs, np.where(used, 1.0, -1.0)):
        rough = cost + error * off
        found, _ = solve(cost, rough, error)
        if found is not None:
            assert_optimal(found, cost)
        assert found is not None or error > 1e-3


@often
@given(seeds, widths, widths, st.integers(1, 3))
def test_ties_and_duplicated_columns_are_solved_or_given_up(seed, n, m, copies):
    rounded = np.round(generator(seed, "rounded").random((n, m)), 1)
    for cost in (rounded, np.repeat(correlation_distances(seed, n, m), copies, axis=1)):
        found, _ = solve(cost)
        if found is not None:
            assert_optimal(found, cost)


def crowded(n=60, m=90):
    """Costs whose cheapest arcs carry no plan: all rows prefer the same few columns, by far."""
    cost = generator(3, "crowded").random((n, m))
    cost[:, :6] -= 20 * np.linspace(1, 1.1, n)[:, None]
    return cost


def test_arcs_that_carry_no_plan_are_widened(monkeypatch):
    cost = crowded()
    # Without entropic potentials the cheapest arcs are those of six columns.
    flat = (np.zeros(60), np.zeros(90))
    monkeypatch.setattr(screening, "_entropic", lambda *_: flat)
    tried = []
    solved = screening._solve

    def counted(arcs, *rest):
        tried.append(solved(arcs, *rest))
        return tried[-1]

    monkeypatch.setattr(screening, "_solve", counted)
    monkeypatch.setattr(screening, "ARCS", (2.5, 5.0, 20.0))
    monkeypatch.setattr(screening, "MOST", 1.0)
    found, _ = solve(cost)
    assert tried[0] is None and len(tried) >= 3
    assert_optimal(found, cost)


def test_arcs_that_miss_the_plan_are_widened(monkeypatch):
    """Poor potentials: the first plan is not optimal, and later rounds find the arcs it lacks."""
    cost = correlation_distances(1, 150, 220)
    flat = (np.zeros(150), np.zeros(220))
    monkeypatch.setattr(screening, "_entropic", lambda *_: flat)
    monkeypatch.setattr(screening, "REACH", 10**9)
    found, asked = solve(cost)
    assert len(asked) > 1
    assert_optimal(found, cost)


def test_a_plan_that_is_not_optimal_is_refused(monkeypatch):
    cost = correlation_distances(1, 40, 60)
    solved = screening._solve

    def worse(arcs, less, *rest):
        return solved(arcs, less + 0.05 * generator(0, "worse").random(len(less)), *rest)

    monkeypatch.setattr(screening, "_solve", worse)
    assert solve(cost)[0] is None


def test_an_error_that_is_understated_is_found_out():
    cost = correlation_distances(1, 40, 60)
    rough = cost + 1e-3 * generator(0, "off").choice([-1.0, 1.0], cost.shape)
    assert solve(cost, rough, 1e-3)[0] is not None
    assert solve(cost, rough, 1e-5)[0] is None


@pytest.mark.parametrize("cost", [np.ones((30, 40)), np.zeros((30, 30))])
def test_one_cost_for_all_is_given_up(cost):
    assert solve(cost)[0] is None


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_an_offset_that_hides_the_costs_gives_them_up_and_none_is_wrong(offset):
    cost = correlation_distances(2, 40, 60) + offset
    found, _ = solve(cost)
    if found is not None:
        assert found[1] == pytest.approx(least(cost), abs=1e-9)
    assert found is not None or offset


# Dense costs


@pytest.mark.parametrize("shape", [(300, 260), (260, 520), (740, 740)])
def test_many_arcs_are_solved_by_few(shape, monkeypatch):
    cost = correlation_distances(5, *shape, stimuli=300)
    monkeypatch.setattr(transport, "_simplex", None)
    monkeypatch.setattr(transport, "linear_sum_assignment", None)
    plan, total = transport.transport(cost)
    assert total == pytest.approx(least(cost), abs=1e-12)
    if shape[0] == shape[1]:
        assert (plan.toarray() > 0).sum() == shape[0]
        assert total == pytest.approx(cost[linear_sum_assignment(cost)].mean(), abs=1e-12)


def test_many_arcs_with_ties_are_solved_all_the_same():
    cost = np.round(correlation_distances(5, 300, 260, stimuli=300), 1)
    assert transport.transport(cost)[1] == pytest.approx(least(cost), abs=1e-12)
    assert transport.transport(np.ones((300, 260)))[1] == pytest.approx(1, abs=1e-12)


# Products, and layers


@often
@given(seeds, st.integers(1, 300), st.booleans())
def test_products_are_off_by_no_more_than_they_say(seed, terms, bfloat16):
    pytest.importorskip("torch")
    rng = generator(seed, "units")
    x, y = rng.normal(size=(30, terms)), rng.lognormal(size=(40, terms), sigma=3)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    rough, error = Rough.of(x, bfloat16=bfloat16).products(Rough.of(y, bfloat16=bfloat16))
    off = np.abs(rough - x @ y.T).max()
    assert rough.dtype == np.float32 and off <= error
    assert error < np.linalg.norm(x, axis=1).max() * (0.02 if bfloat16 else 1e-4)


def test_rounding_at_its_worst_stays_within_the_bound():
    """Every value lies half way between two bfloat16, and all errors have one sign."""
    pytest.importorskip("torch")
    units = np.full((4, 64), 1 + 2.0**-8)
    rough, error = Rough.of(units, bfloat16=True).products(Rough.of(units, bfloat16=True))
    off = np.abs(rough - units @ units.T).max()
    assert 0.3 * error < off <= error


def test_bfloat16_needs_torch_loaded(monkeypatch):
    monkeypatch.delitem(rough_products.sys.modules, "torch", raising=False)
    assert not rough_products.has_bfloat16()


def layers(seed, *units, stimuli=400):
    latents = generator(1, "latents", stimuli).normal(size=(stimuli, 6))
    rng = generator(seed, "layers", *units)
    return [
        np.tanh(latents @ rng.normal(size=(6, n))) + 0.5 * rng.normal(size=(stimuli, n))
        for n in units
    ]


@pytest.mark.parametrize("bfloat16", [False, True])
def test_wide_layers_have_the_plans_of_all_their_products(bfloat16, monkeypatch):
    if bfloat16:
        pytest.importorskip("torch")
    source, target = layers(1, 260, 30, 384), layers(2, 300, 20, 260, 384)
    held = np.arange(320, 400)
    screening_alone = stacked.transport

    def small(cost, **more):
        assert cost.size < transport.MANY, "a wide pair was given up"
        return screening_alone(cost, **more)

    monkeypatch.setattr(stacked, "transport", small)
    found = hot(source, target, held_out=held, bfloat16=bfloat16)
    for i, x in enumerate(source):
        for j, y in enumerate(target):
            n, m = x.shape[1], y.shape[1]
            cost = 1 - np.corrcoef(x[:320].T, y[:320].T)[:n, n:]
            plan = ot.emd(ot.unif(n), ot.unif(m), cost, numItermax=10**7)
            assert found.cost[i, j] == pytest.approx((plan * cost).sum(), abs=1e-12)
            np.testing.assert_allclose(found.matches[i][j].plan.toarray(), plan, atol=1e-12)


def test_wide_layers_of_copies_are_matched_exactly():
    """All costs of a unit's copies tie: whether few arcs do or not, copies cost nothing."""
    (layer,) = layers(3, 260)
    order = generator(0, "order").permutation(520)
    found = hot([layer], [np.repeat(layer, 2, axis=1)[:, order]], held_out=np.arange(80))
    assert found.cost[0, 0] == pytest.approx(0, abs=1e-12)
    assert found.score(found.outer) == pytest.approx(1, abs=1e-9)


def test_more_workers_change_nothing_for_wide_layers():
    source, target = layers(1, 260, 270), layers(2, 300, 280)
    one, two = (hot(source, target, held_out=np.arange(80), workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one.cost, two.cost)


@pytest.mark.parametrize("stimuli", [1, 63, 64, 130])
def test_units_are_the_transpose(stimuli):
    layer = generator(0, "layer").normal(size=(stimuli, 7))
    units = by_unit(layer)
    assert units.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(units, layer.T)


def test_a_system_of_narrow_and_wide_layers_keeps_its_order():
    standard = [x / np.linalg.norm(x, axis=0) for x in layers(4, 5, 130, 6, 140)]
    found = Stacked(standard).plans(standard[0])
    assert [plan.shape for plan, _ in found] == [(5, 5), (5, 130), (5, 6), (5, 140)]
    assert found[0][1] == pytest.approx(0, abs=1e-12)
