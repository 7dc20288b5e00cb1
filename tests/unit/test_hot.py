"""Transport against POT, SciPy, SVD and closed forms; the two levels against planted answers."""

import gc
import itertools
import weakref

import numpy as np
import ot
import pytest
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from replicortex.analysis import soft_matching
from replicortex.analysis.hot import checkpoint_plans, hot, split
from replicortex.analysis.soft_matching import rotated_match
from replicortex.analysis.transport import check_marginals, transport
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers

HELD = np.arange(80, 100)


def draw(*shape, seed=0):
    return generator(seed, "test", *shape).normal(size=shape)


def system(widths, seed=0, stimuli=100):
    """Layers that drift slowly away from the first one, so that neighbours are alike."""
    shared = generator(7, "latents").normal(size=(len(widths) + 6, stimuli, 5))
    rng = generator(seed, "system")
    return [
        shared[depth : depth + 3].sum(0) @ rng.normal(size=(5, width))
        + 0.3 * rng.normal(size=(stimuli, width))
        for depth, width in enumerate(widths)
    ]


@pytest.mark.parametrize("shape", [(7, 7), (4, 12), (12, 4), (6, 9), (5, 13), (1, 5), (1, 1)])
def test_cost_and_marginals_equal_pots(shape):
    cost = draw(*shape)
    plan, total = transport(cost)
    reference = ot.emd2(ot.unif(shape[0]), ot.unif(shape[1]), cost)
    assert total == pytest.approx(reference, abs=1e-12)
    dense = plan.toarray()
    np.testing.assert_allclose(dense.sum(1), 1 / shape[0], atol=1e-12)
    np.testing.assert_allclose(dense.sum(0), 1 / shape[1], atol=1e-12)
    assert (dense * cost).sum() == pytest.approx(total, abs=1e-12)
    assert np.count_nonzero(dense) <= sum(shape) - 1


def test_small_assignment_is_the_best_of_all_permutations():
    cost = draw(5, 5)
    best = min(
        sum(cost[i, j] for i, j in enumerate(order)) / 5
        for order in itertools.permutations(range(5))
    )
    assert transport(cost)[1] == pytest.approx(best, abs=1e-14)


def test_constant_shift_of_a_row_leaves_the_plan():
    cost = draw(5, 8)
    shifted = cost + np.arange(5)[:, None]
    np.testing.assert_allclose(
        transport(cost)[0].toarray(), transport(shifted)[0].toarray(), atol=1e-15
    )


def by_linear_program(cost):
    """The least cost, from SciPy's HiGHS."""
    n, m = cost.shape
    sums = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    masses = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return linprog(cost.ravel(), A_eq=sums, b_eq=masses).fun


@pytest.mark.parametrize("shape", [(9, 9), (4, 12), (17, 23), (23, 17)])
@pytest.mark.parametrize("scale", [1e-300, 1e-15, 1e15, 1e300])
def test_the_unit_of_the_costs_changes_no_plan(shape, scale):
    cost = 1 - 0.3 * draw(*shape, seed=4)
    plan, total = transport(cost)
    assert total == pytest.approx(by_linear_program(cost), rel=1e-9)
    scaled, its = transport(scale * cost)
    np.testing.assert_array_equal(scaled.toarray(), plan.toarray())
    assert its == pytest.approx(scale * total, rel=1e-14)


def test_small_differences_on_a_large_offset_are_seen():
    cost = np.round(draw(17, 23, seed=5), 3)
    total = transport(cost)[1]
    far = 2.0**-20 * cost + 2.0**10  # exact to 2^-42: a part in 10^7 of the differences
    assert (transport(far)[0].toarray() * cost).sum() == pytest.approx(total, abs=1e-6)


def test_costs_of_the_whole_range_of_numbers():
    cost = np.sign(draw(5, 7, seed=6)) * 1.7e308
    assert transport(cost)[1] == pytest.approx(1.7e308 * transport(np.sign(cost))[1], rel=1e-14)


def test_a_capped_simplex_is_an_error():
    with pytest.raises(StudyError, match="did not finish a problem of 40 x 59 units within 3"):
        transport(draw(40, 59), iterations=3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(2, 2), (2, 3)])
def test_costs_that_are_not_finite_are_an_error(value, shape):
    cost = np.zeros(shape)
    cost[1, 0] = value
    with pytest.raises(StudyError, match="the costs hold NaN or infinite values"):
        transport(cost)


def test_wrong_marginals_are_found():
    with pytest.raises(ArithmeticError, match=r"off by 0\.1"):
        check_marginals(np.array([[0.6, 0.0], [0.0, 0.4]]))


