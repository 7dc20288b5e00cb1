"""Encoding models against scikit-learn and closed forms; properties of the reorientation."""

import numpy as np
import pytest

from replicortex.analysis import encoding as e
from replicortex.errors import StudyError
from replicortex.randomness import generator


def made(n=120, units=20, voxels=6, seed=0):
    rng = generator(seed, "test of encoding")
    X = rng.normal(size=(n, units)) + rng.normal(size=(n, 1))
    Y = X @ rng.normal(size=(units, voxels)) + 3 * rng.normal(size=(n, voxels))
    return e.standardise(X)[0], e.standardise(Y)[0]


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("kind", e.KINDS)
def test_weights_are_those_of_scikit_learn(kind, positive):
    from sklearn import linear_model as sk

    X, Y = made()
    options = {"fit_intercept": False, "positive": positive}
    model = {
        "ols": lambda: sk.LinearRegression(**options),
        "lasso": lambda: sk.Lasso(0.1, tol=1e-10, max_iter=10**6, **options),
        "elastic_net": lambda: sk.ElasticNet(0.1, tol=1e-10, max_iter=10**6, **options),
        "ridge": lambda: sk.Ridge(5.0, tol=1e-10, **options),
    }[kind]().fit(X, Y)
    ours = e.fit(kind, positive, 5.0 if kind == "ridge" else 0.1, X, Y)
    assert np.abs(ours - model.coef_).max() < (1e-5 if kind == "ridge" and positive else 1e-7)
    assert not positive or (ours >= 0).all()


def test_ridge_per_sample_is_an_elastic_net_without_l1():
    X, Y = made()
    net = e.fit("elastic_net", False, 0.3, X, Y, l1_ratio=0.0)
    assert np.abs(net - e.fit("ridge", False, 0.3, X, Y, scale="sample")).max() < 1e-6
    assert np.abs(net - e.fit("ridge", False, 0.3, X, Y)).max() > 1e-2


def test_lasso_is_dead_above_the_largest_correlation():
    X, Y = made()
    limit = np.abs(X.T @ Y).max() / len(X)
    assert not e.fit("lasso", False, limit * 1.001, X, Y).any()
    assert e.fit("lasso", False, limit * 0.98, X, Y).any()


def test_path_equals_single_fits():
    X, Y = made()
    alphas = [0.01, 1.0, 0.1]
    found = e.path("lasso", True, alphas, X, Y)
    for weights, alpha in zip(found, alphas, strict=True):
        assert np.abs(weights - e.fit("lasso", True, alpha, X, Y)).max() < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_positive_reorientation_is_one_minus_sd_over_weights(seed):
    X, Y = made(seed=seed)
    W = e.fit("lasso", True, 0.05, X, Y)
    theta = e.reorientation(X, X @ W.T, W)
    live = W.any(1)
    assert np.abs(theta - e.folded(X @ W.T, W))[live].max() < 1e-10
    assert ((theta[live] >= -1e-12) & (theta[live] <= 1)).all()
    assert np.isnan(theta[~live]).all()


def test_one_unit_gives_0_or_2():
    X, _ = made()
    W = np.zeros((2, X.shape[1]))
    W[0, 3], W[1, 3] = 0.7, -0.7
    assert np.allclose(e.reorientation(X, X @ W.T, W), [0, 2], atol=1e-12)


def test_what_reorientation_does_not_see_and_what_it_does():
    X, Y = made()
    W = e.fit("ols", False, 0, X, Y)
    T = X @ W.T
    theta = e.reorientation(X, T, W)
    assert theta == pytest.approx(e.reorientation(X, T, -3 * W))
    assert theta == pytest.approx(e.reorientation(X * np.arange(1, 21), T, W))
    assert theta == pytest.approx(e.reorientation(X, T * np.arange(1, 7), W))
    order = generator(1, "order").permutation(20)
    assert theta == pytest.approx(e.reorientation(X[:, order], T, W[:, order]))
    turn = np.linalg.qr(generator(2, "turn").normal(size=(120, 120)))[0]
    assert theta == pytest.approx(e.reorientation(turn @ X, turn @ T, W))
    flip = np.where(np.arange(20) < 7, -1, 1)
    assert np.allclose((X * flip) @ (W * flip).T, T)
    assert np.abs(e.reorientation(X * flip, T, W * flip) - theta).max() > 0.05


def test_corner_cases_of_reorientation():
    X, Y = made()
    dead = np.zeros((6, 20))
    assert np.isnan(e.reorientation(X, Y, dead)).all()
    assert (e.reorientation(X, Y, dead, empty="zero") == 0).all()
    W = generator(3, "w").normal(size=(6, 20))
    W[:, 0] = 0
    silent = np.where(np.arange(20) == 0, 0, X)
    assert e.reorientation(silent, Y, W) == pytest.approx(e.reorientation(X[:, 1:], Y, W[:, 1:]))
    assert np.isnan(e.reorientation(X, np.zeros_like(Y), W)).all()
    assert e.reorientation(X, Y[:, :1], W[0]).shape == (1,)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda X, Y: e.reorientation(X[1:], Y, np.ones((6, 20))),
            "X has 119 images but T has 120",
        ),
        (lambda X, Y: e.reorientation(X, Y, np.ones((5, 20))), r"W has shape \(5, 20\)"),
        (lambda X, Y: e.reorientation(X * np.nan, Y, np.ones((6, 20))), "X: 2400 values are not"),
        (lambda X, Y: e.reorientation(X * 0, Y, np.ones((6, 20))), "unit 0 is 0 for every image"),
        (lambda X, Y: e.fit("laso", True, 1, X, Y), "did you mean 'lasso'"),
        (lambda X, Y: e.fit("lasso", True, -1, X, Y), "alpha: found -1"),
        (lambda X, Y: e.fit("lasso", True, 1, X[1:], Y), "X has 119 images but Y has 120"),
        (lambda X, Y: e.noise_ceiling(None, 3), "ncsnr is missing"),
    ],
)
def test_bad_input_is_told(call, words):
    with pytest.raises(StudyError, match=words):
        call(*made())


def test_constant_predictions_have_no_correlation():
    _, Y = made()
    flat = np.full_like(Y, 1 / 3)
    assert np.isnan(e.correlations(flat, Y)).all()
    assert e.correlations(Y, Y) == pytest.approx(1)
    assert e.correlations(Y, Y[::-1])[0] == pytest.approx(np.corrcoef(Y[:, 0], Y[::-1, 0])[0, 1])


def test_ceiling_and_dead_alphas():
    assert e.noise_ceiling(np.array([1.0]), 3) == pytest.approx(np.sqrt(3 / 4))
    r = np.array([[-0.2, np.nan, 0.1], [np.nan, np.nan, 0.5]])
    assert e.best_alpha(r, per_voxel=True).tolist() == [0, -1, 1]
    assert e.best_alpha(r, per_voxel=False).tolist() == [1, 1, 1]
    assert e.best_alpha(r * np.nan, per_voxel=False).tolist() == [-1, -1, -1]
