"""Map measures on planted pinwheels and fractures, on random fields of known density, on nulls."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from papers.mt_maps import maps
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers

SIDE = 7.07


def planted(charges, n=64):
    """Return a field whose argument winds `charge` times about each (x, y)."""
    x, y = np.meshgrid(np.arange(n) + 0.0, np.arange(n) + 0.0)
    phase = sum(q * np.arctan2(y - b, x - a) for a, b, q in charges)
    return np.exp(1j * phase)


def ring(n, cycles, rng):
    """Return a complex Gaussian field with power on a thin ring of `cycles` per side."""
    frequency = np.fft.fftfreq(n, 1 / n)
    radius = np.hypot(frequency[:, None], frequency)
    noise = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return np.fft.ifft2(noise * (np.abs(radius - cycles) < 0.5))


def test_planted_charges_are_found_with_place_and_sign():
    charges = [(10.5, 20.5, 1), (40.5, 30.5, -1), (25.5, 50.5, 1), (50.5, 12.5, -1)]
    found = maps.pinwheels(planted(charges))
    assert {tuple(row) for row in found} == {tuple(map(float, row)) for row in charges}
    assert maps.sign_balance(found) == 0


RULES = {"winding": 0.3, "spread": 0.3, "pixels": 2}


def accepted(z, mixed=None, **change):
    """What TDANN's rules accept of a field whose units are so `mixed`."""
    windows = maps.Windows(z, np.zeros(z.shape) if mixed is None else mixed, 1.0)
    return maps.tdann_pinwheels(windows, **{**RULES, **change})


def test_both_detectors_find_planted_pinwheels_of_either_sign():
    charges = [(10.5, 20.5, 1), (40.5, 30.5, -1), (25.5, 50.5, 1), (50.5, 12.5, -1)]
    found = accepted(planted(charges))
    assert {tuple(row) for row in found} == {tuple(map(float, row)) for row in charges}


def test_the_ring_turns_seven_eighths_of_the_way_and_leaves_the_border_out():
    turns = maps.ring_windings(planted([(10.0, 10.0, 1)], 21))
    assert turns.shape == (19, 19)
    assert turns[9, 9] == pytest.approx(7 / 8)
    assert np.abs(turns[0]).max() < 0.1
    assert len(accepted(planted([(5.5, 0.5, -1)], 16))) == 1
    assert len(accepted(planted([(5.5, -0.5, -1)], 16))) == 0


def test_a_group_of_too_few_pixels_or_of_mixed_units_is_no_pinwheel():
    z = planted([(10.5, 10.5, 1)], 21)
    assert len(accepted(z, pixels=4)) == 1
    assert len(accepted(z, pixels=5)) == 0
    spread = np.zeros((21, 21))
    spread[10:12, 10:12] = 0.6  # twice the threshold, for direction: not below it
    assert len(accepted(z, spread)) == 0
    assert len(accepted(z, spread, spread=0.31)) == 1
    spread[10, 10] = spread[11, 11] = 0.59  # corners touch: one group of two
    assert len(accepted(z, spread)) == 1


def test_an_open_ring_takes_no_fracture_for_a_pinwheel():
    direction = np.exp(0.5j * np.angle(planted([(30.5, 30.5, 1)])))
    assert len(accepted(direction)) == 0
    assert len(accepted(direction, winding=0.2)) > 0


def test_windows_have_the_mean_and_scipys_circular_sd_over_the_number_of_their_units():
    from scipy.stats import circmean, circstd

    rng = np.random.default_rng(0)
    place = rng.uniform(0, 8, (500, 2))
    vectors = rng.uniform(0.1, 1, 500) * np.exp(1j * rng.normal(0, 1, 500))
    vectors[::5] = 0
    windows = maps.windowed(place, vectors, 8.0, 2.0)
    assert windows.z.shape == (10, 10) and windows.stride == pytest.approx(6 / 9)
    for row, column in ((5, 9), (0, 3)):
        low = windows.stride * np.array([column, row])
        inside = ((place >= low) & (place < low + 2)).all(1) & (vectors != 0)
        angles = np.angle(vectors[inside])
        expected = np.rad2deg(circstd(angles)) / inside.sum()
        assert windows.spread[row, column] == pytest.approx(expected)
        assert maps.wrap(np.angle(windows.z[row, column]) - circmean(angles)) == pytest.approx(0)
    empty = maps.windowed(place, 0 * vectors, 8.0, 2.0)
    assert np.isnan(empty.z).all() and len(maps.tdann_pinwheels(empty, **RULES)) == 0


