import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from replicortex.analysis import rdm
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(loc=3.0, size=(12, 7))


def test_correlation_distance_equals_scipy_and_rsatoolbox(features):
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    ours = rdm.correlation_distance(features)
    np.testing.assert_allclose(ours, squareform(pdist(features, "correlation")), atol=1e-14)
    theirs = calc_rdm(Dataset(features), method="correlation").get_matrices()[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-14)


def test_euclidean_distance_equals_scipy(features):
    ours = rdm.euclidean_distance(features)
    np.testing.assert_allclose(rdm.upper(ours), pdist(features), rtol=1e-12)


def test_euclidean_distance_does_not_suffer_from_a_far_origin(features):
    ours = rdm.euclidean_distance(features + 1e6)
    np.testing.assert_allclose(rdm.upper(ours), pdist(features), rtol=1e-8)


@pytest.mark.parametrize("distance", [rdm.correlation_distance, rdm.euclidean_distance])
def test_distances_are_exactly_symmetric_with_a_zero_diagonal(distance):
    features = np.random.default_rng(1).normal(size=(60, 33)).astype(np.float32)
    result = distance(features)
    assert result.dtype == np.float64
    assert (result == result.T).all()
    assert (np.diagonal(result) == 0).all()
    assert (rdm.upper(result) > 0).all()


def test_correlation_distance_ignores_scale_and_shift_of_a_row(features):
    changed = features * np.arange(1, 13)[:, None] - np.arange(12)[:, None]
    np.testing.assert_allclose(
        rdm.correlation_distance(changed), rdm.correlation_distance(features), atol=1e-13
    )


def test_opposite_rows_are_two_apart(features):
    assert rdm.correlation_distance(np.stack([features[0], 1 - features[0]]))[0, 1] == 2.0


def test_permuting_stimuli_permutes_the_rdm(features):
    order = np.random.default_rng(2).permutation(12)
    np.testing.assert_allclose(
        rdm.correlation_distance(features[order]),
        rdm.correlation_distance(features)[np.ix_(order, order)],
        atol=1e-15,
    )


@pytest.mark.parametrize("distance", [rdm.correlation_distance, rdm.euclidean_distance])
def test_leading_axes_give_one_rdm_each(distance):
    batch = np.random.default_rng(3).normal(size=(2, 3, 8, 5))
    together = distance(batch)
    assert together.shape == (2, 3, 8, 8)
    np.testing.assert_allclose(together[1, 2], distance(batch[1, 2]), atol=1e-14)


def test_features_are_not_changed(features):
    before = features.copy()
    rdm.correlation_distance(features)
    rdm.euclidean_distance(features)
    np.testing.assert_array_equal(features, before)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_a_constant_row_is_named(features, value):
    features[4] = value
    with pytest.raises(StudyError, match=r"constant features in V1: 1 row\(s\).*index 4"):
        rdm.correlation_distance(features, "V1")


def test_a_nearly_constant_row_is_kept(features):
    features[4] = 1.0 + 1e-9 * features[4]
    expected = squareform(pdist(features, "correlation"))
    np.testing.assert_allclose(rdm.correlation_distance(features), expected, atol=1e-6)


@pytest.mark.parametrize("distance", [rdm.correlation_distance, rdm.euclidean_distance])
def test_nan_in_features_is_an_error(features, distance):
    features[3, 2] = np.nan
    with pytest.raises(StudyError, match="NaN or infinity, the first at index 3"):
        distance(features)


@pytest.mark.parametrize("shape", [(5, 1), (1, 5), (5,)])
def test_too_little_for_a_correlation_is_an_error(shape):
    with pytest.raises(StudyError, match="at least 2"):
        rdm.correlation_distance(np.ones(shape))


def test_upper_reads_row_by_row_and_square_is_its_inverse(features):
    numbers = np.arange(16).reshape(4, 4)
    np.testing.assert_array_equal(rdm.upper(numbers), [1, 2, 3, 6, 7, 11])
    whole = rdm.correlation_distance(features)
    np.testing.assert_array_equal(rdm.upper(whole), squareform(whole, checks=False))
    np.testing.assert_array_equal(rdm.square(rdm.upper(np.stack([whole, 2 * whole])))[1], 2 * whole)
    with pytest.raises(StudyError, match="5 values are not the strict upper triangle"):
        rdm.square(np.ones(5))


def test_check_returns_a_sound_rdm_as_float64(features):
    whole = rdm.correlation_distance(features)
    np.testing.assert_array_equal(rdm.check(whole, "x"), whole)
    assert rdm.check(whole.astype(np.float32), "x").dtype == np.float64
    assert rdm.check(np.stack([whole, whole]), "x").shape == (2, 12, 12)


def spoil(whole, kind):
    if kind == "not symmetric":
        whole[2, 5] += 0.01
    elif kind == "NaN":
        whole[2, 5] = whole[5, 2] = np.nan
    elif kind == "square":
        return whole[:5]
    elif kind == "diagonal":
        whole[3, 3] = 0.1
    elif kind == "at least 3 stimuli":
        return whole[:2, :2]
    elif kind == "constant":
        whole = 1.0 - np.eye(12)
    return whole


@pytest.mark.parametrize(
    "kind", ["not symmetric", "NaN", "square", "diagonal", "at least 3 stimuli", "constant"]
)
def test_check_says_what_is_wrong(features, kind):
    with pytest.raises(StudyError, match=kind) as error:
        rdm.check(spoil(rdm.correlation_distance(features), kind), "EVC of file.mat")
    assert str(error.value).startswith("EVC of file.mat: ")


def test_a_constant_row_has_no_distance_where_that_is_asked_for():
    features = np.random.default_rng(0).normal(size=(2, 5, 7))
    features[1, 3] = 0.1
    found = rdm.correlation_distance(features, undefined="nan")
    np.testing.assert_array_equal(found[0], rdm.correlation_distance(features[0]))
    rest = [0, 1, 2, 4]
    np.testing.assert_array_equal(
        found[1][np.ix_(rest, rest)], rdm.correlation_distance(features[1, rest])
    )
    np.testing.assert_array_equal(np.isnan(found[1][3]), np.arange(5) != 3)
    assert np.isnan(found[1]).sum() == 8 and not found[1].diagonal().any()
