"""Pearson's r of columns against SciPy, and its answer where it is undefined."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from replicortex.analysis.correlation import mean_pearson, pearson
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers
X = generator(0, "test").normal(size=(40, 6))
Y = X + generator(1, "test").normal(size=(40, 6))


def test_pearson_is_scipys():
    np.testing.assert_allclose(pearson(X, Y), pearsonr(X, Y).statistic, atol=1e-14)


def test_a_constant_column_has_no_correlation():
    p = np.full_like(Y, 1 / 3)
    p[::2] += 1e-17
    p[:, 1] = Y[:, 1] * 2 + 1
    for found in (pearson(p, Y), pearson(Y, p)):
        assert found[1] == pytest.approx(1)
        np.testing.assert_array_equal(np.isnan(found), np.arange(6) != 1)


def test_a_mean_leaves_undefined_columns_out_and_counts_them():
    predicted = 2 * X + 1
    predicted[:, [0, 3]] = 1.0
    mean = mean_pearson(predicted, Y)
    assert mean.undefined == 2
    assert mean.value == pytest.approx(pearson(X, Y)[[1, 2, 4, 5]].mean(), abs=1e-14)
    nothing = mean_pearson(np.ones_like(Y), Y)
    assert np.isnan(nothing.value) and nothing.undefined == 6


@pytest.mark.parametrize(
    ("predicted", "words"),
    [
        (Y[:, 1:], r"predictions are \(40, 5\), responses \(40, 6\)"),
        (Y * np.nan, "predictions: NaN or infinity in column 0"),
        (Y[:0], r"predictions: expected a filled matrix .* found \(0, 6\)"),
    ],
)
def test_what_can_be_wrong_is_told(predicted, words):
    with pytest.raises(StudyError, match=words):
        pearson(predicted, Y)
