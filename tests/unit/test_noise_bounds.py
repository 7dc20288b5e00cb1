import numpy as np
import pytest
from scipy.stats import spearmanr

from replicortex.analysis import bootstrap, noise_bounds, rank
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers

N = 14
PAIRS = N * (N - 1) // 2


@pytest.fixture
def subjects():
    rng = np.random.default_rng(0)
    noisy = rng.normal(size=(5, PAIRS)) * 1.5 + rng.normal(size=PAIRS)
    # Unequal, skewed ranges, so that averaging ranks differs from averaging values.
    return np.exp(noisy * np.array([0.3, 1.0, 0.5, 2.0, 0.7])[:, None])


def test_ranks_equal_rsatoolbox(subjects):
    from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs

    expected = boot_noise_ceiling(RDMs(subjects), method="spearman")
    np.testing.assert_allclose(
        noise_bounds.leave_one_out(subjects, pool="ranks"), expected, atol=1e-12
    )


def test_mean_equals_the_definition(subjects):
    others = [np.delete(subjects, i, axis=0).mean(axis=0) for i in range(5)]
    lower = [spearmanr(s, o).statistic for s, o in zip(subjects, others, strict=True)]
    upper = [spearmanr(s, subjects.mean(axis=0)).statistic for s in subjects]
    bounds = noise_bounds.leave_one_out(subjects)
    np.testing.assert_allclose(bounds, (np.mean(lower), np.mean(upper)), atol=1e-12)
    assert bounds.lower < bounds.upper
    assert abs(bounds.lower - noise_bounds.leave_one_out(subjects, pool="ranks").lower) > 1e-3


def test_subjects_who_agree_reach_one(subjects):
    same = np.repeat(subjects[:1], 3, axis=0)
    np.testing.assert_allclose(noise_bounds.leave_one_out(same), (1, 1), atol=1e-12)


def test_upper_bound_of_ranks_is_not_passed_by_any_model(subjects):
    bound = noise_bounds.leave_one_out(subjects, pool="ranks").upper
    rng = np.random.default_rng(1)
    models = np.concatenate(
        [subjects, subjects.mean(axis=0)[None], rng.dirichlet(np.ones(5), 200) @ np.log(subjects)]
    )
    assert rank.spearman(models, subjects).mean(axis=1).max() <= bound + 1e-12


def test_upper_bound_of_three_silent_subjects_is_far_from_zero():
    """Each subject is in the mean of all: three that share nothing give about 0.55, not 0."""
    vectors = np.random.default_rng(2).normal(size=(3, 20000))
    bounds = noise_bounds.leave_one_out(vectors)
    assert abs(bounds.lower) < 0.02
    assert abs(bounds.upper - 0.56) < 0.02


@pytest.mark.parametrize("pool", ["mean", "ranks"])
def test_bootstrap_of_all_stimuli_once_gives_the_bounds(subjects, pool):
    ones = np.ones((1, N), dtype=int)
    draws = noise_bounds.bootstrap_bounds(subjects, N, 1, 0, weights=ones, pool=pool)
    np.testing.assert_allclose(draws[0], noise_bounds.leave_one_out(subjects, pool), atol=1e-7)


def test_bootstrap_resamples_stimuli(subjects):
    draws = noise_bounds.bootstrap_bounds(subjects, N, 20, 3)
    assert draws.shape == (20, 2)
    others, everyone = noise_bounds.pooled(subjects)
    model = bootstrap.stimulus_bootstrap(everyone[None], subjects, N, 20, 3)
    np.testing.assert_allclose(draws[:, 1], model[:, 0].mean(axis=1), atol=1e-7)
    third = bootstrap.stimulus_bootstrap(others, subjects, N, 20, 3)
    expected = np.mean([third[:, i, i] for i in range(5)], axis=0)
    np.testing.assert_allclose(draws[:, 0], expected, atol=1e-7)


def test_bad_input_is_an_error(subjects):
    with pytest.raises(StudyError, match="at least 2 subjects"):
        noise_bounds.leave_one_out(subjects[:1])
    with pytest.raises(StudyError, match="pool is 'mean' or 'ranks', found 'rank'"):
        noise_bounds.leave_one_out(subjects, pool="rank")
    subjects[2, 3] = np.nan
    with pytest.raises(StudyError, match="RDM of subject 2"):
        noise_bounds.leave_one_out(subjects)