def test_in_noise_tdanns_rules_find_fewer():
    """Units of random preference: the map winds by chance, and its units are mixed everywhere."""
    rng = np.random.default_rng(0)
    place = rng.uniform(0, SIDE, (8000, 2))
    vectors = np.exp(1j * rng.uniform(0, 2 * np.pi, 8000))
    windows = maps.windowed(place, vectors, SIDE, 1.0)
    found = len(maps.pinwheels(windows.z))
    assert found > 20 and len(maps.tdann_pinwheels(windows, **RULES)) < 0.3 * found


def test_a_smooth_direction_pinwheel_is_two_half_axis_pinwheels_in_one():
    z = planted([(30.5, 30.5, 1)])
    assert maps.windings(z).sum() == 1
    # About the centre itself the doubled angle is coarse, so the turn is taken around a wider ring.
    path = [(25, x) for x in range(25, 37)] + [(y, 36) for y in range(26, 37)]
    path += [(36, x) for x in range(35, 24, -1)] + [(y, 25) for y in range(35, 24, -1)]
    turned = np.angle(np.array([(z**2)[p] for p in path]))
    assert maps.wrap(np.diff(turned)).sum() / (2 * np.pi) == pytest.approx(2)


def test_halved_axis_pinwheel_leaves_a_fracture_and_no_direction_pinwheel():
    axis = planted([(30.5, 30.5, 1)])
    direction = np.exp(0.5j * np.angle(axis))
    assert len(maps.pinwheels(axis)) == 1
    right, up = maps.fractures(direction, axis)
    assert right.sum() == 0
    # At the pinwheel's own pixels the axis turns by 45 deg: the line ends one pixel before.
    assert np.array_equal(np.nonzero(up)[0], np.full(30, 30))
    assert np.array_equal(np.nonzero(up)[1], np.arange(30))
    assert maps.fracture_density(direction, axis, 64.0) == pytest.approx(30 / 64**2)
    # Without the outer ten pixels: twenty of the line, on 44 x 44.
    assert maps.fracture_density(direction, axis, 64.0, 10) == pytest.approx(20 / 44**2)


@pytest.mark.parametrize("seed", range(4))
def test_a_smooth_map_whose_axis_is_the_doubled_direction_has_no_fracture(seed):
    """Direction jumps about each core, also about stretched ones: none of it is a fracture."""
    rng = np.random.default_rng(seed)
    for z in (ring(128, 8, rng), ring(128, 5, rng), blurred(128, 4, rng)):
        assert len(maps.pinwheels(z)) > 10
        assert maps.fracture_density(z, z**2, SIDE) == 0


def test_direction_that_reverses_along_a_line_is_a_fracture_over_its_length():
    """Axis a slow gradient, direction along it on one side and against it on the other."""
    y, x = np.mgrid[:64, :64]
    axis = np.exp(2j * np.pi * y / 64)
    direction = np.exp(1j * np.pi * y / 64) * np.where(x < 32, 1, np.exp(3j))
    right, up = maps.fractures(direction, axis)
    assert right.sum() == 64 and right[:, 31].all() and not up.any()
    faint = np.where(np.abs(x - 31.5) < 2, 0.1, 1.0)  # without an axis that goes on
    assert not maps.fractures(direction, axis * faint)[0].any()


def test_spacing_of_a_plane_wave():
    x = np.arange(96) * SIDE / 96
    wave = np.exp(2j * np.pi * x / (SIDE / 12))[None] * np.ones((96, 1))
    assert maps.spacing(wave, SIDE) == pytest.approx(SIDE / 12, rel=0.02)


def test_density_of_a_narrow_band_field_is_pi():
    found = [maps.density(ring(256, 20, np.random.default_rng(i)), SIDE) for i in range(12)]
    assert np.mean(found) == pytest.approx(np.pi, abs=0.2)


def test_density_of_smoothed_noise_is_four():
    found = []
    for i in range(12):
        rng = np.random.default_rng(i)
        noise = rng.normal(size=(2, 256, 256))
        real, imaginary = (gaussian_filter(part, 5, mode="wrap") for part in noise)
        found.append(maps.density(real + 1j * imaginary, SIDE))
    assert np.mean(found) == pytest.approx(4, abs=0.25)


