"""Swaps of units between their places on a sheet that lower the spatial loss of a neighbourhood.

After Margalit et al. 2024 (TDANN), written afresh. Distances in mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from papers.mt_maps.positions import loss_of, neighbourhood, scaled
from replicortex.analysis.compiled import compiled
from replicortex.core.errors import StudyError

# Of a rise in the sum of r D, for each unit: r and D are off by some hundred spacings (2.2e-16) at most.
ROUNDED = 1e-13


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


@compiled
def swap(correlation: np.ndarray, near: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, float]:
    """Return which place each unit has after the trials, and by how much the sum of r D has grown.

    `order[unit]` is a row of `near`; the sum is over pairs of units.

    A swap of a and b leaves the multiset of distances in their rows as it was, hence the mean and SD of
    D and r. The loss falls exactly if sum_j (r_aj - r_bj) (D_aj - D_bj), j not a or b, is negative: by
    more than `ROUNDED` for each unit, lest rounding decide between units that answer alike.

    Parameters
    ----------
    correlation, near
        (units, units), C-ordered, of units and of places; what is added to all values changes nothing.
    trials
        (n, 2): pairs of different units, in turn.
    """
    n = len(near)
    order, at = np.arange(n), np.arange(n)  # the place of each unit, the unit at each place
    grown = 0.0
    for trial in range(len(trials)):
        a, b = trials[trial, 0], trials[trial, 1]
        place_a, place_b = order[a], order[b]
        there_a, there_b = near[place_a], near[place_b]
        alike_a, alike_b = correlation[a], correlation[b]
        # Four sums side by side: each addition waits for the one before it.
        one, two, three, four = 0.0, 0.0, 0.0, 0.0
        for j in range(0, n - 3, 4):
            one += (alike_a[at[j]] - alike_b[at[j]]) * (there_a[j] - there_b[j])
            two += (alike_a[at[j + 1]] - alike_b[at[j + 1]]) * (there_a[j + 1] - there_b[j + 1])
            three += (alike_a[at[j + 2]] - alike_b[at[j + 2]]) * (there_a[j + 2] - there_b[j + 2])
            four += (alike_a[at[j + 3]] - alike_b[at[j + 3]]) * (there_a[j + 3] - there_b[j + 3])
        for j in range(n - n % 4, n):
            one += (alike_a[at[j]] - alike_b[at[j]]) * (there_a[j] - there_b[j])
        rise = (one + two) + (three + four)
        for j in (place_a, place_b):
            rise -= (alike_a[at[j]] - alike_b[at[j]]) * (there_a[j] - there_b[j])
        if rise < -ROUNDED * n:
            grown -= rise
            order[a], order[b] = place_b, place_a
            at[place_a], at[place_b] = b, a
    return order, grown


@compiled
def _nearness(x: np.ndarray, y: np.ndarray, near: np.ndarray) -> None:
    """Fill in what `positions.nearness` returns."""
    for i in range(len(x)):
        row, here_x, here_y = near[i], x[i], y[i]
        for j in range(len(x)):
            right, down = here_x - x[j], here_y - y[j]
            row[j] = 1.0 / (1.0 + np.sqrt(right * right + down * down))


@compiled
def _sums(r: np.ndarray, d: np.ndarray, mean_r: float, mean_d: float) -> tuple[float, float, float]:
    """Return sums over pairs of centred values: of r D, of r^2 and of D^2."""
    together, square_r, square_d = 0.0, 0.0, 0.0
    for i in range(1, len(r)):
        for j in range(i):
            one, other = r[i, j] - mean_r, d[i, j] - mean_d
            together += one * other
            square_r += one * one
            square_d += other * other
    return together, square_r, square_d


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
    np.matmul(rows, rows.T, out=r)
    _nearness(*np.ascontiguousarray(positions.T), d)
    means = [(one.sum() - one.trace()) / (n * (n - 1)) for one in (r, d)]
    together, *squares = _sums(r, d, *means)
    order, grown = swap(r, d, trials)
    before, after = (loss_of(one, *squares, n) for one in (together, together + grown))
    return order, (before, after)


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
