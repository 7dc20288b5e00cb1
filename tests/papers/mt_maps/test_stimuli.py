"""Stimuli move where and as fast as they say: measured by phase correlation of their frames."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from papers.mt_maps import stimuli
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers


def shift(first, second):
    """Return how far (right, up) the second frame lies from the first, whole pixels."""
    cross = np.fft.fft2(second - second.mean()) * np.conj(np.fft.fft2(first - first.mean()))
    peak = np.fft.ifft2(cross).real
    down, right = np.unravel_index(peak.argmax(), peak.shape)
    n = len(first)
    return (int(right) + n // 2) % n - n // 2, -((int(down) + n // 2) % n - n // 2)


@pytest.mark.parametrize(("degrees", "expected"), [(0, (2, 0)), (90, (0, 2)), (180, (-2, 0))])
def test_gratings_drift_along_their_direction(degrees, expected):
    clip = stimuli.grating(4, 32, np.deg2rad(degrees), 2, 2.0, 0.3)
    right, up = expected
    assert clip[1] == pytest.approx(np.roll(clip[0], (-up, right), (0, 1)), abs=1e-5)
    assert clip.dtype == np.float32
    assert clip.mean() == pytest.approx(0.5, abs=1e-3)


def test_static_and_counterphase_gratings_go_nowhere():
    still = stimuli.grating(8, 32, 0.4, 2, 2.0, 0.0, "static")
    assert np.ptp(still, axis=0).max() == 0
    reversing = stimuli.grating(8, 32, 0.0, 2, 2.0, 0.5, "counterphase") - 0.5
    back = stimuli.grating(8, 32, np.pi, 2, 2.0, np.pi - 0.5, "counterphase") - 0.5
    assert reversing == pytest.approx(back, abs=1e-5)


def test_a_plaid_moves_along_its_own_direction():
    clip = stimuli.plaid(5, 64, 0.0, 8, 2.0, 0.0)
    assert clip[1][:, 2:] == pytest.approx(clip[0][:, :-2], abs=1e-5)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_coherent_dots_move_together(degrees):
    clip = stimuli.dots(4, 48, np.deg2rad(degrees), 2.0, 1.0, np.random.default_rng(0))
    expected = np.rint(2 * np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))]))
    assert shift(clip[0], clip[1]) == tuple(expected)


def test_dots_lose_their_direction_with_coherence():
    def alike(coherence):
        clip = stimuli.dots(2, 64, 0.0, 3.0, coherence, np.random.default_rng(0))
        return np.corrcoef(np.roll(clip[0], 3, 1).ravel(), clip[1].ravel())[0, 1]

    found = [alike(c) for c in (0, 0.25, 0.5, 1)]
    assert all(np.diff(found) > 0.1)
    assert abs(found[0]) < 0.15
    assert found[-1] > 0.95


@pytest.mark.parametrize("degrees", [0, 45, 90, 225])
def test_pictures_move_with_the_known_velocity(degrees):
    picture = gaussian_filter(np.random.default_rng(0).normal(size=(96, 96)), 2)
    speed = 2 * np.sqrt(2) if degrees % 90 else 2.0
    clip = stimuli.moved(picture, 5, 64, np.deg2rad(degrees), speed)
    x, y = np.rint(speed * np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))]))
    assert shift(clip[2], clip[3]) == (x, y)


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(StudyError, match="20 cycles in 32 pixels"):
        stimuli.grating(4, 32, 0, 20, 1, 0)
    with pytest.raises(StudyError, match="motion 'up' is unknown"):
        stimuli.grating(4, 32, 0, 2, 1, 0, "up")
    with pytest.raises(StudyError, match="coherence: 2 found"):
        stimuli.dots(2, 32, 0, 1, 2, np.random.default_rng(0))
    with pytest.raises(StudyError, match="too few for a window of 64 that moves 30"):
        stimuli.moved(np.zeros((70, 70)), 16, 64, 0, 2.0)
    with pytest.raises(StudyError, match="6 found"):
        stimuli.directions(6)
