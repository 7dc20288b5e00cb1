"""Simulated subjects: what is shared, what is their own, and their noise."""

import numpy as np
import pytest

from replicortex.core.randomness import generator
from replicortex.data.planted import subjects

pytestmark = pytest.mark.numbers

SIZES = {"count": 2, "regions": 3, "voxels": 40, "stimuli": 400, "seed": 0}


def test_signal_and_noise_have_the_variance_they_say():
    one = subjects(**SIZES, noise=2.0)[0]
    for region in range(3):
        np.testing.assert_allclose(one.signal[region].std(0), 1, rtol=1e-12)
        rng = generator(0, "repeats")
        noise = one.repeat(region, rng) - one.signal[region]
        np.testing.assert_allclose(noise.std(0), one.noise[region], rtol=0.2)
    assert np.concatenate(one.noise).mean() == pytest.approx(2, rel=0.1)


def test_voxels_lean_on_the_same_region_of_the_other_subject():
    one, other = subjects(**SIZES, noise=1.0)
    best = np.array(
        [[np.corrcoef(x.T, y.T)[:40, 40:].max(1).mean() for y in other.signal] for x in one.signal]
    )
    assert best.argmax(1).tolist() == [0, 1, 2]


def test_renewal_makes_regions_tell_less_of_each_other():
    largest = []
    for renewal in (0.0, 1.0):
        one, other = subjects(**SIZES, noise=1.0, renewal=renewal)
        both = np.corrcoef(one.signal[0].T, other.signal[2].T)[:40, 40:]
        largest.append(np.abs(both).max(1).mean())
    assert largest[1] < 0.2 < largest[0]


def test_noise_changes_no_signal_and_a_seed_changes_all():
    quiet, loud = (subjects(**SIZES, noise=noise)[1] for noise in (0.1, 9.0))
    np.testing.assert_array_equal(quiet.signal[2], loud.signal[2])
    again = subjects(**{**SIZES, "seed": 1}, noise=0.1)[1]
    assert abs(np.corrcoef(quiet.signal[0][:, 0], again.signal[0][:, 0])[0, 1]) < 0.5
