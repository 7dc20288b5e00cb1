"""Motion-energy units (Adelson and Bergen 1985): direction cells made by hand, the reference.

A unit is a quadrature pair of space-time Gabors; its rate is the energy. Units have the places of
the map layer's: (channel, row, column).
"""

from __future__ import annotations

import numpy as np

from papers.mt_maps.training_settings import MotionEnergySettings
from replicortex.core.errors import StudyError


def channels(numbers: MotionEnergySettings) -> list[tuple[float, float, float]]:
    """Return direction (rad), cycles per image and speed (pixels per frame) of each channel."""
    turns = 2 * np.pi * np.arange(numbers.directions) / numbers.directions
    return [
        (float(turn), cycles, speed)
        for cycles in numbers.cycles
        for speed in numbers.speeds
        for turn in turns
    ]


def rates(clips: np.ndarray, numbers: MotionEnergySettings, grid: int) -> np.ndarray:
    """Return energies (n, channels, grid, grid) of clips.

    Parameters
    ----------
    clips
        (n, frames, size, size), luminance 0 to 1; a grey field gives 0.
    numbers
        Directions, cycles, speeds, and the width of the Gaussian in space, in cycles.
    grid
        Fields along an edge, at the centres of as many tiles.

    Raises
    ------
    StudyError
        When there are no clips of that shape.
    """
    if clips.ndim != 4:
        raise StudyError(f"motion energy: clips of shape {clips.shape}, four axes expected")
    n, frames, size, _ = clips.shape
    contrast = (clips - 0.5).reshape(n, frames, size * size).astype(np.float32)
    time = np.arange(frames) - (frames - 1) / 2
    envelope = np.hanning(frames + 2)[1:-1]
    places = (np.arange(grid) + 0.5) * size / grid - 0.5
    row, column = np.mgrid[:size, :size]
    out = np.empty((n, len(channels(numbers)), grid * grid), np.float32)
    for number, (turn, cycles, speed) in enumerate(channels(numbers)):
        frequency = 2 * np.pi * cycles / size
        # A pattern that moves along `turn` has phase k.x - w t; rows run down.
        wave = np.exp(1j * frequency * speed * time) * envelope
        demodulated = np.einsum("t,ntp->np", wave.astype(np.complex64), contrast)
        width = numbers.sigma * size / cycles
        filters = np.empty((grid * grid, size * size), np.complex64)
        for place, (y, x) in enumerate((y, x) for y in places for x in places):
            right, up = column - x, -(row - y)
            gauss = np.exp(-(right**2 + up**2) / (2 * width**2))
            if gauss.sum() < 1:  # narrower than a pixel: nothing is left, or one pixel alone
                raise StudyError(
                    f"motion_energy.sigma: {numbers.sigma:g} cycles of {cycles:g} per image are "
                    f"{width:.2g} pixels of {size}; a Gaussian as wide as a pixel at least is needed"
                )
            carrier = np.exp(-1j * frequency * (right * np.cos(turn) + up * np.sin(turn)))
            # Less its mean, so that a uniform field gives nothing.
            kernel = gauss * (carrier - (gauss * carrier).sum() / gauss.sum())
            filters[place] = (kernel / gauss.sum()).ravel()
        out[:, number] = np.abs(demodulated @ filters.T) ** 2
    return out.reshape(n, -1, grid, grid)
