"""Positions of units on a layer's sheet: retinotopic start, jitter, swaps that lower the spatial loss.

After Margalit et al. 2024 (TDANN), written afresh. Distances in mm. Units are (channel, row, column),
flattened in this order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from papers.mt_maps import tiles
from replicortex.core.errors import StudyError

# Of a rise in the sum of r D, for each unit: r and D are off by some hundred spacings (2.2e-16) at most.
ROUNDED = 1e-13
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


def nearness(positions: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return 1 / (d + 1) of every pair, d in mm; within `out` where it is given."""
    near = cdist(positions, positions, out=out)
    near += 1
    return np.reciprocal(near, out=near)


def spatial_loss(correlation: np.ndarray, near: np.ndarray) -> float:
    """Return (1 - Pearson(r, D)) / 2 over pairs of units; 0 best, 1 worst, 1/2 where either is flat."""
    r, d = (np.array(one, dtype=np.float64) for one in (correlation, near))
    return _loss(*_sums(_centre(r), _centre(d)))


def _centre(values: np.ndarray) -> np.ndarray:
    """Take from symmetric values (n, n), in place, their mean over pairs; put 0 on the diagonal."""
    n = len(values)
    values -= (values.sum() - values.trace()) / (n * (n - 1))
    values.flat[:: n + 1] = 0
    return values


def _sums(r: np.ndarray, d: np.ndarray) -> tuple[float, float]:
    """Return of centred r and D the sum of r D over pairs, and the root of their squares' sums.

    The root is 0 where r or D is flat: has no s.d. but what rounding leaves.
    """
    sizes = [float(np.sqrt(np.vdot(one, one))) for one in (r, d)]
    size = 0.0 if min(sizes) <= FLAT * len(r) else sizes[0] * sizes[1] / 2
    return float(np.vdot(r, d)) / 2, size


def _loss(together: float, size: float) -> float:
    return (1 - together / size) / 2 if size else 0.5


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


def swap(correlation: np.ndarray, near: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, float]:
    """Return which place each unit has after the trials, and by how much the sum of r D has grown.

    `order[unit]` is a row of `near`; the sum is over pairs of units.

    A swap of a and b leaves the multiset of distances in their rows as it was, hence the mean and SD of
    D and r. The loss falls exactly if sum_j (r_aj - r_bj) (D_aj - D_bj), j not a or b, is negative: by
    more than `ROUNDED` for each unit, lest rounding decide between units that answer alike.

    Parameters
    ----------
    correlation, near
        (units, units), of units and of places; what is added to all values changes nothing. The
        diagonal of `near` holds one value.
    trials
        (n, 2): pairs of different units, in turn.
    """
    n = len(near)
    order, at = list(range(n)), np.arange(n)  # the place of each unit, the unit at each place
    rows, alike = list(near), list(correlation)
    first, second = trials.T
    # What j = a and j = b add is the same but for D_ab.
    diagonal = correlation.diagonal()
    own = diagonal[first] + diagonal[second] - 2 * correlation[first, second]
    own_near = float(near[0, 0])
    least, grown = -ROUNDED * n, 0.0
    apart, unlike, unlike_there = np.empty((3, n))
    subtract, dot = np.subtract, np.dot
    for a, b, both in zip(first.tolist(), second.tolist(), own.tolist(), strict=True):
        place_a, place_b = order[a], order[b]
        row = rows[place_a]
        subtract(row, rows[place_b], apart)
        subtract(alike[a], alike[b], unlike)
        unlike.take(at, 0, unlike_there, "clip")
        rise = dot(unlike_there, apart) - both * (own_near - row.item(place_b))
        if rise < least:
            grown -= rise
            order[a], order[b] = place_b, place_a
            at[place_a], at[place_b] = b, a
    return np.array(order), float(grown)


@dataclass(frozen=True)
class Optimised:
    """Positions after swaps, and the loss of each neighbourhood before and after."""

    positions: np.ndarray
    before: np.ndarray
    after: np.ndarray
    swapped: int  # units that another place was given, summed over neighbourhoods


def swap_neighbourhood(
    rows: np.ndarray, positions: np.ndarray, trials: np.ndarray, space: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[float, float]]:
    """Return which place each unit has after the trials, and the spatial loss before and after them.

    Means and sizes of r and D do not change: the second loss follows from the first and what the swaps
    have added to the sum of r D.

    Parameters
    ----------
    rows
        (units, stimuli), as `scaled` returns them.
    positions
        (units, 2), mm.
    trials
        As for `swap`.
    space
        Memory for 2 units^2 numbers at least, (n,); new memory costs as much as what is done in it.
    """
    n = len(rows)
    space = np.empty(2 * n * n) if space is None else space[: 2 * n * n]
    r, d = space.reshape(2, n, n)
    _centre(np.matmul(rows, rows.T, out=r))
    _centre(nearness(positions, out=d))
    together, size = _sums(r, d)
    order, grown = swap(r, d, trials)
    return order, (_loss(together, size), _loss(together + grown, size))


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
    positions, rows = positions.copy(), scaled(responses)
    space = np.empty(2 * min(most, len(rows)) ** 2)
    before, after, swapped = [], [], 0
    for _ in range(neighbourhoods):
        units = neighbourhood(positions, width, most, rng)
        if len(units) < fewest:
            continue
        first = rng.integers(0, len(units), trials)
        second = (first + rng.integers(1, len(units), trials)) % len(units)
        trial = np.stack([first, second], 1)
        order, losses = swap_neighbourhood(rows[units], positions[units], trial, space)
        before.append(losses[0])
        after.append(losses[1])
        swapped += int((order != np.arange(len(units))).sum())
        positions[units] = positions[units][order]
    if not before:
        raise StudyError(
            f"swaps: no window of {width} mm has {fewest} units; "
            "widen the neighbourhood or lower `fewest`"
        )
    return Optimised(positions, np.array(before), np.array(after), swapped)
