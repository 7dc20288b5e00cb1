from itertools import product

import numpy as np
import pytest
from scipy import stats

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


def test_many_values_take_no_list_of_all_signs():
    """Of n equal values, the share of assignments with k signs at most is a binomial's."""
    expected = stats.binom(24, 0.5)
    values = np.full(24, 0.1)
    assert permutation.sign_flip(values, "greater") == 2.0**-24
    values[:3] *= -1
    assert permutation.sign_flip(values, "greater") == pytest.approx(expected.cdf(3), abs=1e-15)
    assert permutation.sign_flip(values) == pytest.approx(2 * expected.cdf(3), abs=1e-15)
    assert permutation.sign_flip(np.arange(1.0, 41), "less") == 1.0
    with pytest.raises(StudyError, match="up to 40 values, found 41"):
        permutation.sign_flip(np.ones(41))


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_every_assignment_is_counted(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    means = np.array([np.mean(values * np.array(signs)) for signs in product((1, -1), repeat=n)])
    at_least = np.mean(means >= values.mean() - 1e-12)
    assert permutation.sign_flip(values, "greater") == at_least


def test_bad_samples_are_errors(values):
    with pytest.raises(StudyError, match="found 'bigger'"):
        permutation.sign_flip(values, "bigger")
    with pytest.raises(StudyError, match=r"1 value\(s\) are NaN"):
        permutation.sign_flip(np.append(values, np.nan))
