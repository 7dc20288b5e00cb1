"""Tuning measures against a table of known curves, closed forms, and curves made for the purpose."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ive

from papers.mt_maps import tuning
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers

# kappa, base, g: DSI a, DSI b, CV of direction, CV of axis, FWHM (half of the raw peak), circular SD
TABLE = [
    (2, 0, 0, 0.982, 0.964, 0.302, 0.698, 98, 49),
    (2, 0.05, 0, 0.935, 0.878, 0.400, 0.740, 102, 58),
    (2, 0, 0.2, 0.782, 0.643, 0.535, 0.698, 99, 71),
    (2, 0.05, 0.3, 0.651, 0.483, 0.666, 0.731, 104, 85),
    # The source of this table says 180 here. The root of the curve lies at 91.8 deg, so 184 (below).
    (1, 0.1, 0.3, 0.531, 0.361, 0.794, 0.908, 184, 102),
    (3, 0.1, 0.2, 0.725, 0.569, 0.598, 0.657, 86, 77),
]


@pytest.mark.parametrize("row", TABLE)
def test_table_of_known_curves(row):
    kappa, base, g, dsi_a, dsi_b, cv_direction, cv_axis, fwhm, sd = row
    curve = base + tuning.two_lobes(tuning.angles(16), kappa, g)
    assert round(float(tuning.selectivity(curve, "a")), 3) == pytest.approx(dsi_a)
    assert round(float(tuning.selectivity(curve, "b")), 3) == pytest.approx(dsi_b)
    assert round(float(tuning.circular_variance(curve)), 3) == pytest.approx(cv_direction)
    assert round(float(tuning.circular_variance(curve, 2)), 3) == pytest.approx(cv_axis)
    assert round(float(tuning.width(curve)[0])) == fwhm
    assert round(float(tuning.circular_sd(curve))) == sd


@pytest.mark.parametrize("row", TABLE)
def test_widths_are_roots_of_the_known_curve(row):
    kappa, base, g = row[:3]

    def above(x):
        return base + tuning.two_lobes(x, kappa, g) - (base + tuning.two_lobes(0.0, kappa, g)) / 2

    root = 2 * np.rad2deg(brentq(above, 0, 2))
    curve = base + tuning.two_lobes(tuning.angles(16), kappa, g)
    assert tuning.width(curve)[0] == pytest.approx(root, abs=0.2)


def test_lengths_are_ratios_of_bessel_functions():
    curve = tuning.two_lobes(tuning.angles(64), 2.5, 0)
    for order in (1, 2):
        expected = ive(order, 2.5) / ive(0, 2.5)
        assert abs(tuning.vector(curve, order)) == pytest.approx(expected, rel=1e-10)


def test_width_of_a_von_mises_curve_in_closed_form():
    curve = tuning.two_lobes(tuning.angles(32), 4, 0)
    expected = 2 * np.rad2deg(np.arccos(1 + np.log(0.5) / 4))
    assert tuning.width(curve)[0] == pytest.approx(expected, abs=0.01)
    assert np.isnan(tuning.width(1 + 0.1 * curve)[0])
    assert tuning.width(1 + 0.1 * curve, baseline=1.0)[0] == pytest.approx(expected, abs=0.01)


def test_preferred_direction_and_axis():
    theta = tuning.angles(16)
    curve = tuning.two_lobes(theta - np.deg2rad(200), 2, 0.3)
    assert np.rad2deg(tuning.preferred(curve)) == pytest.approx(200)
    assert np.rad2deg(tuning.preferred(curve, 2)) == pytest.approx(20)


def test_the_two_indices_convert():
    a = tuning.selectivity(tuning.two_lobes(tuning.angles(16), 2, 0.4), "a")
    b = tuning.selectivity(tuning.two_lobes(tuning.angles(16), 2, 0.4), "b")
    assert b == pytest.approx(a / (2 - a))


def test_split_halves_remove_what_the_maximum_of_noise_adds():
    rng = np.random.default_rng(0)
    first, second = rng.uniform(0.5, 1.5, (2, 4000, 16))
    assert np.nanmean(tuning.selectivity(first, "b")) > 0.15
    assert abs(np.nanmean(tuning.selectivity(first, "b", second))) < 0.02


def test_a_baseline_above_the_null_response_takes_the_index_above_one():
    curve = tuning.two_lobes(tuning.angles(16), 3, 0)
    assert tuning.selectivity(curve, "a", baseline=0.05) > 1


@pytest.mark.parametrize("g", [0.0, 0.2, 0.7])
def test_two_lobes_are_recovered(g):
    theta = tuning.angles(16)
    fit = tuning.fit_two_lobes(7 * (0.1 + tuning.two_lobes(theta - 6.2, 3, g)))
    assert fit.g == pytest.approx(g, abs=1e-3)
    assert fit.kappa == pytest.approx(3, rel=1e-2)
    assert np.cos(fit.mean - 6.2) == pytest.approx(1, abs=1e-6)
    assert fit.explained > 0.9999


def test_silent_curves_have_no_variance():
    assert np.isnan(tuning.circular_variance(np.zeros(16)))


@pytest.mark.parametrize("n", [4, 7, 9])
def test_too_few_or_odd_directions_are_refused(n):
    with pytest.raises(StudyError, match=f"{n} found, an even number of at least 8"):
        tuning.circular_variance(np.ones(n))


def test_responses_that_are_not_finite_are_refused():
    with pytest.raises(StudyError, match="not finite"):
        tuning.vector(np.array([1, np.nan] * 8))
    with pytest.raises(StudyError, match="constant"):
        tuning.fit_two_lobes(np.ones(16))
    with pytest.raises(StudyError, match="form 'c' is unknown"):
        tuning.selectivity(np.ones(16), "c")


def test_fits_of_many_curves_are_those_of_one():
    rng = np.random.default_rng(3)
    theta = tuning.angles(16)
    curves = np.stack(
        [
            rng.uniform(0, 1) + tuning.two_lobes(theta - mean, kappa, g) + 0.05 * rng.random(16)
            for mean, kappa, g in zip(
                rng.uniform(0, 6.28, 24),
                rng.uniform(0.3, 8, 24),
                rng.uniform(0, 0.8, 24),
                strict=True,
            )
        ]
    )
    noise = rng.random((6, 16))
    for curve, fast in zip(
        (*curves, *noise), tuning.fit_many(np.concatenate([curves, noise])), strict=True
    ):
        slow = tuning.fit_two_lobes(curve)
        assert fast.explained >= slow.explained - 1e-5
    exact = 0.1 + 2 * tuning.two_lobes(theta - 1.0, 2.0, 0.3)
    (fit,) = tuning.fit_many(exact[None])
    assert (fit.baseline, fit.amplitude, fit.mean) == pytest.approx((0.1, 2.0, 1.0), abs=1e-5)
    assert (fit.kappa, fit.g, fit.explained) == pytest.approx((2.0, 0.3, 1.0), abs=1e-5)
    with pytest.raises(StudyError, match="constant"):
        tuning.fit_many(np.ones((1, 16)))
