"""How verdicts are shown: word whatever the data, tone, symbol, place among others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from replicortex.verdicts import words

Tone = Literal["good", "partly", "unsure", "bad", "none"]
TONES: dict[str, Tone] = {  # in the order in which they are counted
    words.REPLICATED: "good",
    words.HOLDS: "good",
    words.SMALLER: "partly",
    words.LARGER: "partly",
    words.EXCLUDES: "unsure",
    words.CANNOT_TELL: "unsure",
    words.CONTRADICTED: "bad",
    words.DOES_NOT_HOLD: "bad",
    words.UNCALIBRATED: "none",
    words.FEW_UNITS: "none",
    words.SYNTHETIC: "none",
    words.REHEARSAL: "none",
    words.NEEDS_RUN: "none",
    words.NOT_TESTABLE: "none",
}
# Of runs that were kept before verdicts had two answers.
EARLIER: dict[str, Tone] = {
    "partly replicated": "partly",
    "inconclusive": "unsure",
    "not replicated": "bad",
    "fewer than 3 seeds: no verdict": "none",
    "not testable at this scale": "none",
}
SYMBOLS = {  # never by colour alone
    words.REPLICATED: "✔",
    words.HOLDS: "✔",
    words.SMALLER: "▾",
    words.LARGER: "▴",
    words.EXCLUDES: "≠",
    words.CANNOT_TELL: "?",
    words.CONTRADICTED: "✘",
    words.DOES_NOT_HOLD: "✘",
}
SHORT = {
    words.FEW_UNITS: "too few units",
    words.SYNTHETIC: "no verdict: synthetic",
    words.REHEARSAL: "no verdict: rehearsal",
    words.UNCALIBRATED: "fails its calibration",
    words.NEEDS_RUN: "needs a new run",
}
# Read in sentences: "of 30 claims 13 are replicated".
COUNTED = {
    words.REPLICATED: "replicated",
    words.SMALLER: "smaller",
    words.LARGER: "larger",
    words.EXCLUDES: "exclude the published size",
    words.CANNOT_TELL: "cannot tell",
    words.CONTRADICTED: "contradicted",
    words.HOLDS: "hold",
    words.DOES_NOT_HOLD: "do not hold",
    words.UNCALIBRATED: "fail their calibration",
    words.FEW_UNITS: "have too few units",
    words.NEEDS_RUN: "need a new run",
    words.NOT_TESTABLE: "not testable",
}
OF_ONE = {
    words.EXCLUDES: "excludes the published size",
    words.HOLDS: "holds",
    words.DOES_NOT_HOLD: "does not hold",
    words.UNCALIBRATED: "fails its calibration",
    words.FEW_UNITS: "has too few units",
    words.NEEDS_RUN: "needs a new run",
}


def word(verdict: str) -> str:
    """Return a verdict without what it says of the data: "replicated", on the paper's or on other."""
    return verdict.removesuffix(words.ON_OTHER_DATA)


def tone(verdict: str) -> Tone:
    """Return how a verdict is shown; one that is not known as none."""
    return {**EARLIER, **TONES}.get(word(verdict), "none")


def symbol(verdict: str) -> str:
    """Return the mark of a verdict; a dash where there is none."""
    return SYMBOLS.get(word(verdict), "–")


def counted(verdicts: Iterable[str]) -> dict[str, int]:
    """Return how often each word was given: those known in the order of `TONES`, then others."""
    found = Counter(map(word, verdicts))
    return {each: found[each] for each in (*TONES, *sorted(found)) if each in found}


def counted_as(verdict: str, n: int) -> str:
    """Return a verdict as it stands behind how often it was given; others by their short word."""
    named = {**COUNTED, **OF_ONE} if n == 1 else COUNTED
    return named.get(verdict, SHORT.get(verdict, verdict))
