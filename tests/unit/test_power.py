"""Power of designs, p values and their adjustment, against simulation and SciPy."""

import math

import numpy as np
import pytest
from scipy import stats
from test_claims import claim

from replicortex.verdicts import power
from replicortex.verdicts.intervals import Estimate


@pytest.mark.parametrize("n", [3, 5, 20])
def test_the_detectable_number_is_found_in_eighty_per_cent(n):
    entry = claim(published__as="difference", verdict__smallest=0.1)
    found = power.of_units(entry, 0.2, n)
    draws = np.random.default_rng(0).normal(found.detectable, 0.2, (40_000, n))
    half = stats.t.ppf(0.975, n - 1) * draws.std(axis=1, ddof=1) / math.sqrt(n)
    assert (draws.mean(axis=1) + half < entry.boundary).mean() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("n", [3, 5, 20])
def test_no_effect_is_found_within_the_detectable_tolerance_in_eighty_per_cent(n):
    entry = claim(
        published={"value": 0, "as": "difference"}, verdict={"direction": "zero", "within": 0.1}
    )
    width = power.of_units(entry, 0.2, n).detectable
    draws = np.random.default_rng(0).normal(0, 0.2, (40_000, n))
    half = stats.t.ppf(0.975, n - 1) * draws.std(axis=1, ddof=1) / math.sqrt(n)
    inside = np.abs(draws.mean(axis=1)) + half <= width
    assert inside.mean() == pytest.approx(0.8, abs=0.01)


def test_units_that_the_published_number_needs():
    entry = claim(published={"value": -0.5, "as": "difference"}, verdict__smallest=0.1)
    needed = int(power.of_units(entry, 0.4, 3).needed)

    def reach(n):  # distance beyond the boundary that n units find
        return power.shift(n) * 0.4 / math.sqrt(n)

    assert reach(needed) <= 0.4 < reach(needed - 1)
    assert power.of_units(entry, 0.0, 3).needed == 3
    assert power.of_units(entry, 1e3, 3).needed == power.MOST_UNITS
    control = claim(kind="control", published=None, measure__as="difference")
    assert math.isnan(power.of_units(control, 0.4, 3).needed)


def test_p_is_that_of_the_t_test_at_the_boundary():
    entry = claim(published__as="difference", verdict__smallest=0.1)
    values = np.array([-0.3, -0.2, -0.4, -0.15])
    sd = values.std(ddof=1)
    one = Estimate(values.mean(), sd, 4, *stats.t.interval(0.95, 3, values.mean(), sd / 2))
    expected = stats.ttest_1samp(values, -0.1, alternative="less").pvalue
    assert power.p_value(entry, one) == pytest.approx(expected)
    zero = claim(
        published={"value": 0, "as": "difference"}, verdict={"direction": "zero", "within": 0.5}
    )
    both = [
        stats.ttest_1samp(values, edge, alternative=side).pvalue
        for edge, side in ((-0.5, "greater"), (0.5, "less"))
    ]
    assert power.p_value(zero, one) == pytest.approx(max(both))


def test_adjusted_p_are_benjamini_and_hochbergs():
    p = [0.01, math.nan, 0.02, 0.03, 0.5]
    found = power.benjamini_hochberg(p)
    assert math.isnan(found[1])
    assert np.delete(found, 1) == pytest.approx([0.04, 0.04, 0.04, 0.5])
