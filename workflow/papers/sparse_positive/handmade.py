"""Feature spaces that nothing learned: pixels, random projections, Gabor amplitudes, HOG."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from replicortex.analysis.lowlevel import gabor_amplitudes
from replicortex.core.randomness import generator

GREY = np.array([0.2125, 0.7154, 0.0721])  # scikit-image's luminance, which is HOG's oracle
CLIP = 0.2  # of a normalised block (L2-Hys, Dalal and Triggs 2005)


def hog(images: np.ndarray, orientations: int = 9, cell: int = 4, block: int = 2) -> np.ndarray:
    """Return histograms of oriented gradients (Dalal and Triggs 2005), (n, features).

    Gradients are central differences of the luminance, 0 at the border; each pixel votes with its
    magnitude for one of the unsigned orientations of its cell; blocks of cells are normalised to
    length 1, clipped at 0.2 and normalised again. Features: block row, block column, cell row,
    cell column, orientation, the last fastest.

    Parameters
    ----------
    images
        uint8 (n, side, side, 3).
    orientations
        Bins over 180 degrees.
    cell, block
        Pixels along a cell, cells along a block.
    """
    grey = images / 255 @ GREY
    rows, columns = np.zeros_like(grey), np.zeros_like(grey)
    rows[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    columns[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    magnitude = np.hypot(rows, columns)
    angle = np.rad2deg(np.arctan2(rows, columns)) % 180
    bins = np.minimum((angle * orientations / 180).astype(int), orientations - 1)
    n, side = len(grey), grey.shape[1] // cell
    edge = side * cell
    histograms = np.stack(
        [
            np.where(bins == k, magnitude, 0)[:, :edge, :edge]
            .reshape(n, side, cell, side, cell)
            .sum((2, 4))
            / cell**2
            for k in range(orientations)
        ],
        axis=-1,
    )
    places = side - block + 1
    blocks = np.stack(
        [
            histograms[:, r : r + block, c : c + block].reshape(n, -1)
            for r in range(places)
            for c in range(places)
        ],
        axis=1,
    )
    small = 1e-5
    blocks = blocks / np.sqrt((blocks**2).sum(2, keepdims=True) + small**2)
    blocks = np.minimum(blocks, CLIP)
    blocks = blocks / np.sqrt((blocks**2).sum(2, keepdims=True) + small**2)
    return blocks.reshape(n, -1)


def projection(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return rectified random projections of the pixels, (n, count)."""
    flat = images.reshape(len(images), -1) / 255 - 0.5
    draw = generator(seed, "random projections").normal(size=(flat.shape[1], count))
    return np.maximum(flat @ draw / np.sqrt(flat.shape[1]), 0)


def spaces(projections: int, seed: int) -> Mapping[str, Callable[[np.ndarray], np.ndarray]]:
    """Return how each handmade space answers: uint8 (n, side, side, 3) -> (n, features).

    Parameters
    ----------
    projections
        Units of a random projection.
    seed
        Of the projections.
    """
    return {
        "pixels": lambda images: (images / 255 @ GREY).reshape(len(images), -1),
        "gabor": gabor_amplitudes,
        "hog": hog,
        "projection": lambda images: projection(images, projections, seed),
        "projection_of_hog": lambda images: np.maximum(
            (h := hog(images) - 0.1)
            @ generator(seed, "projections of hog").normal(size=(h.shape[1], projections)),
            0,
        ),
    }
