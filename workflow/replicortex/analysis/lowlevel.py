"""RDMs of low-level image properties: what a comparison with a network has to be held against.

Images are uint8 RGB, all of one shape (height, width, 3): an array (n, height, width, 3) or a list.
The caller brings them to one size. Values count as stored (gamma-encoded), scaled to [0, 1].
Settings: learning rules, 2605.30556, partial RSA of the author's sibling paper 2608.12408; what
neither says is marked [assumed].
"""

from collections.abc import Sequence

import numpy as np

from replicortex.analysis.rdm import correlation_distance, euclidean_distance
from replicortex.core.errors import StudyError

Images = np.ndarray | Sequence[np.ndarray]

REC_709 = np.array([0.2126, 0.7152, 0.0722])  # luminance of R, G, B (ITU-R BT.709)
OFF_BACKGROUND = 16  # of 255 grey levels, in any colour: JPEG noise stays below [assumed]
BORDER_SHARE = 0.5  # of an image's border that must be background for a silhouette [assumed]
BATCH = 64  # images filtered at once


def luminance(images: Images) -> np.ndarray:
    """Absolute difference of the images' mean Rec. 709 luminance, 0 to 1: RDM (n, n)."""
    means = np.array([(image.mean(axis=(0, 1)) / 255) @ REC_709 for image in _checked(images)])
    apart: np.ndarray = np.abs(means[:, None] - means[None, :])
    return apart


def rgb(images: Images) -> np.ndarray:
    """Euclidean distance, not squared, of the images' mean R, G and B, each 0 to 1: RDM (n, n).

    A correlation over three numbers would be undefined for grey images [assumed].
    """
    means = np.array([image.mean(axis=(0, 1)) / 255 for image in _checked(images)])
    return euclidean_distance(means, "mean colours")


def pixel(images: Images) -> np.ndarray:
    """Correlation distance of all pixel values, the three colours side by side: RDM (n, n).

    Raises
    ------
    StudyError
        Images of different sizes, or an image of one value only.
    """
    return correlation_distance(_stacked(images).reshape(len(images), -1) / 255.0, "pixels")


def gabor(
    images: Images, orientations: int = 8, wavelengths: Sequence[float] = (4, 8, 16)
) -> np.ndarray:
    """Correlation distance of Gabor amplitudes, sqrt(even^2 + odd^2) without normalisation.

    See `gabor_amplitudes`.

    Returns
    -------
    array of shape (n, n)
    """
    amplitudes = gabor_amplitudes(images, orientations, wavelengths)
    return correlation_distance(amplitudes, "Gabor amplitudes")


