"""Reorientation's corner cases and identities; fits against scikit-learn at tol 1e-8."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge, enet_path

from replicortex.analysis import encoding
from replicortex.analysis.encoding import fit, folded, path, reorientation, standard
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers


def problem(seed=0, n=120, units=12, voxels=7):
    rng = generator(seed, "encoding")
    x = rng.normal(size=(n, 4)) @ rng.normal(size=(4, units)) + rng.normal(size=(n, units))
    y = x @ (rng.normal(size=(units, voxels)) * (rng.random((units, voxels)) < 0.4))
    y = y + 2 * rng.normal(size=y.shape)
    return standard(x)(x), standard(y)(y)


ORACLES = {
    "ols": lambda a, positive: LinearRegression(fit_intercept=False, positive=positive),
    "lasso": lambda a, positive: Lasso(
        a, fit_intercept=False, positive=positive, tol=1e-12, max_iter=100_000
    ),
    "elastic_net": lambda a, positive: ElasticNet(
        a, fit_intercept=False, positive=positive, tol=1e-12, max_iter=100_000
    ),
    "ridge": lambda a, positive: Ridge(
        a, fit_intercept=False, positive=positive, tol=1e-12, max_iter=100_000
    ),
}


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("kind", encoding.KINDS)
def test_scikit_learn_gives_the_same_weights(kind, positive):
    x, y = problem()
    alphas = [0.01, 0.3, 0.1]
    ours = path(kind, positive, alphas, x, y)
    for alpha, weights in zip(alphas, ours, strict=True):
        theirs = np.stack([ORACLES[kind](alpha, positive).fit(x, one).coef_ for one in y.T])
        # scikit-learn's positive ridge stops L-BFGS at about 1e-7.
        np.testing.assert_allclose(weights, theirs, atol=2e-6 if kind == "ridge" else 1e-7)


@pytest.mark.parametrize("positive", [False, True])
def test_elastic_net_without_l1_is_ridge_on_the_scale_of_samples(positive):
    x, y = problem(1)
    net = fit("elastic_net", positive, 0.2, x, y, l1_ratio=0, tol=1e-11)
    ridge = fit("ridge", positive, 0.2, x, y, scale="sample", tol=1e-11)
    sklearn = fit("ridge", positive, 0.2 * len(x), x, y, tol=1e-11)
    np.testing.assert_allclose(net, ridge, atol=1e-9)
    np.testing.assert_allclose(ridge, sklearn, atol=1e-9)
    assert np.abs(ridge - fit("ridge", positive, 0.2, x, y)).max() > 1e-2


@pytest.mark.parametrize("unit", [2.0**-50, 2.0**50])
def test_the_unit_of_a_column_changes_nothing(unit):
    """Fields of the brain in tesla are about 1e-13: they were taken for constant."""
    values = generator(0, "unit").normal(size=(20, 4))
    values[:, 1], values[:, 2] = 0.0, 0.1
    values[3, 2] = np.nextafter(0.1, 1)  # rounding alone
    plain = standard(values)(values)
    assert list(plain.any(0)) == [True, False, False, True]
    np.testing.assert_array_equal(standard(values * unit)(values * unit), plain)


def test_weights_vanish_at_the_largest_correlation_and_not_below():
    x, y = problem(2)
    largest = np.abs(x.T @ y / len(x)).max()
    assert not fit("lasso", False, largest * 1.0001, x, y).any()
    assert fit("lasso", False, largest * 0.999, x, y).any()


def test_one_weight_alone_is_0_or_2():
    x, _ = problem(3)
    for sign, expected in ((1, 0), (-1, 2)):
        w = np.zeros(12)
        w[4] = sign * 0.7
        assert reorientation(x, (x @ w)[:, None], w)[0] == pytest.approx(expected, abs=1e-12)


def test_positive_weights_have_the_closed_form_and_folding_changes_nothing():
    x, _ = problem(4)
    w = generator(4, "weights").random((5, 12))
    expected = 1 - (x @ w.T).std(0) / w.sum(1)
    np.testing.assert_allclose(reorientation(x, x @ w.T, w), expected, atol=1e-10)
    np.testing.assert_allclose(folded(x, w), expected, atol=1e-10)


def test_folding_is_the_flip_of_every_negative_unit():
    x, _ = problem(5)
    w = generator(5, "weights").normal(size=(1, 12))
    sign = np.sign(w)
    flipped = reorientation(x * sign, x @ w.T, w * sign)
    np.testing.assert_allclose(folded(x, w), flipped, atol=1e-10)
    np.testing.assert_allclose(folded(x, w), 1 - (x @ w.T).std(0) / np.abs(w).sum(1), atol=1e-10)
    assert np.abs(reorientation(x, x @ w.T, w) - flipped).min() > 1e-3


def test_what_leaves_reorientation_as_it_is():
    rng = generator(6, "weights")
    x, _ = problem(6)
    w, t = rng.normal(size=(3, 12)), rng.normal(size=(120, 3))
    before = reorientation(x, t, w)
    turn = np.linalg.qr(rng.normal(size=(120, 120)))[0]
    order = rng.permutation(12)
    for x_, t_, w_ in (
        (x, t, -3 * w),
        (x * rng.uniform(0.1, 9, 12), t, w),
        (x, t * rng.uniform(0.1, 9, 3), w),
        (x[:, order], t, w[:, order]),
        (turn @ x, turn @ t, w),
    ):
        np.testing.assert_allclose(reorientation(x_, t_, w_), before, atol=1e-10)


def test_a_dead_voxel_is_nan_or_zero_and_a_silent_unit_counts_in_neither_sum():
    x, _ = problem(7)
    w = np.zeros((2, 12))
    w[1, :2] = 1
    t = x @ w.T
    assert np.isnan(reorientation(x, t, w)[0])
    assert reorientation(x, t, w, empty="zero")[0] == 0
    silent = np.column_stack([x, np.zeros(len(x))])
    wider = np.column_stack([w, np.zeros(2)])
    assert reorientation(silent, t, wider)[1] == reorientation(x, t, w)[1]
    wider[1, -1] = 1
    with pytest.raises(StudyError, match="unit 12 is 0 for every image but has a weight"):
        reorientation(silent, t, wider)


def test_a_target_of_zeros_is_nan():
    x, _ = problem(8)
    assert np.isnan(reorientation(x, np.zeros((len(x), 1)), np.ones(12))[0])


def test_ceilings_of_three_repeats():
    assert encoding.noise_ceiling(np.array([1.0]))[0] == pytest.approx(np.sqrt(0.75))
    assert encoding.noise_ceiling(np.array([0.0]))[0] == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, y: fit("lasso", True, -1, x, y), "alpha is at least 0, found -1"),
        (lambda x, y: fit("laso", True, 1, x, y), "did you mean 'lasso'"),
        (lambda x, y: fit("lasso", True, 1, x, y[:-1]), "features have 120 images, targets 119"),
        (lambda x, y: fit("lasso", True, 1, x * np.nan, y), "features: NaN or infinity in column"),
        (lambda x, y: reorientation(x, y, np.ones((3, 12))), r"weights are \(3, 12\), 7 voxels"),
        (lambda x, y: reorientation(x, y, np.ones((7, 12)), "none"), "'nan' or 'zero'"),
        (lambda x, y: encoding.noise_ceiling(np.array([np.nan])), "ncsnr is missing"),
        (lambda x, y: encoding.noise_ceiling(np.array([])), "ncsnr is missing"),
    ],
)
def test_what_a_user_can_get_wrong(call, words):
    with pytest.raises(StudyError, match=words):
        call(*problem())


def test_a_model_that_does_not_converge_is_an_error(monkeypatch):
    monkeypatch.setattr(encoding, "STALLED", 1)
    monkeypatch.setattr(encoding, "PIVOTS", 0)
    with pytest.raises(StudyError, match="did not converge"):
        fit("lasso", False, 0.01, *problem())


def test_signed_fits_of_more_units_than_images_are_the_shortest():
    x, y = problem(10, n=8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(fit("ols", False, 0, x, y), (np.linalg.pinv(x) @ y).T, atol=1e-9)


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(5, 50),
    units=st.integers(1, 40),
    voxels=st.integers(1, 3),
    kind=st.sampled_from(["lasso", "elastic_net"]),
    positive=st.booleans(),
    share=st.floats(0.02, 1.1),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_size_has_scikit_learns_weights(seed, n, units, voxels, kind, positive, share):
    """Along three alphas, up to where all weights vanish; more units than images too."""
    x, y = problem(seed, n, units, voxels)
    alphas = share * np.abs(x.T @ y / n).max() * np.array([0.2, 1, 0.5])
    ours = path(kind, positive, alphas, x, y)
    for voxel, one in enumerate(y.T):
        theirs = enet_path(
            x,
            one,
            l1_ratio=1.0 if kind == "lasso" else 0.5,
            alphas=alphas,
            positive=positive,
            precompute=x.T @ x,
            Xy=x.T @ one,
            tol=1e-11,
            max_iter=100_000,
        )[1]
        # The path comes from the largest alpha down.
        np.testing.assert_allclose(ours[np.argsort(-alphas), voxel], theirs.T, atol=2e-6)


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 60),
    units=st.integers(1, 70),
    alphas=st.lists(st.sampled_from([1e-6, 0.01, 1.0, 30.0, 1e4]), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_ridge_of_any_size_solves_the_normal_equations(seed, n, units, alphas):
    x, y = problem(seed, n, units)
    for alpha, ours in zip(alphas, path("ridge", False, alphas, x, y), strict=True):
        theirs = Ridge(alpha, fit_intercept=False, solver="svd").fit(x, y).coef_
        np.testing.assert_allclose(ours, theirs, atol=1e-8)


@given(seed=st.integers(0, 10_000), n=st.integers(2, 50), units=st.integers(1, 50))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_positive_least_squares_of_any_size_is_nnls(seed, n, units):
    x, y = problem(seed, n, units)
    ours = fit("ols", True, 0, x, y)
    theirs = np.stack([nnls(x, one)[0] for one in y.T])
    np.testing.assert_allclose(ours @ x.T, theirs @ x.T, atol=1e-7)
    assert (ours >= 0).all()


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("kind", ["lasso", "elastic_net", "ridge"])
def test_constant_and_repeated_columns_and_targets_of_zeros_are_solved(kind, positive):
    """The smallest loss; where it has one solution, which repeated columns deny the Lasso, that one."""
    x, y = problem(14, n=40, units=30)
    x[:, 3] = 0
    x[:, 5:9] = x[:, 4:5]
    x = np.hstack([x, x])
    y[:, 2] = 0
    alphas = [0.3, 0.02]
    found = path(kind, positive, alphas, x, y)
    assert not found[:, 2].any() and not found[:, :, [3, 33]].any()
    for alpha, weights in zip(alphas, found, strict=True):
        theirs = np.stack([ORACLES[kind](alpha, positive).fit(x, one).coef_ for one in y.T])
        np.testing.assert_allclose(weights @ x.T, theirs @ x.T, atol=1e-5)
        if kind != "lasso":
            np.testing.assert_allclose(weights, theirs, atol=1e-5)
        l1, l2 = {
            "lasso": (alpha, 0.0),
            "elastic_net": (alpha / 2, alpha / 2),
            "ridge": (0.0, alpha / len(x)),
        }[kind]
        gradient = x.T @ (y - x @ weights.T) / len(x)
        assert encoding.violation(gradient, weights.T, l1, l2, positive).max() < 1e-7


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("kind", encoding.KINDS)
def test_a_voxel_has_the_same_weights_alone_and_a_run_the_same_bytes(kind, positive):
    x, y = problem(15, n=90, units=40, voxels=20)
    together = path(kind, positive, [0.1, 0.01], x, y)
    assert together.tobytes() == path(kind, positive, [0.1, 0.01], x, y).tobytes()
    for voxel in (0, 7, 19):
        alone = path(kind, positive, [0.1, 0.01], x, y[:, [voxel]])
        np.testing.assert_allclose(alone[:, 0], together[:, voxel], atol=1e-12)


@pytest.mark.parametrize("positive", [False, True])
def test_a_small_target_is_solved_as_well_beside_a_large_one(positive):
    """The tolerance of a voxel is of its own size: a small one was left at 0 beside a large one."""
    x, y = problem(16, voxels=1)
    both = np.hstack([y, 1e-9 * y])
    large, small = fit("ridge", positive, 1.0, x, both, tol=1e-6)
    assert large.any()
    np.testing.assert_allclose(1e9 * small, large, atol=1e-6)


def test_descent_alone_finds_what_exchanges_of_units_find(monkeypatch):
    x, y = problem(12, units=30)
    fast = fit("lasso", True, 0.05, x, y)
    monkeypatch.setattr(encoding, "PIVOTS", 0)
    np.testing.assert_allclose(fit("lasso", True, 0.05, x, y), fast, atol=1e-7)


def test_a_dead_alpha_is_never_chosen():
    scores = np.array([[-0.5, np.nan, 0.9], [-0.55, np.nan, 0.1]])
    weights = np.ones((2, 3, 4))
    weights[:, 1] = 0  # a voxel that is dead at every alpha
    weights[0, 2] = 0  # a score of rounding errors
    assert encoding.choose(scores, weights)[[0, 2]].tolist() == [0, 1]
    assert encoding.choose(scores, weights, "global").tolist() == [1, 1, 1]
    weights[1] = 0
    assert encoding.choose(scores, weights, "global").tolist() == [0, 0, 0]
    with pytest.raises(StudyError, match="'voxel' or 'global'"):
        encoding.choose(scores, weights, "each")


def test_signed_weights_among_units_of_all_directions_turn_by_one_on_average():
    rng = generator(13, "isotropic")
    x, w = rng.normal(size=(40, 400)), rng.normal(size=(300, 400))
    theta = reorientation(x, rng.normal(size=(40, 300)), w)
    assert theta.mean() == pytest.approx(1, abs=0.005)
    assert theta.min() > 0.9 and theta.max() < 1.1
