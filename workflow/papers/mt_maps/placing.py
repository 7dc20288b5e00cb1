"""Steps 2 to 4 of the schedule: retinotopic start, swaps on responses to motion, freeze."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from papers.mt_maps import positions, stimuli, swaps, tiles
from papers.mt_maps.rates import Rates
from papers.mt_maps.training_settings import LayerSettings, PlacingSettings, Settings
from replicortex.core.randomness import generator

DIGITS = 6  # of the mean losses that a model's description tells


def starts(
    layers: Mapping[str, LayerSettings],
    grids: dict[str, tuple[int, int]],
    jitter: float,
    seed: int,
    finest: int,
) -> dict[str, np.ndarray]:
    """Return retinotopic, jittered positions (units, 2) in mm of each layer.

    Parameters
    ----------
    layers
        Sheets by name.
    grids
        Channels and side of each layer's units.
    jitter
        mm.
    finest
        Side of the first layer's grid; the overlap of tiles is 0.1 there and grows as the grid
        shrinks.
    """
    found = {}
    for layer, sheet in layers.items():
        channels, grid = grids[layer]
        rng = generator(seed, "positions", layer)
        side = sheet.area_mm2**0.5
        overlap = tiles.overlap(finest, grid)
        place = positions.retinotopic(channels, grid, side, overlap, rng)
        found[layer] = positions.jitter(place, jitter, rng)
    return found


def moving(numbers: PlacingSettings, frames: int, size: int) -> np.ndarray:
    """Return the gratings on whose responses units are placed, (n, frames, size, size).

    Their directions lie half a step beside those that are measured.
    """
    turns = stimuli.directions(numbers.directions)
    turns = turns + (turns[1] - turns[0]) / 2
    phases = 2 * np.pi * (np.arange(numbers.phases) + 0.25) / numbers.phases
    return np.stack(
        [
            stimuli.grating(frames, size, turn, cycles, speed, phase)
            for cycles in numbers.cycles
            for speed in numbers.speeds
            for turn in turns
            for phase in phases
        ]
    )


def place(
    start: dict[str, np.ndarray],
    rates: Rates,
    settings: Settings,
    seed: int,
    batch: int = 32,
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, float]]]:
    """Return positions as the arm has them, and what swaps did to the spatial loss of each layer.

    Parameters
    ----------
    start
        (units, 2) mm by layer, as `starts` returns them.
    rates
        Returns the units' rates to clips.
    settings
        Of the arm. `placing.mode`: "swapped" (TDANN); controls are "retinotopic" (no swaps),
        "uniform" (random places) and "shuffled" (swaps on responses dealt to other units).
    seed
        Of the network.
    batch
        Clips that are shown at once.

    Returns
    -------
    (units, 2) mm by layer. By layer, where there are swaps, means over neighbourhoods of the spatial
    loss before and after ("before", "after"), over the first and last tenth ("first", "last"), the
    share in which it rose, and how many units were moved ("swapped").

    Raises
    ------
    StudyError
        When positions do not match a layer, or every window has too few units.
    """
    numbers = settings.placing
    mode = numbers.mode
    if mode == "retinotopic":
        return start, {}
    if mode == "uniform":
        return {
            layer: generator(seed, "uniform", layer).uniform(
                0, settings.layers[layer].area_mm2 ** 0.5, at.shape
            )
            for layer, at in start.items()
        }, {}
    clips = moving(numbers, settings.clips.frames, settings.clips.size)
    parts = [rates(clips[k : k + batch]) for k in range(0, len(clips), batch)]
    placed, changes = {}, {}
    for layer, at in start.items():
        if layer not in parts[0]:
            continue
        responses = np.concatenate([part[layer].reshape(len(part[layer]), -1) for part in parts])
        if mode == "shuffled":
            responses = responses[:, generator(seed, "dealt", layer).permutation(len(at))]
        done = swaps.optimise(
            at,
            responses,
            generator(seed, "swaps", layer),
            width=settings.layers[layer].width,
            neighbourhoods=numbers.neighbourhoods,
            trials=numbers.trials,
            most=settings.spatial.most,
            fewest=settings.spatial.fewest,
        )
        placed[layer] = done.positions
        tenth = max(1, len(done.before) // 10)
        means = {
            "before": done.before.mean(),
            "after": done.after.mean(),
            "first": done.before[:tenth].mean(),
            "last": done.after[-tenth:].mean(),
            "rose": (done.after > done.before + 1e-12).mean(),
        }
        # Last bits, and so the number of digits, are the kernel's: they would make other bytes, and
        # another length, of a file whose positions and weights are the same.
        changes[layer] = {name: round(float(mean), DIGITS) for name, mean in means.items()}
        changes[layer]["swapped"] = done.swapped
    return placed, changes
