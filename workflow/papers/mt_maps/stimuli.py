"""Moving stimuli: gratings that drift, stand or reverse, plaids, random dots, moved pictures.

Clips are float32 (frames, size, size), luminance from 0 to 1 with mean 0.5. Direction theta (rad) is
where the pattern moves: 0 to the right, pi/2 up. Image rows run down, so a motion up lowers the row.
The paper's own stimuli are not at hand: all sizes are assumed.
"""

from __future__ import annotations

import numpy as np

from papers.mt_maps.tuning import angles
from replicortex.core.errors import StudyError


def directions(n: int) -> np.ndarray:
    """Return n directions (rad); at least 8, even (StudyError)."""
    return angles(n)


def grating(
    frames: int,
    size: int,
    direction: float,
    cycles: float,
    speed: float,
    phase: float,
    motion: str = "drift",
    contrast: float = 1.0,
) -> np.ndarray:
    """Return a full-field sine grating.

    Parameters
    ----------
    cycles
        Per image.
    speed
        Pixels per frame, along the direction.
    phase
        rad.
    motion
        "drift"; "static"; "counterphase": reverses in place at the same temporal frequency.

    Raises
    ------
    StudyError
        When the motion is unknown or the grating is finer than two pixels a cycle.
    """
    if cycles > size / 2:
        raise StudyError(f"grating: {cycles} cycles in {size} pixels cannot be shown")
    frequency = 2 * np.pi * cycles / size
    space = frequency * _along(size, direction)
    time = frequency * speed * np.arange(frames)[:, None, None]
    if motion == "drift":
        wave = np.sin(space - time + phase)
    elif motion == "static":
        wave = np.broadcast_to(np.sin(space + phase), (frames, size, size))
    elif motion == "counterphase":
        wave = np.sin(space + phase) * np.cos(time)
    else:
        raise StudyError(
            f"grating: motion '{motion}' is unknown; valid are drift, static, counterphase"
        )
    return (0.5 + 0.5 * contrast * wave).astype(np.float32)


def plaid(
    frames: int, size: int, direction: float, cycles: float, speed: float, phase: float
) -> np.ndarray:
    """Return two half-contrast gratings at +-60 deg, whose sum moves along `direction` at `speed`."""
    half = np.pi / 3
    parts = [
        grating(frames, size, direction + turn, cycles, speed * np.cos(half), phase, contrast=0.5)
        for turn in (-half, half)
    ]
    return (parts[0] + parts[1] - 0.5).astype(np.float32)


def dots(
    frames: int,
    size: int,
    direction: float,
    speed: float,
    coherence: float,
    rng: np.random.Generator,
    density: float = 0.015,
) -> np.ndarray:
    """Return 2 x 2 pixel dots, half white and half black, that wrap around.

    Parameters
    ----------
    frames, size
        Of the clip; pixels along an edge.
    direction, speed
        rad; pixels per frame.
    coherence
        Share of the dots that moves along on each step. The others move as far in random directions,
        drawn anew for each step [assumed].
    rng
        Of places and directions.
    density
        Dots per pixel.

    Raises
    ------
    StudyError
        When the coherence is not in [0, 1].
    """
    if not 0 <= coherence <= 1:
        raise StudyError(f"coherence: {coherence} found, 0 to 1 expected")
    n = max(2, round(density * size**2))
    place = rng.uniform(0, size, (n, 2))  # x, y with rows running down
    light = np.where(np.arange(n) % 2, 1.0, 0.0)
    clip = np.full((frames, size, size), 0.5, np.float32)
    for frame in clip:
        column, row = np.floor(place).astype(int).T
        for down in (0, 1):
            for right in (0, 1):
                frame[(row + down) % size, (column + right) % size] = light
        signal = rng.uniform(size=n) < coherence
        turn = np.where(signal, direction, rng.uniform(0, 2 * np.pi, n))
        place = (place + speed * np.stack([np.cos(turn), -np.sin(turn)], 1)) % size
    return clip


def moved(
    picture: np.ndarray, frames: int, size: int, direction: float, speed: float
) -> np.ndarray:
    """Return a natural picture that moves behind a square window at its middle.

    Parameters
    ----------
    picture
        (rows, columns), luminance 0 to 1.
    frames, size
        Of the clip; pixels along an edge.
    direction, speed
        Of the picture: rad; pixels per frame.

    Raises
    ------
    StudyError
        When the window would leave the picture.
    """
    from scipy.ndimage import map_coordinates

    path = speed * (np.arange(frames) - (frames - 1) / 2)
    # The content moves along the direction when the window moves against it.
    row = (picture.shape[0] - size) / 2 + path * np.sin(direction)
    column = (picture.shape[1] - size) / 2 - path * np.cos(direction)
    room = np.array(picture.shape) - size
    if (
        min(row.min(), column.min()) < -1e-9
        or (row > room[0] + 1e-9).any()
        or column.max() > room[1] + 1e-9
    ):
        raise StudyError(
            f"moved picture: {picture.shape} pixels are too few for a window of {size} that moves "
            f"{speed * (frames - 1):.0f}"
        )
    rows, columns = np.mgrid[:size, :size]
    windows = [
        map_coordinates(picture, [rows + down, columns + right], order=1, mode="nearest")
        for down, right in zip(row, column, strict=True)
    ]
    return np.stack(windows).astype(np.float32)


def _along(size: int, direction: float) -> np.ndarray:
    """Return the coordinate (pixels) along a direction, (size, size)."""
    across = np.arange(size) - (size - 1) / 2
    return across[None] * np.cos(direction) - across[:, None] * np.sin(direction)
