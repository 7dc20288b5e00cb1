"""Ties against SciPy's ranks, and where rounding has parted them."""

import numpy as np
import pytest
from scipy.stats import rankdata

from replicortex.analysis import bootstrap, noise_bounds, rank, rdm, ties
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers
RNG = np.random.default_rng


def test_ranks_are_scipys():
    rows = np.round(RNG(0).normal(size=(4, 300)), 1)
    np.testing.assert_array_equal(ties.average_ranks(rows), rankdata(rows, axis=1))


def awkward():
    """Rows whose order the packed numbers give alone, need mending, or do not give at all."""
    rng = RNG(10)
    plain = rng.normal(size=5000)
    near = 1 + 1e-13 * rng.integers(0, 10**6, 5000)  # equal in the bits that are left of them
    out = np.append(plain[1:], 1e18)  # one value far out leaves the others no bits
    return {
        "plain": plain,
        "single": plain.astype(np.float32),
        "few": rng.integers(0, 3, 5000),
        "near": near,
        "nearer": np.append(near[1:], 1e3),
        "out": out,
        "huge": plain * 1e307,
        "tiny": plain * 1e-300,
        "denormal": rng.integers(0, 50, 5000) * 5e-324,
        "zeros": np.append(np.zeros(4999), 1.0),
        "signs": np.concatenate([np.zeros(10), -np.zeros(10), [-1.0, 1.0]]),
    }


@pytest.mark.parametrize("kind", awkward())
def test_ranks_of_awkward_rows_are_scipys_where_nothing_is_as_near_as_rounding(kind):
    row = awkward()[kind].astype(float)
    gaps = np.diff(np.unique(row))
    apart = gaps.min() > ties.tolerance(row)
    assert apart == (kind not in {"nearer", "out"})
    if not apart:  # group the plain way first
        within, ascending = ties.tolerance(row), np.sort(row)
        groups = np.cumsum(np.diff(ascending, prepend=ascending[0]) > within)
        row = groups[np.searchsorted(ascending, row)].astype(float)
    found = ties.average_ranks(awkward()[kind].astype(float)[None])[0]
    np.testing.assert_array_equal(found, rankdata(row))


def test_an_order_with_exchanged_neighbours_is_mended_and_a_worse_one_sorted_anew():
    row = RNG(11).normal(size=400)
    sorted_ = np.argsort(row)
    for swaps in ([3], [3, 50, 399], [0, 1, 2, 9]):
        order = sorted_.copy()
        for k in swaps:
            order[[k - 1, k]] = order[[k, k - 1]]
        np.testing.assert_array_equal(ties._mended(row, order), sorted_)
    np.testing.assert_array_equal(ties._mended(row, sorted_[::-1].copy()), sorted_)


def test_rows_are_ranked_one_after_another_and_less_is_taken():
    rows = np.stack([row[:22] for row in awkward().values() if len(row) >= 22]).astype(float)
    together = ties.average_ranks(rows, less=11.5)
    for row, ranks in zip(rows, together, strict=True):
        np.testing.assert_array_equal(ties.average_ranks(row[None])[0] - 11.5, ranks)


def test_rounding_parts_no_ties_and_more_than_rounding_does():
    exact = np.array([[0.1, 0.7, 0.7, 0.3, 0.7, 0.3, 1.5]])
    parted = exact + 4e-16 * np.array([0, 1, -1, 0.5, 0, -0.5, 1])
    assert len(np.unique(parted)) > len(np.unique(exact))
    np.testing.assert_array_equal(ties.average_ranks(parted), rankdata(exact, axis=1))
    values = exact + 4e-15 * np.arange(7)
    np.testing.assert_array_equal(ties.average_ranks(values), rankdata(values, axis=1))
    np.testing.assert_array_equal(ties.average_ranks(1e-200 * values), rankdata(values, axis=1))


def test_rho_of_rounded_ties_is_that_of_ties():
    rng = RNG(1)
    exact = np.round(rng.random((3, 190)), 1)
    other = np.round(rng.random((2, 190)), 1)
    parted = exact * (1 + 2e-16 * rng.integers(-2, 3, exact.shape))
    assert (parted != exact).any()
    np.testing.assert_array_equal(rank.spearman(parted, other), rank.spearman(exact, other))
    np.testing.assert_array_equal(
        bootstrap.stimulus_bootstrap(parted, other, 20, 5, 0),
        bootstrap.stimulus_bootstrap(exact, other, 20, 5, 0),
    )
    for ours, expected in zip(
        noise_bounds.pooled(parted, "ranks"), noise_bounds.pooled(exact, "ranks"), strict=True
    ):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-12, 1e12])
