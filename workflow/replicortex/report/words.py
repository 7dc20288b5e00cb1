"""Numbers, intervals and tables as the study's texts have them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from replicortex.verdicts import words
from replicortex.verdicts.drawing import number, published_text
from replicortex.verdicts.tones import SHORT, counted_as, symbol, word

NOT_KEPT = "not in the kept run"
NO_NUMBER = "no number"


def ours(row: Mapping[str, Any]) -> str:
    """Return a claim's number with its interval, or why there is none."""
    if word(row["verdict"]) == words.NEEDS_RUN:
        return NOT_KEPT
    if math.isnan(row["ours"]):
        return "not testable here" if word(row["verdict"]) == words.NOT_TESTABLE else NO_NUMBER
    text = number(row["ours"], row["as"])
    for low, high in (("lower", "upper"), ("lower_also", "upper_also")):
        ends = [number(row[end], row["as"], 2) for end in (low, high)]
        if all(ends) and row["lower"] != row["upper"]:
            text += f" [{', '.join(bare(end) for end in ends)}]"
    return text


def published(row: Mapping[str, Any]) -> str:
    """Return the paper's number; nothing where the paper has none."""
    text = published_text(row)  # type: ignore[arg-type]  # a row as a mapping reads the same
    return "" if text == "none" else text


def over(row: Mapping[str, Any]) -> str:
    """Return what was sampled, and how many: "3 seeds"."""
    names = [name for name in (row["over"], row["over_also"]) if name]
    first = f"{int(row['n'])} {names[0]}" if names and row["n"] else "".join(names[:1])
    return ", and ".join([first, *names[1:]]) if names else "one number"


def verdict(row: Mapping[str, Any]) -> str:
    """Return a verdict with its mark."""
    core = word(row["verdict"])
    text = SHORT.get(core, core) + (
        " (other data)" if row["verdict"].endswith(words.ON_OTHER_DATA) else ""
    )
    return f"{symbol(row['verdict'])} {text}"


def calibrated(row: Mapping[str, Any]) -> str:
    """Return how often a claim's rule calls it met at its boundary, where it is not."""
    rate = row["met_at_boundary"]
    if math.isnan(rate):
        reason = row["reason"]
        if reason == "not measured":
            return ""
        return "not calibrated" + (f" ({reason})" if reason else "")
    limit = f"limit {percent(row['limit'])}"
    return f"{percent(rate)} of {int(row['draws']):,} ({limit})"


def percent(share: float) -> str:
    """Return a share in per cent, a digit behind the point."""
    return f"{100 * share:.1f} %"


def counts(found: Mapping[str, int]) -> str:
    """Return how often each verdict was given: "6 replicated, 1 holds, 14 need a new run"."""
    return ", ".join(f"{n} {counted_as(each, n)}" for each, n in found.items()) or "none"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; nothing where it has no row."""
    body = ["| " + " | ".join(_cell(each) for each in row) + " |" for row in rows]
    if not body:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *body])


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def bare(text: str) -> str:
    """Return a number without its unit."""
    return text.removesuffix(" %").removesuffix(" s.d.").removesuffix("×")


def aligned(numbers: Sequence[float]) -> str:
    """Return a mean and its s.d., or one number: two digits of the s.d., and at most three of the larger.

    Counts are whole.
    """
    largest, spread = max(map(abs, numbers)), numbers[-1] if len(numbers) > 1 else 0.0
    places = [
        digits - 1 - math.floor(math.log10(n)) for n, digits in ((largest, 3), (spread, 2)) if n
    ]
    whole = all(float(each).is_integer() for each in numbers)
    kept = 0 if whole else max(0, min(places, default=0))
    # Plus 0: what rounds to nothing has no sign.
    said = (f"{round(each, kept) + 0.0:,.{kept}f}" for each in numbers)
    return " ± ".join(said).replace("-", "−")


def hours(seconds: float) -> str:
    """Return a time in minutes, or hours from two on."""
    minutes = seconds / 60
    return f"{minutes / 60:.1f} hours" if minutes >= 120 else f"{minutes:.0f} minutes"
