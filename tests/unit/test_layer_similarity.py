"""Similarities of layers against SciPy, scikit-learn and closed forms."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from replicortex.analysis import layer_similarity as similarity
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers


def draw(*shape, seed=0):
    values = generator(seed, "test", *shape).normal(size=shape)
    return values - values.mean(0)


X, Y = draw(40, 6), draw(40, 9, seed=1)


def test_cka_is_the_alignment_of_centred_kernels():
    one, other = X @ X.T, Y @ Y.T
    norms = np.sqrt((one * one).sum() * (other * other).sum())
    expected = (one * other).sum() / norms
    assert similarity.cka(X, Y) == pytest.approx(expected, rel=1e-12)
    assert similarity.cka(X, 3 * X @ np.linalg.qr(draw(6, 6))[0]) == pytest.approx(1)


def test_procrustes_is_one_less_half_the_squared_distance():
    y = draw(40, 6, seed=2)
    x, y = X / np.linalg.norm(X), y / np.linalg.norm(y)
    turn, _ = orthogonal_procrustes(x, y)
    distance = np.linalg.norm(x @ turn - y) ** 2
    assert similarity.procrustes(3 * x, y) == pytest.approx(1 - distance / 2, rel=1e-12)
    assert similarity.procrustes(X, Y) == pytest.approx(similarity.procrustes(Y, X))


def test_rsa_is_spearmans_of_scipys_distances():
    expected = spearmanr(pdist(X, "correlation"), pdist(Y, "correlation"))[0]
    assert similarity.rsa(X, Y) == pytest.approx(expected, abs=1e-12)


def test_ridge_is_scikit_learns():
    expected = Ridge(alpha=0.3, fit_intercept=False).fit(Y, X).coef_.T
    np.testing.assert_allclose(similarity.ridge_weights(Y, X, 0.3), expected, atol=1e-10)