def test_permuted_copy_is_found_exactly():
    layers = [draw(100, 8, seed=s) for s in range(3)]
    orders = [generator(s, "order").permutation(8) for s in range(3)]
    copies = [x[:, order] for x, order in zip(layers, orders, strict=True)]
    found = hot(layers, copies, held_out=HELD)
    np.testing.assert_allclose(np.diag(found.cost), 0, atol=1e-12)
    np.testing.assert_allclose(found.outer, np.eye(3) / 3, atol=1e-15)
    assert found.score(found.outer) == pytest.approx(1, abs=1e-12)


def test_duplicated_columns_cost_nothing():
    layers = [draw(100, 6, seed=s) for s in range(3)]
    found = hot(layers, [np.repeat(x, 2, axis=1) for x in layers], held_out=HELD)
    np.testing.assert_allclose(np.diag(found.cost), 0, atol=1e-12)
    assert found.score(found.outer) == pytest.approx(1, abs=1e-12)


def test_costs_equal_a_loop_over_pairs_with_pot():
    source, target = system([6, 7]), system([9, 7, 14], seed=1)
    found = hot(source, target, held_out=HELD)
    for i, x in enumerate(source):
        for j, y in enumerate(target):
            n, m = x.shape[1], y.shape[1]
            cost = 1 - np.corrcoef(x[:80].T, y[:80].T)[:n, n:]
            expected = ot.emd2(ot.unif(n), ot.unif(m), cost)
            assert found.cost[i, j] == pytest.approx(expected, abs=1e-12)


def test_reconstruction_equals_the_formula():
    source, target = system([6, 7]), system([9, 7, 14], seed=1)
    found = hot(source, target, held_out=HELD)
    for i, predicted in enumerate(found.reconstruct(found.outer)):
        expected = 0
        for j, y in enumerate(target):
            z = (y[80:] - y[:80].mean(0)) / (y[:80].std(0) * np.sqrt(80))
            q = found.matches[i][j].plan.toarray()
            expected = expected + 2 * found.outer[i, j] * z @ (q * len(q)).T
        np.testing.assert_allclose(predicted, expected, atol=1e-12)
    units = [
        np.mean([np.corrcoef(x[80:, k], p[:, k])[0, 1] for k in range(x.shape[1])])
        for x, p in zip(source, found.reconstruct(found.outer), strict=True)
    ]
    assert found.score(found.outer) == pytest.approx(np.mean(units), abs=1e-12)


def test_plan_is_the_transpose_the_other_way_and_the_score_is_not_symmetric():
    a, b = system([6, 7, 8]), system([9, 7, 14, 8, 6], seed=1)
    there, back = hot(a, b, held_out=HELD), hot(b, a, held_out=HELD)
    np.testing.assert_allclose(there.outer, back.outer.T, atol=1e-12)
    assert there.total == pytest.approx(back.total, abs=1e-12)
    assert abs(there.score(there.outer) - back.score(back.outer)) > 1e-3


def test_equal_depth_makes_the_plan_a_permutation():
    """So the hardened plan (Single-Best) scores the same to the last digit."""
    found = hot(system([6, 7, 8, 9]), system([9, 7, 6, 8], seed=1), held_out=HELD)
    single = (found.outer == found.outer.max(axis=1, keepdims=True)).astype(float)
    assert found.score(single) == found.score(found.outer)


def test_shallow_to_deep_follows_the_planted_order():
    deep = system([8] * 6, seed=1)
    found = hot(deep[::2], deep, held_out=HELD)
    assert found.outer.argmax(axis=1).tolist() == sorted(found.outer.argmax(axis=1))
    assert (found.outer > 0).sum() <= 3 + 6 - 1


def test_inner_costs_are_those_of_pot_on_scipys_distances():
    source, target = system([6, 7]), system([9, 7, 14], seed=1)
    found = hot(source, target, held_out=HELD)
    for i, j in itertools.product(range(2), range(3)):
        cost = cdist(source[i][:80].T, target[j][:80].T, "correlation")
        expected = ot.emd2(ot.unif(cost.shape[0]), ot.unif(cost.shape[1]), cost)
        assert found.cost[i, j] == pytest.approx(expected, abs=1e-10)
    plan = ot.emd(ot.unif(2), ot.unif(3), found.cost)
    np.testing.assert_allclose(found.outer, plan, atol=1e-10)
    assert found.total == pytest.approx((plan * found.cost).sum(), abs=1e-12)


@pytest.mark.parametrize("rotate", [False, True])
def test_workers_change_nothing(rotate):
    source, target = system([6, 7]), system([9, 7, 14], seed=1)
    one, two = (hot(source, target, held_out=HELD, rotate=rotate, workers=n) for n in (1, 2))
    np.testing.assert_array_equal(one.cost, two.cost)
    assert one.score(one.outer) == two.score(two.outer)