def test_rounding_around_one_value_is_no_order(value):
    noisy = value * (1 + 2e-16 * RNG(2).integers(-2, 3, (1, 45)))
    other = RNG(3).random((1, 45))
    assert ties.constant(noisy).all() and not ties.constant(other).any()
    with pytest.raises(StudyError, match="all values are the same"):
        rank.spearman(noisy, other)
    with pytest.raises(StudyError, match="same value in all pairs"):
        bootstrap.stimulus_bootstrap(noisy, other, 10, 1, 0)
    with pytest.raises(StudyError, match="RDM is constant"):
        rdm.check(rdm.square(noisy[0]), "V1")


def equal_patterns(kind, features=501):
    """Few patterns, each shown many times, in the three ways in which rows can be as alike."""
    rng = RNG(4)
    chosen = rng.integers(0, 5, 40)
    patterns = rng.normal(size=(5, features))[chosen]
    if kind == "scaled":
        return patterns * rng.uniform(0.5, 2, (40, 1)) + rng.uniform(-1, 1, (40, 1)), chosen
    return patterns, chosen


@pytest.mark.parametrize(
    ("distance", "kind"),
    [
        (rdm.correlation_distance, "equal"),
        (rdm.correlation_distance, "scaled"),
        (rdm.euclidean_distance, "equal"),
    ],
)
@pytest.mark.parametrize("features", [17, 501, 4099])
def test_distances_of_patterns_that_come_again_are_equal(distance, kind, features):
    """Wherever a kernel's blocks part the rows: as many distances as pairs of patterns, and 0."""
    rows, chosen = equal_patterns(kind, features)
    found = distance(rows)
    assert len(np.unique(found)) == 1 + 5 * 4 // 2
    alike = chosen[:, None] == chosen[None]
    assert (found[alike] == 0).all() and (found[~alike] > 0.1).all()
    for one in range(5):
        for other in range(one):
            assert np.ptp(found[np.ix_(chosen == one, chosen == other)]) == 0


def test_distances_that_differ_stay_as_they_are():
    rows = RNG(5).normal(size=(60, 200))
    found = rdm.upper(rdm.correlation_distance(rows))
    assert len(np.unique(found)) == len(found)
    # Nearly equal rows: 1e-12 apart, four times what 200 features may round to.
    rows[1] = rows[0] + 1e-6 * rows[2]
    assert 1e-13 < rdm.correlation_distance(rows)[0, 1] < 1e-11


def test_a_row_far_out_does_not_level_the_others():
    """Bounds of squared distances go by pair: one large row would else tie all the rest."""
    rows = RNG(6).normal(size=(30, 50))
    expected = rdm.euclidean_distance(rows)
    rows[0] *= 1e7
    found = rdm.euclidean_distance(rows)[1:, 1:]
    np.testing.assert_allclose(found, expected[1:, 1:], rtol=0.05)
    assert len(np.unique(rdm.upper(found))) == 29 * 28 // 2


def test_levelled_values_are_the_lowest_of_their_group_and_bounds_go_by_value():
    row = np.array([5.0, 1.0, 1.5, 1.9, 0.3, 3.0])
    np.testing.assert_array_equal(ties.level(row, 0.5), [5, 1, 1, 1, 0, 3])
    np.testing.assert_array_equal(ties.level(row, 0.2), row)
    bounds = np.array([2.5, 0.1, 0.1, 0.4, 0.1, 0.1])
    np.testing.assert_array_equal(ties.level(row, bounds), [3, 1, 1.5, 1.5, 0.3, 3])
    np.testing.assert_array_equal(row, [5.0, 1.0, 1.5, 1.9, 0.3, 3.0])


def test_one_pattern_all_over_has_no_score():
    """Found as -0.09 when rounding was ranked."""
    rows = np.outer(RNG(7).uniform(1, 2, 12), RNG(8).normal(size=200))
    found = rdm.upper(rdm.correlation_distance(rows))
    assert (found == 0).all() and ties.constant(found)
