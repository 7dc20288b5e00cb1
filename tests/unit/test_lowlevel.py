import numpy as np
import pytest
from scipy.signal import fftconvolve
from scipy.spatial.distance import pdist, squareform

from replicortex.analysis import lowlevel
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers

SIDE = 32


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)


def plain(*colours):
    return np.stack([np.full((8, 8, 3), c, dtype=np.uint8) for c in colours])


def test_luminance_of_plain_colours():
    found = lowlevel.luminance(plain((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)))
    np.testing.assert_allclose(found[3], [1 - 0.2126, 1 - 0.7152, 1 - 0.0722, 0], atol=1e-12)
    assert found[0, 1] == pytest.approx(0.7152 - 0.2126)
    np.testing.assert_array_equal(found, found.T)


def test_rgb_of_plain_colours():
    found = lowlevel.rgb(plain((255, 0, 0), (0, 255, 0), (0, 0, 0)))
    np.testing.assert_allclose(found[0], [0, np.sqrt(2), 1], atol=1e-12)


def test_mean_colour_and_luminance_take_images_of_any_size(images):
    mixed = [images[0], images[1][:20, :11]]
    means = [image.reshape(-1, 3).mean(axis=0) / 255 for image in mixed]
    assert lowlevel.rgb(mixed)[0, 1] == pytest.approx(np.linalg.norm(means[0] - means[1]))
    weighted = [mean @ [0.2126, 0.7152, 0.0722] for mean in means]
    assert lowlevel.luminance(mixed)[0, 1] == pytest.approx(abs(weighted[0] - weighted[1]))


def test_pixel_equals_scipy(images):
    expected = squareform(pdist(images.reshape(6, -1).astype(float), "correlation"))
    np.testing.assert_allclose(lowlevel.pixel(images), expected, atol=1e-13)


def grating(wavelength, angle, phase=0.3, side=64):
    rows, columns = np.mgrid[:side, :side]
    along = np.cos(angle) * columns + np.sin(angle) * rows
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * along / wavelength + phase)
    return np.repeat((255 * wave).round().astype(np.uint8)[..., None], 3, axis=2)


