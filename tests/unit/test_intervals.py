"""Effect sizes and intervals against statsmodels and SciPy."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from replicortex.analysis import intervals
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(loc=0.4, size=9)


def test_cohens_d_equals_statsmodels(values):
    other = np.random.default_rng(1).normal(size=6, scale=2)
    compare = CompareMeans(DescrStatsW(values), DescrStatsW(other))
    t, _, _ = compare.ttest_ind(usevar="pooled")
    assert intervals.cohens_d(values, other) == pytest.approx(t * np.sqrt(1 / 9 + 1 / 6))
    t = stats.ttest_1samp(values, 0).statistic
    assert intervals.cohens_d_paired(values) == pytest.approx(t / 3)


def test_t_interval_equals_statsmodels(values):
    for level in (0.95, 0.8):
        expected = DescrStatsW(values).tconfint_mean(alpha=1 - level)
        assert intervals.t_interval(values, level) == pytest.approx(expected)


def test_fiellers_interval_ends_where_a_t_test_of_the_ratio_does():
    rng = np.random.default_rng(2)
    start, end = rng.normal(4, 0.8, size=(3, 6)), rng.normal(2, 0.5, size=(3, 6))
    lower, upper = intervals.fieller_interval(start, end, 0.9)
    for row in range(3):
        for ratio in (lower[row], upper[row]):
            p = stats.ttest_1samp(end[row] - ratio * start[row], 0).pvalue
            assert p == pytest.approx(0.1)
        middle = end[row].mean() / start[row].mean()
        assert lower[row] < middle < upper[row]


def test_fiellers_interval_has_no_end_where_the_start_may_be_zero():
    lower, upper = intervals.fieller_interval(np.array([-1.0, 2, 0.5]), np.array([1.0, 2, 3]))
    assert (lower, upper) == (-np.inf, np.inf)
    lower, upper = intervals.fieller_interval(np.array([-1.0, -2, -3]), np.array([1.0, 2, 3]))
    assert np.isnan(lower) and np.isnan(upper)
    with pytest.raises(StudyError, match="expected alike"):
        intervals.fieller_interval(np.ones(3), np.ones(4))
    with pytest.raises(StudyError, match="level of an interval"):
        intervals.fieller_interval(np.ones(3), np.ones(3), 95)


def test_fiellers_interval_covers_a_ratio_as_often_as_it_says():
    rng = np.random.default_rng(3)
    for spread, allowed in ((0.5, 0.005), (1.5, np.inf)):
        shared = rng.normal(5, spread, size=(40_000, 3))
        start, end = (shared * scale + rng.normal(0, 0.3, shared.shape) for scale in (1.0, 0.8))
        lower, upper = intervals.fieller_interval(start, end)
        covered = ((lower <= 0.8) & (upper >= 0.8)).mean()
        # Without a bound it covers everything: where that happens often, it errs to the safe side.
        assert covered == pytest.approx(0.95, abs=allowed) and covered > 0.945


@pytest.mark.parametrize("freedom", [2, 4, 18])
@pytest.mark.parametrize("shift", [-3.0, 0.0, 0.7, 6.0])
@pytest.mark.parametrize("t", [-2.5, 0.0, 1.3, 9.0])
def test_the_noncentral_t_is_scipys_where_scipy_has_one(t, shift, freedom):
    expected = stats.nct.cdf(t, freedom, shift)
    if np.isfinite(expected):
        assert intervals.noncentral_t_cdf(t, freedom, shift) == pytest.approx(expected, abs=1e-9)


def test_the_noncentral_t_is_symmetric_and_finite_far_out():
    for t, shift in [(-8, 8), (-20, 60), (20, -20), (60, -60)]:
        below = intervals.noncentral_t_cdf(t, 4, shift)
        assert below + intervals.noncentral_t_cdf(-t, 4, -shift) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("d", [-40.0, -6.65, -0.2, 0.0, 3.0, 40.0])
def test_the_interval_of_cohens_d_holds_for_large_and_negative_d(d):
    lower, upper = intervals.cohens_d_interval(d, 3)
    assert lower < d < upper
    t, scale = d * 1.5**0.5, 1.5**0.5
    assert intervals.noncentral_t_cdf(t, 4, lower * scale) == pytest.approx(0.975, abs=1e-8)
    assert intervals.noncentral_t_cdf(t, 4, upper * scale) == pytest.approx(0.025, abs=1e-8)


def test_bad_samples_are_errors(values):
    with pytest.raises(StudyError, match="no spread"):
        intervals.cohens_d_paired(np.full(5, 0.1))
    with pytest.raises(StudyError, match="no spread"):
        intervals.cohens_d(np.ones(3), np.zeros(3))
    with pytest.raises(StudyError, match="at least 2 value"):
        intervals.t_interval(values[:1])
    with pytest.raises(StudyError, match="between 0 and 1"):
        intervals.t_interval(values, 95)
