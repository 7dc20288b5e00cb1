"""The error that a user can cause, and the words that help to mend it."""

from collections.abc import Iterable
from difflib import get_close_matches


class StudyError(ValueError):
    """One clear sentence: which file and key, what was found, what was expected.

    Whoever runs the study sees this sentence alone, without a traceback.
    """


# Ends what a job says of an error that trying again cannot mend: the engine then gives it up.
FINAL = " (not tried again: it would fail again)"


class ElsewhereError(StudyError):
    """What a machine lacks, and another may have: the job is worth trying again."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or the valid names when none is near.

    Parameters
    ----------
    name
        What was found.
    valid
        The names that would have been accepted.
    """
    choices = [str(v) for v in valid]
    close = get_close_matches(str(name), choices, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; valid are {', '.join(sorted(choices))}" if choices else ""
