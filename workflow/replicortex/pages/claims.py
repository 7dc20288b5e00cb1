"""Judged claims as the pages show them: grouped by finding, the untestable ones folded."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replicortex.core.errors import StudyError
from replicortex.pages.rendering import anchor, number
from replicortex.verdicts.reading import load
from replicortex.verdicts.tones import counted, tone, word

ALONE = "Claims"  # a group without a name


@dataclass
class Group:
    """Claims of one finding."""

    name: str
    claims: list[dict[str, Any]]  # that have a verdict, or at least a number of ours
    folded: list[tuple[str, list[dict[str, Any]]]]  # verdict and reason, the claims without both

    @property
    def counts(self) -> list[dict[str, Any]]:
        """Its verdicts, as `tally` returns them."""
        folded = [claim for _, listed in self.folded for claim in listed]
        return tally([*self.claims, *folded])


def tally(claims: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return word, tone and number of each verdict of some claims, in the order of tones."""
    found = counted(claim["verdict"] for claim in claims)
    return [{"word": each, "tone": tone(each), "number": count} for each, count in found.items()]


def formatted(row: Mapping[str, str]) -> dict[str, Any]:
    """Return a judged claim with its numbers as they are shown."""
    unit = f" {row['unit']}" if row["unit"] else ""
    interval = ""
    if row["lower"] and row["lower"] != row["upper"]:  # an exact number has none
        interval = f" [{number(row['lower'])},\u00a0{number(row['upper'])}]"
    if row.get("lower_also"):
        also = f"[{number(row['lower_also'])},\u00a0{number(row['upper_also'])}]"
        interval += f" over {row['over']}, {also} over {row['over_also']}"
    return {
        **row,
        "anchor": anchor(f"claim-{row.get('id') or row['says']}"),
        "published_text": row["published"] and f"{number(row['published'])}{unit}",
        "ours_text": row["ours"] and f"{number(row['ours'])}{interval}{unit}",
        "power_text": power(row),
        "reason": number(row["reason"]),
        "word": word(row["verdict"]),
        "tone": tone(row["verdict"]),
    }


def findings(file: Path) -> dict[str, str]:
    """Return the finding of each claim of a paper: runs of before did not write it into their tables."""
    if not file.exists():
        return {}
    try:
        return {claim.id: claim.finding for claim in load(file)}
    except StudyError:
        return {}  # a page on what was judged needs no claims of today


def power(row: Mapping[str, str]) -> str:
    """Return what a claim's design could find, in words; nothing where its table does not say."""
    if not row.get("detectable"):
        return ""
    mark = {"positive": "≥", "negative": "≤", "zero": "±"}[row["direction"]]
    needed = f", n\u00a0{number(row['needed'])}" if row.get("needed") else ""
    return f"{mark}\u00a0{number(row['detectable'])}{needed}"


def calibration(file: Path) -> dict[str, Any]:
    """Return how a paper's rules err on tables whose truth is known, for its page.

    Parameters
    ----------
    file
        `calibration.csv` of a scorecard; runs of before have none.
    """
    if not file.exists():
        return {"rows": [], "untried": []}
    with file.open(newline="") as stream:
        listed = list(csv.DictReader(stream))
    tried = [row for row in listed if row["met_at_boundary"]]
    percent = "{:.1f} %".format
    return {
        "chance": f"{sum(float(row['met_at_boundary']) for row in tried):.1f}",
        "rows": [
            {
                "id": row["id"],
                "over": f"{row['n'].removesuffix('.0')} {row['over']}",
                "rate": percent(100 * float(row["met_at_boundary"])),
                "limit": percent(100 * float(row["limit"])),
                "calibrated": row["calibrated"],
            }
            for row in tried
        ],
        "untried": sorted(Counter(r["reason"] for r in listed if not r["met_at_boundary"]).items()),
    }


def grouped(claims: Iterable[dict[str, Any]], headings: Mapping[str, str]) -> list[Group]:
    """Return claims by finding, those groups last of which nothing could be judged.

    Parameters
    ----------
    claims
        As `formatted` returns them. One that names its finding itself is believed.
    headings
        Finding by claim. Without one, a claim stands with those of the same place in the paper.
    """
    listed: dict[str, list[dict[str, Any]]] = {}
    for claim in claims:
        name = claim.get("finding") or headings.get(claim.get("id", "")) or claim["where"] or ALONE
        name = name[:1].upper() + name[1:]
        listed.setdefault(name, []).append(claim)
    groups = []
    for name, members in listed.items():
        group = Group(name, [], [])
        folded: dict[str, list[dict[str, Any]]] = {}
        for claim in members:
            if claim["tone"] == "none" and not claim["ours"]:
                folded.setdefault(f"{claim['word']}: {claim['reason']}", []).append(claim)
            else:
                group.claims.append(claim)
        group.folded = list(folded.items())
        groups.append(group)
    return sorted(groups, key=lambda group: not group.claims)