def test_scrambled_phases_keep_the_spectrum_and_move_the_pinwheels():
    z = ring(128, 10, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    others = [maps.phase_scramble(z, rng) for _ in range(8)]
    assert others[0].shape == z.shape
    spacings = [maps.spacing(other, SIDE) for other in others]
    assert np.mean(spacings) == pytest.approx(maps.spacing(z, SIDE), rel=0.05)
    assert not np.array_equal(maps.windings(z), maps.windings(others[0]))


def blurred(n, sigma, rng):
    """Return a periodic Gaussian field of noise under a Gaussian of sigma pixels."""
    noise = rng.normal(size=(2, n, n))
    real, imaginary = (gaussian_filter(part, sigma, mode="wrap") for part in noise)
    return real + 1j * imaginary


# Pinwheels of a Gaussian field per pixel squared: mean squared wavenumber over 4 pi.
FIELDS = {
    "narrow band, 4 columns a side": (
        lambda rng: ring(512, 32, rng), (2 * np.pi * 32 / 512) ** 2 / (4 * np.pi)),
    "narrow band, 2.5 columns a side": (
        lambda rng: ring(512, 20, rng), (2 * np.pi * 20 / 512) ** 2 / (4 * np.pi)),
    "blurred noise": (lambda rng: blurred(512, 5, rng), 1 / (4 * np.pi * 5**2)),
    "blurred noise, one column a side": (lambda rng: blurred(512, 8, rng), 1 / (4 * np.pi * 8**2)),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_surrogates_of_a_sheet_have_the_pinwheels_of_its_field(name):
    """Sheets cut from known fields, whose opposite edges differ: no leak over them."""
    make, known = FIELDS[name]
    rng = np.random.default_rng(0)
    n, count = 64, 120
    whole = make(rng)
    cut, scrambled = [], []
    for row, column in rng.integers(0, len(whole) - n, (count, 2)):
        z = whole[row : row + n, column : column + n]
        cut.append(len(maps.pinwheels(z)))
        scrambled.append(len(maps.pinwheels(maps.phase_scramble(z, rng))))
    expected = known * (n - 3) ** 2
    assert np.mean(cut) == pytest.approx(expected, rel=0.2)
    assert np.mean(scrambled) == pytest.approx(expected, rel=0.25)


def test_field_puts_units_where_they_lie():
    positions = np.array([[1.0, 6.0], [6.0, 1.0]])
    z = maps.field(positions, np.array([1.0, 1j]), SIDE, 32, 0.5)
    row, column = int(6 / SIDE * 32), int(1 / SIDE * 32)
    assert np.angle(z[row, column]) == pytest.approx(0, abs=1e-6)
    assert np.angle(z[column, row]) == pytest.approx(np.pi / 2, abs=1e-6)


def test_smoothness_of_a_gradient_and_of_shuffled_units():
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, SIDE, (2000, 2))
    preference = positions[:, 0] / SIDE * 360
    edges = np.linspace(0, 3, 10)
    smooth = maps.difference_curve(positions, preference, edges, rng, draws=4)
    shuffled = maps.difference_curve(positions, rng.permutation(preference), edges, rng, draws=4)
    assert maps.smoothness(smooth) > 0.8
    assert shuffled == pytest.approx(90, abs=3)
    assert abs(maps.smoothness(shuffled)) < 0.05


def test_differences_wrap():
    positions = np.array([[0.0, 0.0], [0.1, 0.0]])
    rng = np.random.default_rng(0)
    edges = np.array([0, 1.0])
    assert maps.difference_curve(positions, np.array([350.0, 10.0]), edges, rng)[0] == 20
    axis = maps.difference_curve(positions, np.array([170.0, 10.0]), edges, rng, period=180)
    assert axis[0] == 20


def test_opposite_neighbours():
    found = np.array([[0, 0, 1], [1, 0, -1], [10, 0, 1], [11, 0, 1.0]])
    assert maps.opposite_neighbours(found) == 0.5
    assert np.isnan(maps.opposite_neighbours(found[:1]))


def test_coverage_is_even_for_all_directions_everywhere_and_uneven_for_a_patch():
    rng = np.random.default_rng(0)
    points = rng.uniform(0.3, 0.7, (40, 2))
    centres = rng.uniform(0, 1, (8000, 2))
    sizes = {"directions": 8, "sigma": 0.1, "kappa": 2.0}
    even = maps.coverage(centres, rng.uniform(0, 2 * np.pi, 8000), points, **sizes)
    uneven = maps.coverage(centres, 2 * np.pi * centres[:, 0], points, **sizes)
    assert even < 0.1 < 0.5 < uneven


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(StudyError, match=r"\(3, 2\) found, \(4, 2\) expected"):
        maps.field(np.zeros((3, 2)), np.ones(4), SIDE, 8, 0.2)
    with pytest.raises(StudyError, match="constant"):
        maps.spacing(np.ones((16, 16), complex), SIDE)
    with pytest.raises(StudyError, match="do not belong together"):
        maps.coverage(
            np.zeros((3, 2)), np.ones(4), np.zeros((1, 2)), directions=8, sigma=1, kappa=1
        )
