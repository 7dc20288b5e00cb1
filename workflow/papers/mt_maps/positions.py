"""Positions of units on a layer's sheet: retinotopic start, jitter, neighbourhoods and their spatial loss.

After Margalit et al. 2024 (TDANN), written afresh. Distances in mm. Units are (channel, row, column),
flattened in this order.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from papers.mt_maps import tiles
from replicortex.core.errors import StudyError

FLAT = 1e-12  # s.d. of r or D below which rounding has made it


def retinotopic(
    channels: int, grid: int, side: float, overlap: float, rng: np.random.Generator
) -> np.ndarray:
    """Return start positions (channels grid grid, 2), x by column and y by row.

    Each cell of the grid has a tile of width side / (grid - grid overlap + overlap); its units lie in it
    at random. TDANN's overlap is 0.1 on the first grid and grows with the downsampling.

    Raises
    ------
    StudyError
        When the overlap is not in [0, 1).
    """
    if not 0 <= overlap < 1:
        raise StudyError(f"overlap of tiles: {overlap} found, at least 0 and below 1 expected")
    tile = tiles.tile(side, grid, overlap)
    centres = np.linspace(tile / 2, side - tile / 2, grid)
    row, column = np.meshgrid(centres, centres, indexing="ij")
    place = np.tile(np.stack([column.ravel(), row.ravel()], 1), (channels, 1))
    return place + rng.uniform(-tile / 2, tile / 2, place.shape)


def jitter(positions: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Return positions with Gaussian noise (mm), scaled back to the extent that they had."""
    low, high = positions.min(0), positions.max(0)
    moved = positions + rng.normal(0, sigma, positions.shape) if sigma else positions.copy()
    start, end = moved.min(0), moved.max(0)
    return low + (moved - start) * (high - low) / (end - start)


def neighbourhood(
    positions: np.ndarray, width: float, most: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the units in a square window (mm) at a random place inside the sheet, at most `most`."""
    low, high = positions.min(0), positions.max(0)
    corner = low + rng.uniform(0, 1, 2) * np.maximum(high - low - width, 0)
    inside = (positions >= corner) & (positions <= corner + width)
    units = np.flatnonzero(inside[:, 0] & inside[:, 1])
    if len(units) > most:
        units = np.sort(rng.choice(units, most, replace=False))
    return units


def scaled(responses: np.ndarray) -> np.ndarray:
    """Return responses (stimuli, units) as rows (units, stimuli) of mean 0 and norm 1; silent units as 0."""
    centred = np.array(responses.T, dtype=np.float64, order="C")
    centred -= centred.mean(1, keepdims=True)
    norm = np.sqrt(np.einsum("ij,ij->i", centred, centred))[:, None]
    centred /= np.where(norm > 0, norm, 1)
    return centred


def correlations(responses: np.ndarray) -> np.ndarray:
    """Return Pearson correlations (units, units) of responses (stimuli, units); silent units get 0."""
    rows = scaled(responses)
    found: np.ndarray = rows @ rows.T
    return found


def nearness(positions: np.ndarray) -> np.ndarray:
    """Return 1 / (d + 1) of every pair, d in mm."""
    near: np.ndarray = 1 / (cdist(positions, positions) + 1)
    return near


def spatial_loss(correlation: np.ndarray, near: np.ndarray) -> float:
    """Return (1 - Pearson(r, D)) / 2 over pairs of units; 0 best, 1 worst, 1/2 where either is flat."""
    r, d = (_centred(one) for one in (correlation, near))
    together, *squares = (float(np.vdot(*two)) / 2 for two in ((r, d), (r, r), (d, d)))
    return loss_of(together, squares[0], squares[1], len(r))


def _centred(values: np.ndarray) -> np.ndarray:
    """Return symmetric values (n, n) less their mean over pairs, 0 on the diagonal."""
    n = len(values)
    centred: np.ndarray = values - (values.sum() - values.trace()) / (n * (n - 1))
    centred.flat[:: n + 1] = 0
    return centred


def loss_of(together: float, r: float, d: float, units: int) -> float:
    """Return the spatial loss from sums over pairs of centred values: of r D, of r^2 and of D^2.

    It is 1/2 where r or D is flat: has no s.d. but what rounding leaves.
    """
    if np.sqrt(2 * min(r, d)) <= FLAT * units:
        return 0.5
    return float((1 - together / np.sqrt(r * d)) / 2)
