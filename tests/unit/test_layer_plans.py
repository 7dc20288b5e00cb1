"""Plans between layers against hand-made ones, SciPy's and NumPy's."""

import numpy as np
import pytest
from scipy.special import softmax

from replicortex.analysis import layer_plans as plans
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers

COST = np.array([[0.3, 0.1, 0.2, 0.9], [0.5, 0.4, 0.1, 0.2]])


def test_every_control_gives_each_source_layer_its_mass():
    made = [
        plans.uniform((2, 4)),
        plans.staircase((2, 4)),
        plans.greedy(COST),
        plans.greedy(COST, 3),
        plans.softmax(COST, 0.1),
        plans.single_best(plans.staircase((2, 4)), COST),
        *plans.shuffled(plans.softmax(COST, 0.1), 3, rng=generator(0, "shuffle")),
    ]
    for plan in made:
        np.testing.assert_allclose(plan.sum(axis=1), 0.5, atol=1e-15)


def test_uniform_gives_every_pair_the_same():
    np.testing.assert_array_equal(plans.uniform((2, 4)), np.full((2, 4), 0.125))


def test_staircase_by_hand():
    np.testing.assert_allclose(
        plans.staircase((2, 3)), [[1 / 3, 1 / 6, 0], [0, 1 / 6, 1 / 3]], atol=1e-15
    )
    np.testing.assert_allclose(plans.staircase((3, 3)), np.eye(3) / 3, atol=1e-15)


def test_greedy_takes_the_cheapest():
    np.testing.assert_array_equal(plans.greedy(COST), [[0, 0.5, 0, 0], [0, 0, 0.5, 0]])
    np.testing.assert_array_equal(plans.greedy(COST, 2), [[0, 0.25, 0.25, 0], [0, 0, 0.25, 0.25]])
    with pytest.raises(StudyError, match="k is 5, 1 to 4"):
        plans.greedy(COST, 5)


def test_single_best_takes_the_heaviest():
    plan = np.array([[0.2, 0.3], [0.4, 0.1]])
    cost = np.array([[0.1, 0.2], [0.3, 0.1]])  # the cheapest is not the heaviest
    np.testing.assert_array_equal(plans.single_best(plan, cost), [[0, 0.5], [0.5, 0]])


def test_single_best_breaks_ties_by_cost():
    """A plan of 2 x 4 layers gives each source layer two targets of the same mass, up to rounding."""
    plan = np.array([[0.25, 0.25 - 1e-17, 0, 0], [0, 0, 0.25, 0.25]])
    np.testing.assert_array_equal(plans.single_best(plan, COST), [[0, 0.5, 0, 0], [0, 0, 0.5, 0]])
    swapped = [3, 2, 1, 0]
    found = plans.single_best(plan[:, swapped], COST[:, swapped])
    np.testing.assert_array_equal(found[:, swapped], plans.single_best(plan, COST))


def test_softmax_equals_scipys_and_has_its_limits():
    np.testing.assert_allclose(plans.softmax(COST, 0.1), softmax(-COST / 0.1, axis=1) / 2)
    np.testing.assert_allclose(plans.softmax(COST, 1e-4), plans.greedy(COST), atol=1e-12)
    np.testing.assert_allclose(plans.softmax(COST, 1e9), plans.uniform((2, 4)), atol=1e-9)


def test_shuffles_keep_rows_and_differ():
    plan = np.arange(20.0).reshape(5, 4)
    drawn = plans.shuffled(plan, 20, rng=generator(1, "shuffle"))
    assert drawn.shape == (20, 5, 4)
    for one in drawn:
        np.testing.assert_array_equal(one[np.argsort(one[:, 0])], plan)
    assert len({one.tobytes() for one in drawn}) > 10


def test_depth_correlation_equals_a_weighted_correlation():
    counts = generator(0, "counts").integers(1, 9, size=(4, 6))
    rows, columns = np.meshgrid(np.linspace(0, 1, 4), np.linspace(0, 1, 6), indexing="ij")
    x, y = (np.repeat(part.ravel(), counts.ravel()) for part in (rows, columns))
    expected = np.corrcoef(x, y)[0, 1]
    assert plans.depth_correlation(counts) == pytest.approx(expected, abs=1e-12)
    assert plans.depth_correlation(np.eye(5)) == pytest.approx(1)
    assert plans.depth_correlation(np.eye(5)[::-1]) == pytest.approx(-1)
    assert plans.depth_correlation(plans.uniform((3, 4))) == pytest.approx(0, abs=1e-12)
    assert np.isnan(plans.depth_correlation(np.ones((1, 4))))


def test_trace_and_hubness_by_hand():
    plan = np.array([[0.2, 0.1, 0.0], [0.3, 0.1, 0.0], [0.0, 0.1, 0.2]])
    assert plans.trace(plan) == pytest.approx(0.5)
    assert plans.hubness(plan) == pytest.approx(2 / 3)
    with pytest.raises(StudyError, match="2 x 4 layers"):
        plans.trace(COST)
