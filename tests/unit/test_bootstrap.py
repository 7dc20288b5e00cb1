import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import spearmanr

from replicortex.analysis import bootstrap, rank, rdm
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers

N = 16
PAIRS = N * (N - 1) // 2
SPACING = np.finfo(float).eps
# What the module promises: exact sums here, and what it may be off by where they are not.
EXACT = 2 * SPACING
INEXACT = 2 * 2 * PAIRS * SPACING  # no vector here has a group of ties above 79 % of the pairs
# SciPy and rsatoolbox rank every pair of a resample (120 at most) and sum in float64.
OTHERS = 4 * PAIRS * SPACING


@pytest.fixture
def vectors():
    """Three models (without ties, with many, of two values) and two brains."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=PAIRS)
    models = rng.normal(size=(3, PAIRS)) + common
    models[1] = np.round(models[1])
    models[2] = models[2] > 0.3
    brains = rng.normal(size=(2, PAIRS)) + common
    brains[1] = np.round(brains[1], 1)
    return models, brains


def resampled(vector, counts, mask=None):
    """The pairs of a resample the plain way: draw stimuli, drop self-pairs and masked pairs."""
    chosen = np.repeat(np.arange(N), counts)
    whole = rdm.square(vector)[np.ix_(chosen, chosen)]
    keep = rdm.upper(chosen[:, None] != chosen[None, :])
    if mask is not None:
        keep &= rdm.upper(mask[np.ix_(chosen, chosen)])
    return rdm.upper(whole)[keep]


@pytest.fixture
def mask():
    half = np.random.default_rng(1).random((N, N)) < 0.8
    return half & half.T & ~np.eye(N, dtype=bool)


@pytest.mark.parametrize("masked", [False, True])
def test_equals_resampling_and_ranking(vectors, mask, masked):
    models, brains = vectors
    pairs = rdm.upper(mask) if masked else np.ones(PAIRS, dtype=bool)
    draws = bootstrap.stimulus_bootstrap(
        models[:, pairs], brains[:, pairs], N, 40, 3, mask if masked else None
    )
    for counts, ours in zip(bootstrap.resample_weights(N, 40, 3), draws, strict=True):
        a, b = ([resampled(v, counts, mask if masked else None) for v in w] for w in vectors)
        expected = [[spearmanr(x, y).statistic for y in b] for x in a]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=OTHERS)


def test_equals_rsatoolbox_on_its_own_resamples(vectors):
    from rsatoolbox.inference import bootstrap_sample_pattern
    from rsatoolbox.rdm import RDMs, compare

    models, brains = vectors
    state = np.random.get_state()  # noqa: NPY002 (rsatoolbox draws from the global state)
    try:
        np.random.seed(0)  # noqa: NPY002
        for _ in range(10):
            sample, chosen = bootstrap_sample_pattern(RDMs(brains))
            weights = np.bincount(chosen, minlength=N)[None]
            ours = bootstrap.stimulus_bootstrap(models, brains, N, 1, 0, weights=weights)[0]
            expected = compare(
                RDMs(models).subsample_pattern("index", chosen), sample, method="spearman"
            )
            np.testing.assert_allclose(ours, expected, rtol=0, atol=OTHERS)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def test_each_stimulus_once_gives_the_plain_value(vectors):
    models, brains = vectors
    ones = np.ones((2, N), dtype=int)
    draws = bootstrap.stimulus_bootstrap(models, brains, N, 2, 0, weights=ones)
    np.testing.assert_allclose(draws[1], rank.spearman(models, brains), rtol=0, atol=OTHERS)


def test_each_stimulus_twice_gives_the_plain_value_too(vectors):
    models, brains = vectors
    twice = np.full((1, N), 2)
    draws = bootstrap.stimulus_bootstrap(models, brains, N, 1, 0, weights=twice)
    np.testing.assert_allclose(draws[0], rank.spearman(models, brains), rtol=0, atol=OTHERS)


def test_a_stimulus_drawn_many_times_over(vectors):
    """Pair weights beyond 8 bits, and totals beyond what 32 bits hold."""
    models, brains = vectors
    for scale in (40, 1000):
        counts = np.arange(N) * scale
        ours = bootstrap.stimulus_bootstrap(models, brains, N, 1, 0, weights=counts[None])
        few = bootstrap.stimulus_bootstrap(models, brains, N, 1, 0, weights=counts[None] // scale)
        np.testing.assert_allclose(ours, few, rtol=0, atol=INEXACT)


def test_more_models_than_a_block(vectors, monkeypatch):
    models, brains = vectors
    whole = bootstrap.stimulus_bootstrap(models, brains, N, 5, 0)
    monkeypatch.setattr(bootstrap, "BLOCK_MODELS", 2)
    pieces = bootstrap.stimulus_bootstrap(models, brains, N, 5, 0)
    np.testing.assert_array_equal(pieces, whole)


def test_compiled_ranks_are_the_plain_ones(vectors, monkeypatch):
    models, brains = vectors
    models, brains = np.concatenate([models, np.round(models, 1)]), np.round(brains, 2)
    whole = bootstrap.stimulus_bootstrap(models, brains, N, 5, 0)
    assert {one is None for one in bootstrap.sort_vectors(models).starts} == {True, False}
    for name in ("_rank_each", "_rank_groups"):
        monkeypatch.setattr(bootstrap, name, getattr(bootstrap, name).py_func)
    np.testing.assert_array_equal(bootstrap.stimulus_bootstrap(models, brains, N, 5, 0), whole)


def test_memory_does_not_grow_with_the_draws():
    """The order and the ranks of each vector: 12 bytes a pair, and what one draw needs."""
    n = 200
    pairs = n * (n - 1) // 2
    models, brains = np.random.default_rng(0).normal(size=(20, pairs)).reshape(2, 10, pairs)
    bootstrap.stimulus_bootstrap(models, brains, n, 1, 0)  # compiles
    peaks = []
    for draws in (2, 30):
        tracemalloc.start()
        bootstrap.stimulus_bootstrap(models, brains, n, draws, 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 30 * (3 * n + 100) * 8
    assert peaks[1] < 12 * pairs * 20 + 100 * pairs


def test_resamples_are_shared_by_whoever_asks(vectors):
    models, brains = vectors
    together = bootstrap.stimulus_bootstrap(models, brains, N, 10, 7)
    alone = bootstrap.stimulus_bootstrap(models[1:2], brains[1:], N, 10, 7)
    np.testing.assert_array_equal(together[:, 1:2, 1:], alone)
    given = bootstrap.resample_weights(N, 10, 7)
    np.testing.assert_array_equal(
        bootstrap.stimulus_bootstrap(models, brains, N, 10, 0, weights=given), together
    )


def test_whole_numbers_make_it_exact_up_to_645_stimuli():
    """Against whole numbers of any length, at the largest size for which the module promises it."""
    n = 645
    rng = np.random.default_rng(8)
    pairs = n * (n - 1) // 2
    x = rng.integers(0, 300, pairs).astype(float)
    y = x + rng.integers(0, 300, pairs)
    assert pairs**3 < 2**53 < (646 * 645 // 2) ** 3
    counts = np.stack([np.ones(n, dtype=int), bootstrap.resample_weights(n, 1, 0)[0]])
    ours = bootstrap.stimulus_bootstrap(x[None], y[None], n, 2, 0, weights=counts)[:, 0, 0]
    first, second = np.triu_indices(n, k=1)
    for found, count in zip(ours, counts, strict=True):
        weights = count[first] * count[second]
        assert abs(found - exact_rho(x, y, weights)) <= EXACT


def exact_rho(x, y, weights):
    """Spearman's rho of weighted pairs of whole numbers, in whole numbers, rounded once."""

    def doubled(row):
        sizes = np.bincount(row.astype(int), weights=weights).astype(np.int64)
        ends = np.cumsum(sizes)
        return (2 * ends - sizes - ends[-1])[row.astype(int)]

    a, b = doubled(x), doubled(y)

    def total(one, other):  # each product is below 2^53, their sum is taken in whole numbers
        return sum((weights * one * other).tolist())

    root = math.isqrt(10**40 * total(a, a) * total(b, b))
    return float(Fraction(10**20 * total(a, b), root))