class Stored:
    """Layers that are made when asked for, of which only one is alive at a time."""

    def __init__(self, layers):
        self.layers, self.alive, self.most = layers, 0, 0

    def __len__(self):
        return len(self.layers)

    def __getitem__(self, number):
        copy = self.layers[number].copy()
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(copy, self._gone)
        return copy

    def _gone(self):
        self.alive -= 1


def test_source_layers_are_streamed():
    source, target = system([6, 7, 8, 6]), system([9, 7], seed=1)
    stored = Stored(source)
    found = hot(stored, target, held_out=HELD)
    np.testing.assert_array_equal(found.cost, hot(source, target, held_out=HELD).cost)
    gc.collect()
    assert stored.most <= 2 and stored.alive == 0
    assert all(len(layer) == len(HELD) for layer in found.source + found.target)


def test_many_plans_at_once_score_as_one_by_one():
    found = hot(system([6, 7]), system([9, 7, 14], seed=1), held_out=HELD)
    plans = {"outer": found.outer, "flat": np.ones((2, 3)), "first": np.eye(2, 3)}
    together, undefined = found.scores(plans)
    assert undefined == 0
    for name, plan in plans.items():
        shares = plan / plan.sum(1, keepdims=True)
        told = [np.tensordot(row, found.predictions(i), 1) for i, row in enumerate(shares)]
        layers = [
            np.mean([np.corrcoef(x[:, k], t[:, k])[0, 1] for k in range(x.shape[1])])
            for x, t in zip(found.source, told, strict=True)
        ]
        assert together[name] == pytest.approx(np.mean(layers), abs=1e-12)
        assert together[name] == found.score(plan)


def test_units_constant_when_held_out_are_counted():
    source = system([6, 7])
    source[0][HELD, 2] = 1.0
    found = hot(source, system([9, 7], seed=1), held_out=HELD)
    scores, undefined = found.scores({"a": found.outer, "b": np.ones((2, 2))})
    assert undefined == 2 and np.isfinite(list(scores.values())).all()
    source[0][HELD] = 1.0
    found = hot(source, system([9, 7], seed=1), held_out=HELD)
    with pytest.raises(StudyError, match="source layer 0: every unit, or its prediction, is const"):
        found.score(found.outer)


def test_split_holds_out_the_share_and_depends_on_the_seed():
    one, two = (split(50, 0.2, seed=seed) for seed in (0, 1))
    assert one.sum() == two.sum() == 10 and (one != two).any()
    np.testing.assert_array_equal(one, split(50, 0.2, seed=0))


# Rotation


def test_equal_widths_equal_procrustes():
    x, y = draw(60, 8), draw(60, 8, seed=1)
    found = rotated_match(x, y)
    from scipy.linalg import orthogonal_procrustes

    rotation, _ = orthogonal_procrustes(x, y)
    assert found.cost == pytest.approx(((x @ rotation - y) ** 2).sum() / 8, rel=1e-12)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-12)


@pytest.mark.parametrize("widths", [(6, 9), (9, 6), (5, 15)])
def test_alternation_descends_and_keeps_the_rotation_orthogonal(widths):
    x, y = draw(60, widths[0]), draw(60, widths[1], seed=1)
    found = rotated_match(x, y)
    assert len(found.objective) >= 4
    assert all(
        b <= a + 1e-9 * a for a, b in zip(found.objective, found.objective[1:], strict=False)
    )
    assert found.objective[-1] < found.objective[0] - 1e-3
    np.testing.assert_allclose(found.rotation.T @ found.rotation, np.eye(widths[0]), atol=1e-12)
    residual = x @ found.rotation - y @ (widths[0] * found.plan.toarray()).T
    assert found.cost == pytest.approx((residual**2).sum() / widths[0], rel=1e-12)


def test_an_alternation_at_its_cap_is_counted():
    source, target = system([6, 7]), system([9, 7, 14], seed=1)
    capped = hot(source, target, held_out=HELD, rotate=True, steps=1)
    assert capped.unconverged == 5  # 7 x 7 has a closed form
    assert hot(source, target, held_out=HELD, rotate=True, steps=2000).unconverged == 0


def test_the_objective_may_not_rise():
    with pytest.raises(ArithmeticError, match=r"rose from 1\.0 to 1\.1"):
        soft_matching._descend([1.0], 1.1)


def test_a_rotated_copy_is_recovered_by_rotation_alone():
    layers = [draw(100, 8, seed=s) for s in range(3)]
    turned = [x @ np.linalg.qr(draw(8, 8, seed=s + 9))[0] for s, x in enumerate(layers)]
    plain, with_r = (hot(layers, turned, held_out=HELD, rotate=r) for r in (False, True))
    np.testing.assert_allclose(np.diag(with_r.cost), 0, atol=1e-12)
    assert with_r.score(with_r.outer) == pytest.approx(1, abs=1e-10)
    assert plain.score(plain.outer) < 0.9


