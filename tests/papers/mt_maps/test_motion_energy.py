"""Motion-energy units against those of pymoten (Nishimoto et al. 2011), for gratings of all kinds."""

import numpy as np
import pytest
from moten.pyramids import MotionEnergyPyramid
from scipy.stats import spearmanr

from papers.mt_maps import motion_energy, stimuli
from papers.mt_maps.training_settings import MotionEnergySettings

pytestmark = pytest.mark.numbers

FRAMES, SIZE, CYCLES, SPEED = 16, 32, 4.0, 1.0
CHANNELS = 8  # directions


@pytest.fixture(scope="module")
def energies():
    """Energies (gratings, channels) of our units and pymoten's, as shares of each unit's largest."""
    pyramid = MotionEnergyPyramid(
        stimulus_vhsize=(SIZE, SIZE),
        stimulus_fps=FRAMES,
        temporal_frequencies=[CYCLES * SPEED / SIZE * FRAMES],
        spatial_frequencies=[CYCLES],
        spatial_directions=[360 / CHANNELS * k for k in range(CHANNELS)],
        filter_temporal_width=FRAMES,
        sf_gauss_ratio=0.5,
    )
    filters = [one for one in pyramid.filters if one.centerv == one.centerh == 0.5]
    numbers = MotionEnergySettings(directions=CHANNELS, cycles=[CYCLES], speeds=[SPEED], sigma=0.5)
    ours, theirs = [], []
    for cycles in (2.0, 4.0, 8.0):
        for speed in (0.5, 1.0, 2.0):
            for turn in stimuli.directions(16):
                clips = np.stack(
                    [
                        stimuli.grating(FRAMES, SIZE, turn, cycles, speed, phase, "drift")
                        for phase in (0, np.pi / 2)
                    ]
                )
                ours.append(motion_energy.rates(clips, numbers, 1)[:, :, 0, 0].mean(0))
                # pymoten convolves, which turns its filters in time: it is shown films backwards.
                repeats = [
                    pyramid.project_stimulus(
                        clip[::-1] - 0.5,
                        filters,
                        quadrature_combination=lambda sine, cosine: sine**2 + cosine**2,
                        output_nonlinearity=lambda energy: energy,
                    )[FRAMES // 2]
                    for clip in clips
                ]
                theirs.append(np.mean(repeats, 0))
    return [np.array(one) / np.max(one, 0) for one in (ours, theirs)]


def test_the_preferred_grating_is_pymotens(energies):
    ours, theirs = energies
    assert ours.shape == theirs.shape == (144, CHANNELS)
    assert np.array_equal(ours.argmax(0), theirs.argmax(0))
    own = 16 * 4 + 2 * np.arange(CHANNELS)  # its own cycles, speed and direction
    assert np.array_equal(ours.argmax(0), own)


def test_responses_follow_pymotens_and_come_in_the_same_order(energies):
    """The windows in time differ (Hann, Gaussian), and so do the smallest responses."""
    for ours, theirs in zip(*(one.T for one in energies), strict=True):
        assert np.corrcoef(ours, theirs)[0, 1] > 0.98
        answered = np.maximum(ours, theirs) > 1e-3
        assert answered.sum() >= 16
        assert spearmanr(ours[answered], theirs[answered]).statistic > 0.9