def test_resample_weights_are_counts_of_draws_with_replacement():
    weights = bootstrap.resample_weights(50, 4000, 1)
    assert weights.shape == (4000, 50)
    assert (weights.sum(axis=1) == 50).all()
    # Multinomial: variance n p (1 - p) = 0.98; s.d. of the estimate about 0.003.
    assert abs(weights.var() - 0.98) < 0.02
    np.testing.assert_array_equal(weights, bootstrap.resample_weights(50, 4000, 1))
    assert (weights != bootstrap.resample_weights(50, 4000, 2)).any()


def test_the_spread_is_that_of_the_estimate():
    """Independent RDMs: the bootstrap s.d. is close to that over new sets of stimuli."""
    rng = np.random.default_rng(5)

    def new():
        return rdm.upper(rdm.correlation_distance(rng.normal(size=(2, 40, 30))))

    fresh = [rank.spearman(*np.split(new(), 2))[0, 0] for _ in range(200)]
    a, b = np.split(new(), 2)
    spread = bootstrap.stimulus_bootstrap(a, b, 40, 200, 0).std()
    assert 0.8 * np.std(fresh) < spread < 2.0 * np.std(fresh)


def test_percentile_interval():
    draws = np.stack([np.arange(1001.0), np.arange(1001.0)[::-1] * 2], axis=1)
    lower, upper = bootstrap.percentile_interval(draws)
    np.testing.assert_allclose(lower, [25, 50])
    np.testing.assert_allclose(upper, [975, 1950])
    np.testing.assert_allclose(bootstrap.percentile_interval(draws[:, 0], 0.5), (250, 750))
    draws[3, 0] = np.nan
    with pytest.raises(StudyError, match=r"1 bootstrap draw\(s\) are NaN"):
        bootstrap.percentile_interval(draws)
    with pytest.raises(StudyError, match="between 0 and 1, found 95"):
        bootstrap.percentile_interval(draws, 95)
    with pytest.raises(StudyError, match="at least 2 draws"):
        bootstrap.percentile_interval(draws[:1])


