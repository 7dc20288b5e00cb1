"""Hierarchical optimal transport against POT, SciPy, closed forms and identities."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group, pearsonr

from replicortex.analysis import optimal_transport as hot
from replicortex.analysis import plan_structure
from replicortex.errors import StudyError

RANDOM = np.random.default_rng(0)


def layers(widths, stimuli=60, seed=0):
    """A chain: each layer is a random map of the one before, with noise of its own."""
    random = np.random.default_rng(seed)
    values, found = random.normal(size=(stimuli, 12)), []
    for width in widths:
        values = np.tanh(values @ random.normal(size=(values.shape[1], width)) / 3)
        values = values + 0.1 * random.normal(size=values.shape)
        found.append(values)
    return found


@pytest.mark.parametrize("shape", [(7, 7), (4, 12), (12, 4), (5, 8), (1, 6)])
def test_the_plan_is_that_of_pot(shape):
    import ot

    cost = RANDOM.random(shape)
    plan = hot.solve(cost)
    exact = ot.emd2(np.full(shape[0], 1 / shape[0]), np.full(shape[1], 1 / shape[1]), cost)
    assert (plan * cost).sum() == pytest.approx(exact, abs=1e-12)
    np.testing.assert_allclose(plan.sum(1), 1 / shape[0], atol=1e-10)
    np.testing.assert_allclose(plan.sum(0), 1 / shape[1], atol=1e-10)


@pytest.mark.parametrize("shape", [(9, 9), (5, 20), (20, 5)])
def test_assignment_and_simplex_cost_the_same(shape):
    cost = RANDOM.random(shape)
    one, other = hot.solve(cost, "assignment"), hot.solve(cost, "simplex")
    assert (one * cost).sum() == pytest.approx((other * cost).sum(), abs=1e-12)


def test_inner_costs_are_those_of_a_loop_over_pairs():
    import ot

    source, target = layers([6, 9]), layers([6, 12, 7], seed=1)
    x = [layer - layer.mean(0) for layer in source]
    x = [layer / layer.std(0) for layer in x]
    y = [layer - layer.mean(0) for layer in target]
    y = [layer / layer.std(0) for layer in y]
    found = hot.fit(x, y)
    for row, one in enumerate(source):
        for m, other in enumerate(target):
            cost = cdist(one.T, other.T, "correlation")
            exact = ot.emd2(ot.unif(len(cost)), ot.unif(cost.shape[1]), cost)
            assert found.costs[row, m] == pytest.approx(exact, abs=1e-10)


def test_a_permuted_copy_is_found_exactly():
    source = layers([6, 8, 10])
    target = [layer[:, RANDOM.permutation(layer.shape[1])] for layer in source]
    result = hot.hot(source, target, seed=0)
    np.testing.assert_allclose(np.diag(result.fit.costs), 0, atol=1e-10)
    np.testing.assert_allclose(result.fit.plan, np.eye(3) / 3, atol=1e-10)
    assert result.scores["hot"] == pytest.approx(1, abs=1e-10)


def test_doubled_units_cost_nothing():
    source = layers([6, 8])
    result = hot.hot(source, [np.repeat(layer, 2, axis=1) for layer in source], seed=0)
    np.testing.assert_allclose(np.diag(result.fit.costs), 0, atol=1e-10)
    assert result.scores["hot"] == pytest.approx(1, abs=1e-10)


def test_equal_depths_make_single_best_the_same_as_hot():
    result = hot.hot(layers([6, 8, 10]), layers([5, 7, 9], seed=3), seed=1)
    assert result.scores["single_best"] == result.scores["hot"]


def test_the_other_direction_has_the_transposed_plan_and_another_score():
    source, target = layers([6, 8, 10]), layers([5, 7, 9, 4, 6], seed=3)
    there, back = hot.hot(source, target, seed=1), hot.hot(target, source, seed=1)
    np.testing.assert_allclose(there.fit.plan, back.fit.plan.T, atol=1e-10)
    assert there.fit.cost == pytest.approx(back.fit.cost, abs=1e-10)
    assert abs(there.scores["hot"] - back.scores["hot"]) > 1e-4


def test_scores_are_correlations_of_the_reconstruction_in_the_formula():
    source, target = layers([6, 8]), layers([5, 7, 9], seed=3)
    result = hot.hot(source, target, seed=2, rules=["hot"])
    train, test = hot.split(60, 2)
    x, y = hot.scale(source, train).layers, hot.scale(target, train).layers
    for row in range(2):
        told = sum(
            2 * result.fit.plan[row, m] * y[m] @ result.fit.inner[row][m].toarray().T
            for m in range(3)
        )
        units = [pearsonr(x[row][test, i], told[test, i])[0] for i in range(x[row].shape[1])]
        assert result.by_layer["hot"][row] == pytest.approx(np.mean(units), abs=1e-12)


def test_held_out_stimuli_do_not_reach_the_fit():
    source, target = layers([6, 8]), layers([5, 7, 9], seed=3)
    before = hot.hot(source, target, seed=0).fit
    _, test = hot.split(60, 0)
    changed = [layer.copy() for layer in source]
    for layer in changed:
        layer[test] += 100
    np.testing.assert_array_equal(hot.hot(changed, target, seed=0).fit.costs, before.costs)


@pytest.mark.parametrize("closed", [True, False])
def test_rotation_at_equal_widths_is_procrustes(closed):
    x, y = RANDOM.normal(size=(40, 6)), RANDOM.normal(size=(40, 6))
    turn, _ = orthogonal_procrustes(x, y)
    found = hot.match_rotated(x, y, closed_form=closed)
    assert found.cost == pytest.approx(((x @ turn - y) ** 2).sum(), rel=1e-10)


def test_a_rotated_copy_is_found_with_rotation_only():
    source = layers([6, 8, 10], stimuli=200)
    turned = [x @ ortho_group.rvs(x.shape[1], random_state=0) for x in source]
    plain = hot.hot(source, turned, seed=0)
    rotated = hot.hot(source, turned, seed=0, rotate=True)
    np.testing.assert_allclose(np.diag(rotated.fit.costs), 0, atol=1e-8)
    assert rotated.scores["hot"] == pytest.approx(1, abs=1e-10)
    assert plain.scores["hot"] < 0.95


@pytest.mark.parametrize("widths", [(5, 8), (8, 5)])
def test_the_linear_objective_of_the_alternation_falls(widths):
    x, y = RANDOM.normal(size=(50, widths[0])), RANDOM.normal(size=(50, widths[1]))
    found = hot.match_rotated(x - x.mean(0), y - y.mean(0), iterations=50)
    assert len(found.objective) >= 4
    assert (np.diff(found.objective) <= 1e-9).all()
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(widths[0]), atol=1e-10)
    turned = (x - x.mean(0)) @ found.rotation
    cost = cdist(turned.T, (y - y.mean(0)).T, "sqeuclidean")
    plan = found.inner.toarray() / widths[0]
    assert found.objective[-1] == pytest.approx((cost * plan).sum(), rel=1e-8)


def test_workers_change_nothing():
    x, y = layers([6, 8]), layers([5, 7, 9], seed=3)
    one, two = hot.fit(x, y), hot.fit(x, y, workers=2)
    np.testing.assert_array_equal(one.costs, two.costs)


def test_staircase_follows_depth():
    np.testing.assert_allclose(hot.staircase(2, 4), np.kron(np.eye(2), np.full((1, 2), 0.25)))
    hot.check_marginals(hot.staircase(3, 7))
    np.testing.assert_allclose(hot.staircase(4, 4), np.eye(4) / 4)


def test_rules_differ_as_their_definitions_say():
    found = hot.hot(layers([6, 8]), layers([5, 7, 9, 6], seed=3), seed=0).fit
    assert (hot.weights(found, "pairwise_best").argmax(1) == found.costs.argmin(1)).all()
    assert ((hot.weights(found, "top_k") > 0).sum(1) == 2).all()
    sharp = hot.weights(found, "softmax", temperature=1e-4)
    np.testing.assert_allclose(sharp, hot.weights(found, "pairwise_best"), atol=1e-6)
    for rule in hot.RULES:
        if rule != "random":
            np.testing.assert_allclose(hot.weights(found, rule).sum(1), 1)
    with pytest.raises(StudyError, match="rule 'best' is unknown"):
        hot.weights(found, "best")


def test_three_levels_find_shuffled_checkpoints():
    cost, plan = hot.three_levels(1 - np.eye(5)[[2, 0, 1, 4, 3]])
    assert cost == 0
    assert plan.argmax(1).tolist() == [2, 0, 1, 4, 3]


def test_dead_units_are_dropped_and_counted():
    source = layers([6, 8])
    source[0] = np.column_stack([source[0], np.ones(60), np.full(60, np.nan)])
    result = hot.hot(source, layers([5, 7], seed=3), seed=0)
    assert result.dropped == (2, 0)
    assert np.isfinite(result.scores["hot"])


def test_bad_input_is_told():
    good = layers([6, 8])
    with pytest.raises(StudyError, match=r"found layers of \[50, 60\] stimuli"):
        hot.hot(good, [layer[:50] for layer in good], seed=0)
    with pytest.raises(StudyError, match="9 stimuli are too few"):
        hot.hot([x[:9] for x in good], [x[:9] for x in good], seed=0)
    with pytest.raises(StudyError, match="all 3 units are constant or NaN"):
        hot.hot([np.ones((60, 3))], good, seed=0)
    with pytest.raises(StudyError, match="no optimum within 1 iterations"):
        hot.solve(RANDOM.random((30, 31)), "simplex", iterations=1)
    with pytest.raises(StudyError, match="finite"):
        hot.solve(np.array([[np.nan, 1.0]]))
    with pytest.raises(StudyError, match="marginals are off"):
        hot.check_marginals(np.eye(3))


def test_one_layer_is_said_to_force_the_plan():
    result = hot.hot(layers([6]), layers([5, 7], seed=3), seed=0)
    assert "uniform whatever the data" in result.note
    np.testing.assert_allclose(result.fit.plan, [[0.5, 0.5]])


def test_depth_correlation_trace_and_hubness():
    assert plan_structure.depth_correlation(np.eye(4) / 4) == pytest.approx(1)
    assert plan_structure.depth_correlation(np.eye(4)[::-1] / 4) == pytest.approx(-1)
    assert plan_structure.depth_correlation(np.full((3, 5), 1 / 15)) == pytest.approx(0, abs=1e-12)
    assert np.isnan(plan_structure.depth_correlation(np.full((1, 5), 0.2)))
    assert plan_structure.trace(np.eye(4)[[0, 1, 3, 2]] / 4) == 0.5
    assert plan_structure.hubness(np.array([[0, 1, 1], [0, 1, 1], [1, 1, 0]])) == 2 / 3


def test_the_null_of_depth_correlation_has_the_width_of_the_notes():
    null = plan_structure.depth_null(12, 24, draws=300, seed=0)
    low, high = np.quantile(null, [0.025, 0.975])
    assert -0.5 < low < -0.3 < 0.3 < high < 0.5
