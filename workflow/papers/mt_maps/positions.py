"""Positions of units on a layer's sheet: retinotopic start, jitter, swaps that lower the spatial loss.

After Margalit et al. 2024 (TDANN), written afresh. Distances in mm. Units are (channel, row, column),
flattened in this order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from papers.mt_maps import tiles
from replicortex.core.errors import StudyError


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
    inside = ((positions >= corner) & (positions <= corner + width)).all(1)
    units = np.flatnonzero(inside)
    if len(units) > most:
        units = np.sort(rng.choice(units, most, replace=False))
    return units


def correlations(responses: np.ndarray) -> np.ndarray:
    """Return Pearson correlations (units, units) of responses (stimuli, units); silent units get 0."""
    centred = responses - responses.mean(0)
    norm = np.sqrt((centred**2).sum(0))
    scaled = centred / np.where(norm > 0, norm, 1)
    return scaled.T @ scaled


def nearness(positions: np.ndarray) -> np.ndarray:
    """Return 1 / (d + 1) of every pair, d in mm."""
    return 1 / (1 + np.hypot(*(positions[:, None] - positions[None]).transpose(2, 0, 1)))


def spatial_loss(correlation: np.ndarray, near: np.ndarray) -> float:
    """Return (1 - Pearson(r, D)) / 2 over pairs of units; 0 best, 1 worst, 1/2 where either is flat."""
    pairs = np.triu_indices(len(near), 1)
    r, d = correlation[pairs], near[pairs]
    if r.std() == 0 or d.std() == 0:
        return 0.5
    return float((1 - np.corrcoef(r, d)[0, 1]) / 2)


def swap_plainly(correlation: np.ndarray, near: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Swap as the rule says, recomputing the loss each time: the oracle of `swap`.

    A trial's loss is over the pairs that contain one of its two units.
    """
    order = np.arange(len(near))
    for a, b in trials:
        rows = np.zeros_like(near, dtype=bool)
        rows[[a, b]] = rows[:, [a, b]] = True
        rows &= np.triu(np.ones_like(rows), 1)
        r = correlation[rows]
        swapped = order.copy()
        swapped[[a, b]] = order[[b, a]]
        before, after = near[np.ix_(order, order)][rows], near[np.ix_(swapped, swapped)][rows]
        if np.corrcoef(r, after)[0, 1] > np.corrcoef(r, before)[0, 1]:
            order = swapped
    return order


def swap(correlation: np.ndarray, near: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Return which place each unit has after the trials: `order[unit]` is a row of `near`.

    A swap of a and b leaves the multiset of distances in their rows as it was, hence the mean and SD of
    D and r. The loss falls exactly if sum_j (r_aj - r_bj) (D_aj - D_bj), j not a or b, is negative.

    Parameters
    ----------
    correlation, near
        (units, units), of units and of places.
    trials
        (n, 2): pairs of different units, in turn.
    """
    order = np.arange(len(near))
    distance = near.copy()  # by unit, kept in step with `order`
    for a, b in trials.tolist():
        apart = distance[a] - distance[b]
        alike = correlation[a] - correlation[b]
        gain = alike @ apart - alike[a] * apart[a] - alike[b] * apart[b]
        if gain < 0:
            order[a], order[b] = order[b], order[a]
            row_a, row_b = distance[b].copy(), distance[a].copy()
            row_a[a], row_a[b], row_b[a], row_b[b] = row_a[b], row_a[a], row_b[b], row_b[a]
            distance[a], distance[b] = row_a, row_b
            distance[:, a], distance[:, b] = row_a, row_b
    return order


@dataclass(frozen=True)
class Optimised:
    """Positions after swaps, and the loss of each neighbourhood before and after."""

    positions: np.ndarray
    before: np.ndarray
    after: np.ndarray
    swapped: int  # units that another place was given, summed over neighbourhoods


def optimise(
    positions: np.ndarray,
    responses: np.ndarray,
    rng: np.random.Generator,
    *,
    width: float,
    neighbourhoods: int,
    trials: int,
    most: int = 500,
    fewest: int = 25,
) -> Optimised:
    """Swap units within random neighbourhoods so that units of like responses lie close.

    Parameters
    ----------
    positions
        (units, 2), mm.
    responses
        (stimuli, units), to moving stimuli that the measurement does not use.
    width
        Of the neighbourhoods, mm.
    neighbourhoods, trials
        Windows, and swaps tried in each. TDANN: 10,000 (text) or 100,000 (code), and 500.
    most, fewest
        Units of a window; one with fewer is passed over.

    Raises
    ------
    StudyError
        When positions do not match the layer, or every window has too few units.
    """
    if positions.shape != (responses.shape[1], 2):
        raise StudyError(
            f"positions: {positions.shape} found, ({responses.shape[1]}, 2) expected: "
            "they do not belong to this layer"
        )
    positions = positions.copy()
    before, after, swapped = [], [], 0
    for _ in range(neighbourhoods):
        units = neighbourhood(positions, width, most, rng)
        if len(units) < fewest:
            continue
        first = rng.integers(0, len(units), trials)
        second = (first + rng.integers(1, len(units), trials)) % len(units)
        alike, near = correlations(responses[:, units]), nearness(positions[units])
        order = swap(alike, near, np.stack([first, second], 1))
        before.append(spatial_loss(alike, near))
        after.append(spatial_loss(alike, near[np.ix_(order, order)]))
        swapped += int((order != np.arange(len(units))).sum())
        positions[units] = positions[units][order]
    if not before:
        raise StudyError(
            f"swaps: no window of {width} mm has {fewest} units; "
            "widen the neighbourhood or lower `fewest`"
        )
    return Optimised(positions, np.array(before), np.array(after), swapped)
