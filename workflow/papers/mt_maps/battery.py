"""The stimuli of measurement: families of clips, each with its conditions, directions and halves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from papers.mt_maps import stimuli
from papers.mt_maps.stimulus_settings import StimulusSettings
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator
from replicortex.data.frames import Store


@dataclass(frozen=True)
class Family:
    """Clips that are measured together.

    Attributes
    ----------
    name
        gratings, static, counterphase, plaids, dots, coherence, moved or blank.
    conditions
        What each condition is.
    directions
        rad; for static and counter-phase gratings orientations' normals, 0 to pi.
    index
        (clips, 3): condition, direction and half of each clip.
    make
        Returns a clip (frames, size, size) by its number.
    """

    name: str
    conditions: list[dict[str, float]]
    directions: np.ndarray
    index: np.ndarray
    make: Callable[[int], np.ndarray]

    def batches(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield index rows and clips (n, frames, size, size)."""
        for start in range(0, len(self.index), size):
            stop = min(start + size, len(self.index))
            yield self.index[start:stop], np.stack([self.make(k) for k in range(start, stop)])


def battery(
    numbers: StimulusSettings, frames: int, size: int, pictures: Store | None
) -> list[Family]:
    """Return the families.

    Parameters
    ----------
    numbers
        Section `stimuli` of the configuration.
    frames, size
        Of the clips.
    pictures
        Store of still pictures, moved for the family `moved`; None leaves it out.

    Raises
    ------
    StudyError
        When there are fewer than 8 directions, fewer than two repeats of a stimulus, or fewer pictures
        than are to be moved.
    """
    turns = stimuli.directions(numbers.directions)
    half_turns = turns[: len(turns) // 2]
    gratings, dots = numbers.gratings, numbers.dots
    phases = 2 * np.pi * np.arange(gratings.phases) / gratings.phases
    for name, repeats in (("gratings.phases", len(phases)), ("dots.seeds", dots.seeds)):
        if repeats < 2:
            raise StudyError(f"stimuli.{name}: {repeats} found; two halves need at least 2")
    waves = [
        {"cycles": cycles, "speed": speed}
        for cycles in gratings.cycles
        for speed in gratings.speeds
    ]
    standing = [{"cycles": cycles, "speed": gratings.speeds[-1]} for cycles in gratings.cycles]

    def wave(motion: str) -> Callable[..., np.ndarray]:
        return lambda c, turn, r: stimuli.grating(
            frames, size, turn, c["cycles"], c["speed"], phases[r], motion
        )

    def plaid(c: dict[str, float], turn: float, repeat: int) -> np.ndarray:
        return stimuli.plaid(frames, size, turn, c["cycles"], c["speed"], phases[repeat])

    def dot(c: dict[str, float], turn: float, repeat: int) -> np.ndarray:
        rng = generator(numbers.seed, "dots", *map(str, c.values()), f"{turn:.4f}", repeat)
        return stimuli.dots(
            frames, size, turn, c["speed"], c["coherence"], rng, density=dots.density
        )

    made = [
        _family("gratings", waves, turns, len(phases), wave("drift")),
        _family("static", standing, half_turns, len(phases), wave("static")),
        _family("counterphase", standing, half_turns, len(phases), wave("counterphase")),
        _family("plaids", waves, turns, len(phases), plaid),
        _family(
            "dots",
            [{"speed": speed, "coherence": 1.0} for speed in dots.speeds],
            turns,
            dots.seeds,
            dot,
        ),
        _family(
            "coherence",
            [{"speed": dots.speeds[0], "coherence": c} for c in numbers.coherence],
            turns,
            dots.seeds,
            dot,
        ),
    ]
    if pictures is not None:
        made.append(_moved(numbers, frames, size, turns, pictures))
    blank = np.full((frames, size, size), 0.5, np.float32)
    made.append(Family("blank", [{}], turns[:1], np.zeros((1, 3), int), lambda number: blank))
    return made


def _family(
    name: str,
    conditions: list[dict[str, float]],
    directions: np.ndarray,
    repeats: int,
    make: Callable[[dict[str, float], float, int], np.ndarray],
) -> Family:
    """Return a family of conditions x directions x repeats; even repeats are half 0."""
    grid = [
        (c, d, r)
        for c in range(len(conditions))
        for d in range(len(directions))
        for r in range(repeats)
    ]
    index = np.array([(c, d, r % 2) for c, d, r in grid])

    def made(number: int) -> np.ndarray:
        c, d, r = grid[number]
        return make(conditions[c], float(directions[d]), r)

    return Family(name, conditions, directions, index, made)


def _moved(
    numbers: StimulusSettings, frames: int, size: int, turns: np.ndarray, pictures: Store
) -> Family:
    """Return the family of natural pictures that move, a repeat a picture.

    Parameters
    ----------
    numbers
        Which of the pictures is drawn by their seed.
    frames, size
        Of the clips.
    turns
        (directions,) rad.
    pictures
        Store of videos of one frame.
    """
    moved = numbers.moved
    rng = generator(numbers.seed, "pictures")
    count = moved.pictures
    if count > len(pictures.videos):
        raise StudyError(
            f"stimuli.moved.pictures: {count} are asked for, the source has {len(pictures.videos)}"
        )
    chosen = np.sort(rng.choice(len(pictures.videos), count, replace=False))

    def make(c: dict[str, float], turn: float, repeat: int) -> np.ndarray:
        picture = pictures.clip(int(chosen[repeat]), 0, 1)[0].mean(-1) / 255
        return stimuli.moved(picture, frames, size, turn, c["speed"])

    conditions = [{"speed": speed} for speed in moved.speeds]
    return _family("moved", conditions, turns, count, make)