@pytest.mark.parametrize("unit", [2.0**-60, 2.0**60])
def test_the_unit_of_a_layer_changes_nothing(unit):
    source, target = system([6, 7]), system([8, 8], seed=1)
    source[0][:, 2] = 0.0
    plain = hot(source, target, held_out=HELD)
    other = hot([layer * unit for layer in source], target, held_out=HELD)
    assert plain.dropped == other.dropped == {"source": [1, 0], "target": [0, 0]}
    np.testing.assert_array_equal(plain.cost, other.cost)
    np.testing.assert_array_equal(plain.outer, other.outer)


# What a user can get wrong


def test_constant_and_nan_units_are_dropped_and_counted():
    source, target = system([6, 7]), system([8, 8], seed=1)
    spoilt = [x.copy() for x in source]
    spoilt[0][:, 2], spoilt[1][3, 4] = 5.0, np.nan
    found = hot(spoilt, target, held_out=HELD)
    assert found.dropped == {"source": [1, 1], "target": [0, 0]}
    assert found.note == "2 constant or NaN units of the source left out"
    clean = hot([np.delete(source[0], 2, 1), np.delete(source[1], 4, 1)], target, held_out=HELD)
    np.testing.assert_allclose(found.cost, clean.cost, atol=1e-14)


def test_statistics_come_from_training_stimuli_alone():
    source, target = system([6, 7]), system([8, 8], seed=1)
    changed = [x.copy() for x in source]
    for x in changed:
        x[HELD] = 100 * draw(20, x.shape[1])
    one, two = hot(source, target, held_out=HELD), hot(changed, target, held_out=HELD)
    np.testing.assert_array_equal(one.cost, two.cost)


def test_one_layer_is_said_to_be_forced():
    found = hot(system([6]), system([8, 7]), held_out=HELD)
    assert found.forced and found.note == "one layer only: the plan is forced, whatever the data"
    np.testing.assert_allclose(found.outer, [[0.5, 0.5]])
    found = hot(system([6, 6]), system([8, 7]), held_out=HELD)
    assert not found.forced and found.note == ""


@pytest.mark.parametrize(
    "source, target, held, message",
    [
        ([draw(100, 4)], [draw(99, 4)], HELD, "target layer 0 has shape"),
        ([draw(11, 4)], [draw(11, 4)], np.arange(2), "9 stimuli to train on and 2 held out"),
        ([np.ones((100, 4))], [draw(100, 4)], HELD, "all 4 units are constant"),
        ([], [draw(100, 4)], HELD, "one layer or more"),
        ([draw(100, 4)], [draw(100, 4)], np.ones(3, bool), "names 3 stimuli, there are 100"),
    ],
)
def test_bad_input_is_told(source, target, held, message):
    with pytest.raises(StudyError, match=message):
        hot(source, target, held_out=held)


def test_checkpoints_of_one_model_find_themselves():
    checkpoints = [[draw(100, 5, seed=2 * c), draw(100, 6, seed=2 * c + 1)] for c in range(3)]
    order = [2, 0, 1]
    found = checkpoint_plans(checkpoints, [checkpoints[c] for c in order], held_out=HELD)
    assert list(found) == ["cost", "score"]
    for match in found.values():
        np.testing.assert_allclose(match.plan, np.eye(3)[:, order] / 3, atol=1e-15)
        assert match.cost.min() == pytest.approx(0, abs=1e-12)


def test_checkpoints_by_score_cost_what_the_score_lacks():
    """By outer cost the third level is the same both ways, by score it is not."""
    one, other = ([system([6, 7], seed=s), system([9, 7, 5], seed=s + 1)] for s in (0, 2))
    there, back = (checkpoint_plans(a, b, held_out=HELD) for a, b in ((one, other), (other, one)))
    for a, b in itertools.product(range(2), range(2)):
        found = hot(one[a], other[b], held_out=HELD)
        assert there["cost"].cost[a, b] == pytest.approx(found.total, abs=1e-12)
        assert there["score"].cost[a, b] == pytest.approx(1 - found.score(found.outer), abs=1e-12)
    np.testing.assert_allclose(there["cost"].cost, back["cost"].cost.T, atol=1e-12)
    assert np.abs(there["score"].cost - back["score"].cost.T).max() > 1e-2


def test_a_decomposition_that_does_not_converge_is_made_by_the_sure_algorithm(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)), rng.normal(size=(40, 6))
    expected = [rotated_match(x, other) for other in (y, y[:, :4])]

    def fails(_):
        raise np.linalg.LinAlgError("SVD did not converge")

    monkeypatch.setattr(np.linalg, "svd", fails)
    for one, other in zip(expected, (y, y[:, :4]), strict=True):
        found = rotated_match(x, other)
        assert found.cost == pytest.approx(one.cost, rel=1e-9)
        np.testing.assert_allclose(found.rotation, one.rotation, atol=1e-8)
