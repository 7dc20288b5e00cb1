from itertools import product

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from replicortex.analysis import permutation
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(loc=0.4, size=9)


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_sign_flip_equals_scipy(values, alternative):
    expected = stats.permutation_test(
        (values,),
        np.mean,
        permutation_type="samples",
        alternative=alternative,
        n_resamples=np.inf,
    ).pvalue
    assert permutation.sign_flip(values, alternative) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("alternative", "extreme"), [("greater", 1), ("two-sided", 2)])
def test_five_seeds_of_one_sign_have_the_floor(alternative, extreme):
    differences = np.array([0.1, 0.2, 0.3, 0.05, 0.4])
    assert permutation.sign_flip(differences, alternative) == extreme / 32
    assert permutation.sign_flip(-differences, "less") == 1 / 32
    assert permutation.sign_flip(differences, "less") == 1.0


def test_ties_count_in_spite_of_rounding():
    differences = np.array([0.1, 0.2, 0.3, -0.3, 0.7, 0.1])
    exact = np.array([1, 2, 3, -3, 7, 1])  # the same in whole numbers
    sums = np.array([np.dot(exact, signs) for signs in product([1, -1], repeat=6)])
    assert permutation.sign_flip(differences, "greater") == np.mean(sums >= exact.sum())


def test_zeros_are_no_evidence():
    for alternative in ("greater", "less", "two-sided"):
        assert permutation.sign_flip(np.zeros(5), alternative) == 1.0


def test_twenty_values_are_enumerated_and_more_are_refused():
    assert permutation.sign_flip(np.arange(1.0, 21), "greater") == 2.0**-20
    with pytest.raises(StudyError, match="up to 20 values, found 21"):
        permutation.sign_flip(np.ones(21))


def test_cohens_d_equals_statsmodels(values):
    other = np.random.default_rng(1).normal(size=6, scale=2)
    compare = CompareMeans(DescrStatsW(values), DescrStatsW(other))
    t, _, _ = compare.ttest_ind(usevar="pooled")
    assert permutation.cohens_d(values, other) == pytest.approx(t * np.sqrt(1 / 9 + 1 / 6))
    t = stats.ttest_1samp(values, 0).statistic
    assert permutation.cohens_d_paired(values) == pytest.approx(t / 3)


def test_t_interval_equals_statsmodels(values):
    for level in (0.95, 0.8):
        expected = DescrStatsW(values).tconfint_mean(alpha=1 - level)
        assert permutation.t_interval(values, level) == pytest.approx(expected)


def test_bad_samples_are_errors(values):
    with pytest.raises(StudyError, match="no spread"):
        permutation.cohens_d_paired(np.full(5, 0.1))
    with pytest.raises(StudyError, match="no spread"):
        permutation.cohens_d(np.ones(3), np.zeros(3))
    with pytest.raises(StudyError, match="at least 2 value"):
        permutation.t_interval(values[:1])
    with pytest.raises(StudyError, match="between 0 and 1"):
        permutation.t_interval(values, 95)
    with pytest.raises(StudyError, match="found 'bigger'"):
        permutation.sign_flip(values, "bigger")
    with pytest.raises(StudyError, match=r"1 value\(s\) are NaN"):
        permutation.sign_flip(np.append(values, np.nan))
