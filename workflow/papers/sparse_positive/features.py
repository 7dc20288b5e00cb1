"""Answers of each feature space's chosen units, and the files that take them from job to job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError, nearest
from replicortex.core.files import AGAIN, read_arrays

SELECTIVE = ("face", "scene")
SETS = (*SELECTIVE, "random")
# Sets of pictures; each person of NSD has one of their own.
FLOC = "floc"
SHARED = "nsdshared"  # those that all people of NSD saw
PASSING = "passing"
SEPARATOR = "|"


def of_session(session: str) -> str:
    """Return the name of the set of pictures of a session of macaque V4."""
    return f"v4-{session}"


def of_person(person: int) -> str:
    """Return the name of the set of pictures that a person of NSD saw."""
    return f"nsd{person}"


@dataclass(frozen=True)
class Space:
    """Answers of one feature space's chosen units.

    Attributes
    ----------
    answers
        Set of pictures (floc, v4-201025, nsd1 and so on) -> unit set (face, scene, random) -> float32
        (images, units). Of the localizer's pictures there is the second half alone.
    passing
        Unit set (face, scene) -> how many units of the whole space pass the localizer.
    """

    answers: dict[str, dict[str, np.ndarray]]
    passing: dict[str, int]


def packed(spaces: Mapping[str, Space]) -> dict[str, np.ndarray]:
    """Return the arrays of a file of features.

    `<space>|<unit set>|<set of pictures>`, and `<space>|passing`, counts of face and scene units.
    """
    arrays = {}
    for name, space in spaces.items():
        for pictures, sets in space.answers.items():
            for units, values in sets.items():
                arrays[SEPARATOR.join((name, units, pictures))] = values
        counts = np.array([space.passing[units] for units in SELECTIVE])
        arrays[SEPARATOR.join((name, PASSING))] = counts
    return arrays


def unpacked(arrays: Mapping[str, np.ndarray]) -> dict[str, Space]:
    """Return the spaces of a file's arrays, in the order of the file, unit sets in that of `SETS`.

    Raises
    ------
    ValueError
        When an array has another name than `packed` gives, or a space lacks one.
    """
    spaces: dict[str, Space] = {}
    for key, values in arrays.items():
        name, *rest = key.split(SEPARATOR)
        space = spaces.setdefault(name, Space({}, {}))
        match rest:
            case [units, pictures] if units in SETS:
                space.answers.setdefault(pictures, {})[units] = values
            case [last] if last == PASSING:
                space.passing.update(zip(SELECTIVE, map(int, values), strict=True))
            case _:
                raise ValueError(f"'{key}' in it is no array of features")
    for name, space in spaces.items():
        if not space.passing:
            raise ValueError(f"it does not say how many units of '{name}' pass the localizer")
        for pictures, sets in space.answers.items():
            missing = [units for units in SETS if units not in sets]
            if missing:
                raise ValueError(
                    f"it lacks the answers of {missing[0]} units of '{name}' to '{pictures}'"
                )
            space.answers[pictures] = {units: sets[units] for units in SETS}
    return spaces


def read(files: Sequence[Path]) -> dict[str, Space]:
    """Return the spaces of several files of features.

    Raises
    ------
    StudyError
        When a file holds something else, or two of them hold one space.
    """
    spaces: dict[str, Space] = {}
    for path in files:
        arrays = read_arrays(path)
        try:
            found = unpacked(arrays)
        except ValueError as error:
            raise StudyError(f"{path}: {error}; {AGAIN}") from None
        twice = sorted(set(found) & set(spaces))
        if twice:
            raise StudyError(f"{path}: holds space '{twice[0]}', as another file of features does")
        spaces |= found
    return spaces


def answers_to(pictures: str, spaces: Mapping[str, Space], name: str) -> dict[str, np.ndarray]:
    """Return one space's answers to a set of pictures: unit set -> (images, units).

    Raises
    ------
    StudyError
        When there is no such space, or it was not shown these pictures.
    """
    if name not in spaces:
        raise StudyError(f"features: there is no space '{name}'{nearest(name, spaces)}")
    answers = spaces[name].answers
    if pictures not in answers:
        found = ", ".join(sorted(answers)) or "none"
        raise StudyError(f"features: space '{name}' has no answers to '{pictures}'; found {found}")
    return answers[pictures]
