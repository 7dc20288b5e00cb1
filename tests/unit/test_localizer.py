"""The localizer against SciPy's tests, and units planted to be found."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control, ttest_ind

from replicortex.analysis.localizer import localize, most_selective, rejected
from replicortex.errors import StudyError
from replicortex.randomness import generator

DOMAINS = np.repeat(["faces", "places", "objects"], 40)


def planted(strength=1.5):
    X = generator(0, "units").normal(size=(120, 60))
    X[DOMAINS == "faces", :5] += strength
    return X


@pytest.mark.parametrize("method", ["by", "bh"])
def test_rejections_are_scipys(method):
    p = generator(1, "p").random(200) ** 3
    assert (rejected(p, 0.05, method) == (false_discovery_control(p, method=method) <= 0.05)).all()
    assert not (rejected(p, 0.05, "by") & ~rejected(p, 0.05, "bh")).any()


def test_t_is_scipys_and_planted_units_are_found():
    X = planted()
    found = localize(X, DOMAINS, "faces")
    t = [
        ttest_ind(X[DOMAINS == "faces"], X[other == DOMAINS]).statistic
        for other in ("objects", "places")
    ]
    assert found.mean_t == pytest.approx(np.mean(t, axis=0))
    assert np.flatnonzero(found.passes).tolist() == [0, 1, 2, 3, 4]


def test_permuted_labels_find_next_to_nothing():
    mixed = generator(2, "labels").permutation(DOMAINS)
    assert localize(planted(), mixed, "faces").passes.sum() <= 1


def test_units_fill_up_by_mean_t_and_the_share_says_so():
    units, share = most_selective(localize(planted(), DOMAINS, "faces"), 10)
    assert set(units[:5]) == {0, 1, 2, 3, 4} and share == 0.5


def test_bad_input_is_told():
    X = planted()
    with pytest.raises(StudyError, match="did you mean 'faces'"):
        localize(X, DOMAINS, "face")
    X[0, 0] = np.nan
    with pytest.raises(StudyError, match="1 activations not finite"):
        localize(X, DOMAINS, "faces")
    silent = localize(np.zeros((120, 4)), DOMAINS, "faces")
    with pytest.raises(StudyError, match="asked for 2 units, only 0"):
        most_selective(silent, 2)