def gabor_amplitudes(
    images: Images, orientations: int = 8, wavelengths: Sequence[float] = (4, 8, 16)
) -> np.ndarray:
    """Return the amplitudes of quadrature pairs of Gabor filters on the images' luminance.

    Round Gaussian windows of s.d. 0.56 wavelengths (a bandwidth of one octave), without response
    to uniform luminance, scaled to amplitude 1 for a grating of the filter's own orientation and
    wavelength that spans 0 to 2; sampled every half wavelength (at least a pixel). Beyond
    its edge an image goes on with its mean luminance. [assumed]

    Parameters
    ----------
    images : n uint8 images of the same size
    orientations : int
        Evenly spaced over 180 degrees, from 0: a vertical grating.
    wavelengths : sequence of float
        Pixels, at least 2.

    Returns
    -------
    array of shape (n, n_amplitudes): wavelength, orientation, row, column, the last fastest
    """
    if orientations < 1 or not len(wavelengths) or min(wavelengths) < 2:
        raise StudyError(
            f"Gabor filters: expected at least 1 orientation and wavelengths of at least 2 "
            f"pixels, found {orientations} and {list(wavelengths)}"
        )
    grey = (_stacked(images) / 255.0) @ REC_709
    height, width = grey.shape[1:]
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    # Four s.d. of the widest window keep one edge from reaching the opposite one.
    reach = int(np.ceil(4 * 0.56 * max(wavelengths)))
    padded = (height + reach, width + reach)
    filters = [
        (max(1, round(wavelength / 2)), _gabor_spectrum(padded, wavelength, angle))
        for wavelength in wavelengths
        for angle in np.arange(orientations) * np.pi / orientations
    ]
    batches = []
    for start in range(0, len(grey), BATCH):
        spectrum = np.fft.fft2(grey[start : start + BATCH], s=padded)
        maps = []
        for step, response in filters:
            filtered = np.abs(np.fft.ifft2(spectrum * response))[:, :height, :width]
            maps.append(
                filtered[:, step // 2 :: step, step // 2 :: step].reshape(len(spectrum), -1)
            )
        batches.append(np.concatenate(maps, axis=1))
    return np.concatenate(batches)


def silhouette(images: Images) -> np.ndarray | None:
    """Jaccard distance of the objects' outlines: 1 - shared area / joint area. RDM (n, n), or
    None where the images have no common uniform background, as photographs of scenes.

    See `masks`; best at the images' own size, where outlines are sharp.
    """
    objects = masks(images)
    if objects is None:
        return None
    flat = objects.reshape(len(objects), -1).astype(np.float64)
    shared = flat @ flat.T
    areas = np.diagonal(shared)
    if (areas == 0).any():
        raise StudyError(
            f"silhouettes: image {np.flatnonzero(areas == 0)[0]} shows nothing but background"
        )
    return 1.0 - shared / (areas[:, None] + areas[None, :] - shared)


def masks(images: Images) -> np.ndarray | None:
    """Return where each image differs from the background that all share.

    The background is the commonest colour of all borders. A pixel that differs from it by more
    than 16 of 255 levels in any colour is object. None when, in some image, less than half of
    the border is background: then there is no silhouette.

    Returns
    -------
    bool array of shape (n, height, width), or None
    """
    stacked = _stacked(images).astype(np.int16)
    border = np.concatenate(
        [stacked[:, 0], stacked[:, -1], stacked[:, 1:-1, 0], stacked[:, 1:-1, -1]], axis=1
    )
    colours, counts = np.unique(border.reshape(-1, 3), axis=0, return_counts=True)
    background = colours[np.argmax(counts)]
    off = np.abs(border - background).max(axis=-1) > OFF_BACKGROUND
    if ((1 - off.mean(axis=1)) < BORDER_SHARE).any():
        return None
    shapes: np.ndarray = np.abs(stacked - background).max(axis=-1) > OFF_BACKGROUND
    return shapes


def _gabor_spectrum(shape: tuple[int, int], wavelength: float, angle: float) -> np.ndarray:
    """Transfer function of the complex filter: a Gaussian around one frequency, 0 at DC."""
    rows = np.fft.fftfreq(shape[0])[:, None]  # cycles per pixel
    columns = np.fft.fftfreq(shape[1])[None, :]
    sd = 1 / (2 * np.pi * 0.56 * wavelength)
    centre_row, centre_column = np.sin(angle) / wavelength, np.cos(angle) / wavelength

    def bump(row: float, column: float) -> np.ndarray:
        return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * sd**2))

    # Taking away a Gaussian around DC leaves no response to uniform luminance.
    at_dc = np.exp(-(wavelength**-2) / (2 * sd**2))
    spectrum = bump(centre_row, centre_column) - at_dc * bump(0.0, 0.0)
    whole: np.ndarray = 2.0 * spectrum / (1 - at_dc**2)
    return whole


def _checked(images: Images) -> Images:
    if len(images) < 2:
        raise StudyError(f"low-level models need at least 2 images, found {len(images)}")
    for number, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise StudyError(
                f"image {number}: expected uint8 RGB of shape (height, width, 3), "
                f"found {image.dtype} of shape {image.shape}"
            )
    return images


def _stacked(images: Images) -> np.ndarray:
    shapes = sorted({image.shape for image in _checked(images)})
    if len(shapes) > 1:
        raise StudyError(
            f"images have {len(shapes)} different sizes, such as {shapes[0][:2]} and "
            f"{shapes[1][:2]} pixels: resize them to a common side first"
        )
    return np.asarray(images)