def centre_amplitudes(image, orientations, wavelengths):
    """Amplitude in the middle of the image, (wavelength, orientation)."""
    both = np.stack([image, image])
    found, table, at = lowlevel.gabor_amplitudes(both, orientations, wavelengths)[0], [], 0
    for wavelength in wavelengths:
        step = round(wavelength / 2)
        across = len(range(step // 2, 64, step))
        maps = found[at : at + orientations * across**2].reshape(orientations, across, across)
        table.append(maps[:, across // 2, across // 2])
        at += orientations * across**2
    assert at == len(found)
    return np.array(table)


@pytest.mark.parametrize("scale", [0, 1])
@pytest.mark.parametrize("orientation", [0, 1, 3])
def test_gabor_answers_most_to_its_own_grating_whatever_the_phase(scale, orientation):
    wavelengths = (4, 8)
    for phase in (0.0, 1.0, 2.5):
        image = grating(wavelengths[scale], orientation * np.pi / 4, phase)
        table = centre_amplitudes(image, 4, wavelengths)
        assert np.unravel_index(table.argmax(), table.shape) == (scale, orientation)
        assert table.max() == pytest.approx(0.5, abs=0.01)  # half of 0 to 1


def test_gabor_equals_filtering_in_space():
    """The even and odd filters, written in space and convolved, give the same amplitudes."""
    wavelength, angle = 8.0, np.pi / 6
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    grey = (image / 255) @ [0.2126, 0.7152, 0.0722]
    sd = 0.56 * wavelength
    rows, columns = np.mgrid[-30:31, -30:31]
    window = np.exp(-(rows**2 + columns**2) / (2 * sd**2)) / (2 * np.pi * sd**2)
    dc = np.exp(-2 * np.pi**2 * 0.56**2)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    wave = np.exp(2j * np.pi * along / wavelength) - dc
    response = fftconvolve(grey - grey.mean(), 2 * wave * window / (1 - dc**2), mode="same")
    ours = lowlevel.gabor_amplitudes(np.stack([image, image]), 6, [wavelength])[0]
    ours = ours.reshape(6, 16, 16)[1]
    np.testing.assert_allclose(ours, np.abs(response)[2::4, 2::4], atol=1e-6)


def test_gabor_is_blind_to_brightness_and_takes_batches(images, monkeypatch):
    dark = images // 2
    whole = lowlevel.gabor_amplitudes(dark, 2, [4])
    np.testing.assert_allclose(lowlevel.gabor_amplitudes(dark + np.uint8(100), 2, [4]), whole)
    monkeypatch.setattr(lowlevel, "BATCH", 4)
    np.testing.assert_allclose(lowlevel.gabor_amplitudes(dark, 2, [4]), whole)


def test_gabor_is_the_correlation_distance_of_amplitudes(images):
    amplitudes = lowlevel.gabor_amplitudes(images, 3, [4, 8])
    expected = squareform(pdist(amplitudes, "correlation"))
    np.testing.assert_allclose(lowlevel.gabor(images, 3, [4, 8]), expected, atol=1e-13)
    assert np.abs(lowlevel.gabor(images) - expected).max() > 1e-3


def squares(background=128):
    """Squares on a uniform background: of 10 x 10, shifted by 5, and of 10 x 20."""
    pictures = np.full((3, 40, 40, 3), background, dtype=np.uint8)
    pictures[0, 10:20, 10:20] = (200, 0, 50)
    pictures[1, 10:20, 15:25, 1] = 255
    pictures[2, 10:20, 10:30] = 20
    return pictures


def test_silhouette_is_the_jaccard_distance_of_areas():
    expected = [[0, 1 - 50 / 150, 0.5], [1 - 50 / 150, 0, 0.5], [0.5, 0.5, 0]]
    np.testing.assert_allclose(lowlevel.silhouette(squares()), expected, atol=1e-12)


def test_silhouette_equals_scipy_and_ignores_compression_noise():
    pictures = squares()
    noise = np.random.default_rng(2).integers(0, 8, pictures.shape, dtype=np.uint8)
    flat = lowlevel.masks(pictures).reshape(3, -1)
    expected = squareform(pdist(flat, "jaccard"))
    np.testing.assert_allclose(lowlevel.silhouette(pictures + noise), expected, atol=1e-12)


def test_an_object_may_touch_the_border():
    pictures = squares()
    pictures[0, :12, :30] = 0
    assert lowlevel.masks(pictures)[0, 0, :30].all()
    assert not lowlevel.masks(pictures)[0, 0, 30:].any()


def test_photographs_have_no_silhouette(images):
    assert lowlevel.silhouette(images) is None
    pictures = squares()
    pictures[1] = np.random.default_rng(3).integers(0, 256, pictures[1].shape, dtype=np.uint8)
    assert lowlevel.silhouette(pictures) is None


def test_bad_images_are_errors(images):
    with pytest.raises(StudyError, match="image 1 shows nothing but background"):
        lowlevel.silhouette(np.stack([squares()[0], squares()[0] * 0 + np.uint8(128)]))
    with pytest.raises(StudyError, match="2 different sizes"):
        lowlevel.pixel([images[0], images[1][:20]])
    with pytest.raises(StudyError, match="image 0: expected uint8 RGB"):
        lowlevel.luminance(images / 255)
    with pytest.raises(StudyError, match="at least 2 images, found 1"):
        lowlevel.rgb(images[:1])
    with pytest.raises(StudyError, match="constant features in pixels"):
        lowlevel.pixel(plain((9, 9, 9), (4, 4, 4)))
    with pytest.raises(StudyError, match="wavelengths of at least 2"):
        lowlevel.gabor(images, 4, [1])