def test_bad_input_is_an_error(vectors, mask):
    models, brains = vectors
    with pytest.raises(StudyError, match=r"model vectors: expected shape \(vectors, 136\)"):
        bootstrap.stimulus_bootstrap(models, brains, N + 1, 1, 0)
    with pytest.raises(StudyError, match="brain vectors: expected shape"):
        bootstrap.stimulus_bootstrap(models[:, rdm.upper(mask)], brains, N, 1, 0, mask)
    with pytest.raises(StudyError, match="mask of pairs"):
        bootstrap.stimulus_bootstrap(models, brains, N, 1, 0, mask.astype(int))
    with pytest.raises(StudyError, match="weights of the resamples"):
        bootstrap.stimulus_bootstrap(models, brains, N, 1, 0, weights=np.ones((2, N), int))
    with pytest.raises(StudyError, match="brain vectors: row 0 has the same value"):
        bootstrap.stimulus_bootstrap(models, np.ones((1, PAIRS)), N, 1, 0)
    models[1, 4] = np.nan
    with pytest.raises(StudyError, match=r"model vectors: NaN or infinity in 1 row\(s\), first 1"):
        bootstrap.stimulus_bootstrap(models, brains, N, 1, 0)


def test_a_resample_that_leaves_nothing_to_rank_is_an_error(vectors):
    models, brains = vectors
    counts = np.zeros((1, N), dtype=int)
    counts[0, :2] = 8
    with pytest.raises(StudyError, match=r"resample 0 of 16 stimuli: 1 pair\(s\) are left"):
        bootstrap.stimulus_bootstrap(models, brains, N, 1, 0, weights=counts)
    category = np.arange(PAIRS)[None] > 100.0
    counts[0, :3] = 123_457, 100_003, 99_991  # cubes of their pairs' sum are not exact in float64
    with pytest.raises(StudyError, match=r"resample 0.*in model 0"):
        bootstrap.stimulus_bootstrap(category, brains, N, 1, 0, weights=counts)
