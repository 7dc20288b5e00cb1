"""What pages make of a verdict: its word whatever the data, its tone, its place among others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from replicortex.verdicts import claims

Tone = Literal["good", "partly", "unsure", "bad", "none"]
TONES: dict[str, Tone] = {  # in the order in which they are counted
    claims.REPLICATED: "good",
    claims.HOLDS: "good",
    claims.PARTLY: "partly",
    claims.INCONCLUSIVE: "unsure",
    claims.NOT_REPLICATED: "bad",
    claims.DOES_NOT_HOLD: "bad",
    claims.FEW_SEEDS: "none",
    claims.SYNTHETIC: "none",
    claims.NOT_TESTABLE: "none",
}


def word(verdict: str) -> str:
    """Return a verdict without what it says of the data: "replicated", on the paper's or on other."""
    return verdict.removesuffix(claims.ON_OTHER_DATA)


def tone(verdict: str) -> Tone:
    """Return how a verdict is shown; one that is not known as none."""
    return TONES.get(word(verdict), "none")


def counted(verdicts: Iterable[str]) -> dict[str, int]:
    """Return how often each word was given: those known in the order of `TONES`, then others."""
    found = Counter(map(word, verdicts))
    return {each: found[each] for each in (*TONES, *sorted(found)) if each in found}
