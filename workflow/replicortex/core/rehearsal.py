"""What a rehearsal of `full` may change: data for their fixtures, and sizes that only cost time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeGuard

from replicortex.core.errors import StudyError
from replicortex.core.schema import PaperNumbers

SCALE = "rehearsal"
FIXTURE = "_fixture"
# How work is cut into jobs, which never changes results: keys by their last part.
PACKING = ("pack", "groups", "*_per_job", "job")
FEWEST = 2  # entries of a list: a wildcard with one value shows little


class Difference(NamedTuple):
    """A number that is another one in a rehearsal.

    Attributes
    ----------
    key
        Where it stands, dotted.
    full, here
        Its values.
    """

    key: str
    full: Any
    here: Any


def differences(full: Any, here: Any, key: str = "") -> Iterator[Difference]:
    """Yield each number, word or list that differs; a part that only one side has is one difference."""
    if isinstance(full, Mapping) and isinstance(here, Mapping):
        for name in dict.fromkeys((*full, *here)):
            inner = f"{key}.{name}" if key else str(name)
            yield from differences(full.get(name), here.get(name), inner)
    elif _sections(full) and _sections(here) and len(full) == len(here):
        for number, both in enumerate(zip(full, here, strict=True)):
            yield from differences(*both, f"{key}.{number}")
    elif full != here:
        yield Difference(key, full, here)


def _sections(value: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    """Whether a list is of sections, which are compared one by one."""
    return isinstance(value, list) and all(isinstance(each, Mapping) for each in value)


def check(full: PaperNumbers, here: PaperNumbers, smaller: Sequence[str], file: str) -> None:
    """Check that a rehearsal is `full` but for its data and for sizes that the paper names.

    Parameters
    ----------
    full, here
        The paper's numbers at both scales.
    smaller
        Keys that may be smaller, dotted; * stands for any part.
    file
        Of the numbers, for the sentence.

    Raises
    ------
    StudyError
        Naming the first number that may not differ, or not so.
    """
    for one in differences(full.model_dump(), here.model_dump()):
        where = f"{file} ({SCALE}): {one.key}"
        if packs(one.key) or _stands_in(one):
            continue
        if not any(fnmatchcase(one.key, pattern) for pattern in smaller):
            raise StudyError(
                f"{where}: {one.here!r} where full has {one.full!r}; a rehearsal changes data for "
                "their fixtures, and what `rehearsal` of the paper's paper.yaml names"
            )
        if not _smaller(one.full, one.here):
            raise StudyError(
                f"{where}: {one.here!r} where full has {one.full!r}; smaller numbers, or at least "
                f"{FEWEST} entries of its list, expected"
            )


def packs(key: str) -> bool:
    """Whether a number says how work is cut into jobs."""
    return any(fnmatchcase(key.rpartition(".")[2], pattern) for pattern in PACKING)


def _stands_in(one: Difference) -> bool:
    """Whether a fixture stands in for its dataset."""
    if not isinstance(one.full, str) or not isinstance(one.here, str):
        return False
    return one.here.startswith(f"{one.full}_") and one.here.endswith(FIXTURE)


def _smaller(full: Any, here: Any) -> bool:
    """Whether a number is smaller, or a list no longer, with at least two entries, none larger."""
    if isinstance(full, list) and isinstance(here, list):
        if not min(FEWEST, len(full)) <= len(here) <= len(full):
            return False
        if all(map(_is_number, (*full, *here))):
            return bool(max(here) <= max(full))
        return all(each in full for each in here)
    return _is_number(full) and _is_number(here) and 0 < here < full


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
