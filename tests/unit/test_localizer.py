"""The localizer against scipy, planted units, and labels that mean nothing."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control, ttest_ind

from replicortex.analysis.localizer import Localized, benjamini_yekutieli, localize, top
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers

NAMES = np.repeat(["bodies", "faces", "objects", "places"], 40)


def responses(seed=0, units=200, planted=20):
    x = generator(seed, "localizer").normal(size=(len(NAMES), units))
    x[NAMES == "faces", :planted] += 3
    # Prefers faces and bodies alike: not face-selective.
    x[np.isin(NAMES, ["faces", "bodies"]), planted : planted + 5] += 3
    return x


@pytest.mark.parametrize("seed", range(5))
def test_scipy_rejects_the_same(seed):
    p = generator(seed, "p").random(300) ** 3
    np.testing.assert_array_equal(
        benjamini_yekutieli(p), false_discovery_control(p, method="by") <= 0.05
    )
    assert 0 < benjamini_yekutieli(p).sum() < 300
    liberal = false_discovery_control(p, method="bh") <= 0.05
    assert not (benjamini_yekutieli(p) & ~liberal).any()


def test_planted_units_are_found_and_shared_ones_are_not():
    found = localize(responses(), NAMES, "faces")
    np.testing.assert_array_equal(np.flatnonzero(found.selective), np.arange(20))


def test_t_is_the_mean_of_the_comparisons():
    x = responses()
    others = ("bodies", "objects", "places")
    each = [ttest_ind(x[NAMES == "faces", 3], x[o == NAMES, 3]).statistic for o in others]
    assert localize(x, NAMES, "faces").t[3] == pytest.approx(np.mean(each))


def test_shuffled_labels_find_nothing():
    shuffled = generator(1, "labels").permutation(NAMES)
    assert localize(responses(), shuffled, "faces").selective.sum() == 0


def test_constant_units_are_never_selective_nor_ranked():
    x = responses()
    x[:, 0] = 1 / 3
    found = localize(x, NAMES, "faces")
    assert not found.selective[0] and np.isnan(found.t[0])
    assert 0 not in top(found, 500, fill=True).units


@pytest.mark.filterwarnings("error")
def test_a_unit_with_one_value_for_a_domain_is_judged_without_a_warning():
    x = responses()
    x[NAMES == "faces", 0], x[NAMES != "faces", 0] = 1 / 3, x[NAMES != "faces", 0] / 100
    assert localize(x, NAMES, "faces").selective[0]
    x[NAMES == "faces", 0] = -1 / 3
    assert not localize(x, NAMES, "faces").selective[0]


def test_fewer_than_asked_are_taken_unless_filled():
    found = Localized(np.array([True, False, True, False]), np.array([2.0, 9.0, 3.0, np.nan]))
    np.testing.assert_array_equal(top(found, 4).units, [2, 0])
    np.testing.assert_array_equal(top(found, 1).units, [2])
    np.testing.assert_array_equal(top(found, 4, fill=True).units, [2, 0, 1])
    assert top(found, 4).passing == top(found, 4, fill=True).passing == 0.5
    assert top(found, 1).passing == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: (x[:-1], NAMES, "faces"), "activations are"),
        (lambda x: (x * np.nan, NAMES, "faces"), "unit 0 has NaN"),
        (lambda x: (x, NAMES, "face"), "did you mean 'faces'"),
        (lambda x: (x[:41], NAMES[:41], "bodies"), "at least two images"),
    ],
)
def test_what_a_user_can_get_wrong(change, words):
    with pytest.raises(StudyError, match=words):
        localize(*change(responses()))
