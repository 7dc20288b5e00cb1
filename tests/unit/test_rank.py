import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import pearsonr, rankdata, spearmanr

from replicortex.analysis import rank
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers


@pytest.fixture
def vectors():
    """Correlated rows with many ties: (2, 200), (3, 200), (2, 200)."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=200)
    return [np.round(rng.normal(size=(k, 200)) + common, 1) for k in (2, 3, 2)]


def test_spearman_equals_scipy(vectors):
    a, b, _ = vectors
    expected = [[spearmanr(x, y).statistic for y in b] for x in a]
    np.testing.assert_allclose(rank.spearman(a, b), expected, atol=1e-14)


def test_spearman_equals_rsatoolbox(vectors):
    from rsatoolbox.rdm import RDMs, compare

    a, b = (v[:, :190] for v in vectors[:2])  # 20 stimuli
    expected = compare(RDMs(a), RDMs(b), method="spearman")
    np.testing.assert_allclose(rank.spearman(a, b), expected, atol=1e-14)


def test_more_rows_than_a_block_and_the_same_to_the_bit(vectors, monkeypatch):
    a, b, controls = vectors
    rows = np.concatenate([a, b, controls])
    whole = rank.spearman(a, rows)
    monkeypatch.setattr(rank, "BLOCK", 2)
    np.testing.assert_array_equal(rank.spearman(a, rows), whole)
    with pytest.raises(StudyError, match=r"second vectors: all values are the same.*first is 5"):
        rank.spearman(a, np.where(np.arange(7)[:, None] == 5, 0.5, rows))
    rows[6, 0] = np.nan
    with pytest.raises(StudyError, match=r"second vectors: NaN or infinity.*first is 6"):
        rank.spearman(a, rows)


def test_ranks_of_whole_numbers_make_it_exact():
    """Against whole numbers of any length: 20,000 values, a third of them tied."""
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=20_000), rng.integers(0, 9000, 20_000)
    x[: 20_000 // 3] = np.round(x[: 20_000 // 3], 1)
    doubled = [np.rint(2 * rankdata(v) - 20_001).astype(int).tolist() for v in (x, y)]
    (xx, yy), xy = (sum(i * i for i in v) for v in doubled), sum(map(int.__mul__, *doubled))
    exact = Fraction(10**20 * xy, math.isqrt(10**40 * xx * yy))
    assert abs(rank.spearman(x[None], y[None])[0, 0] - float(exact)) <= 2 * np.finfo(float).eps


def test_memory_does_not_grow_with_the_second_rows():
    """Ranks of the first rows and of two blocks, what sorts one: 100 rows take no more than 30."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 20_000)), rng.normal(size=(100, 20_000))
    peaks = []
    for count in (30, 100):
        tracemalloc.start()
        rank.spearman(a, b[:count])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20_000 * 8
    assert peaks[1] < (2 + 2 * rank.BLOCK + 8) * 20_000 * 8


def test_spearman_sees_order_only(vectors):
    a, b, _ = vectors
    np.testing.assert_allclose(rank.spearman(np.exp(a), b), rank.spearman(a, b), atol=1e-14)
    np.testing.assert_allclose(rank.spearman(-a, b), -rank.spearman(a, b), atol=1e-14)
    np.testing.assert_allclose(np.diagonal(rank.spearman(a, a)), 1.0, atol=1e-14)


def residuals(vector, controls):
    ranks = sm.add_constant(rankdata(controls, axis=1).T)
    return sm.OLS(rankdata(vector), ranks).fit().resid


@pytest.mark.parametrize("count", [1, 2])
def test_partial_spearman_equals_the_correlation_of_regression_residuals(vectors, count):
    a, b, controls = vectors
    controls = controls[:count]
    expected = [
        [pearsonr(residuals(x, controls), residuals(y, controls)).statistic for y in b] for x in a
    ]
    np.testing.assert_allclose(rank.partial_spearman(a, b, controls), expected, atol=1e-12)
    assert np.abs(rank.partial_spearman(a, b, controls) - rank.spearman(a, b)).max() > 0.05


def test_partial_spearman_of_one_control_equals_the_formula(vectors):
    a, b, controls = vectors
    control = controls[:1]
    ab, ac, bc = rank.spearman(a, b), rank.spearman(a, control), rank.spearman(b, control)
    expected = (ab - ac * bc.T) / np.sqrt((1 - ac**2) * (1 - bc.T**2))
    np.testing.assert_allclose(rank.partial_spearman(a, b, control), expected, atol=1e-12)


def test_partialling_a_vector_itself_leaves_nothing_to_correlate(vectors):
    a, b, controls = vectors
    result = rank.partial_spearman(a, b, np.concatenate([controls, a[:1]]))
    assert np.isnan(result[0]).all()
    assert np.abs(result[1]).min() > 0.01


def test_no_control_and_repeated_controls(vectors):
    a, b, controls = vectors
    np.testing.assert_array_equal(
        rank.partial_spearman(a, b, np.empty((0, 200))), rank.spearman(a, b)
    )
    twice = np.concatenate([controls, 3 * controls + 1])
    np.testing.assert_allclose(
        rank.partial_spearman(a, b, twice), rank.partial_spearman(a, b, controls), atol=1e-10
    )


def test_inputs_are_not_changed(vectors):
    before = [v.copy() for v in vectors]
    rank.partial_spearman(*vectors)
    for old, new in zip(before, vectors, strict=True):
        np.testing.assert_array_equal(old, new)


def test_bad_vectors_are_errors(vectors):
    a, b, controls = vectors
    with pytest.raises(StudyError, match="200 in the first, 199 in the second"):
        rank.spearman(a, b[:, :199])
    with pytest.raises(StudyError, match=r"second vectors: all values are the same.*first is 1"):
        rank.spearman(a, np.where(np.arange(3)[:, None] == 1, 0.5, b))
    controls[1, 7] = np.nan
    with pytest.raises(StudyError, match=r"control vectors: NaN or infinity.*first is 1"):
        rank.partial_spearman(a, b, controls)
    with pytest.raises(StudyError, match="at least 3 values"):
        rank.spearman(a[:, :2], b[:, :2])
