"""Judged claims as the pages show them: grouped by finding, the untestable ones folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replicortex.pages.rendering import anchor, number
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


def told(row: Mapping[str, str]) -> dict[str, Any]:
    """Return a judged claim with its numbers as they are shown."""
    unit = f" {row['unit']}" if row["unit"] else ""
    interval = ""
    if row["lower"] and row.get("interval") != "none":  # an exact number has none
        interval = f" [{number(row['lower'])},\u00a0{number(row['upper'])}]"
    return {
        **row,
        "anchor": anchor(f"claim-{row.get('id') or row['says']}"),
        "shown_published": row["published"] and f"{number(row['published'])}{unit}",
        "shown_ours": row["ours"] and f"{number(row['ours'])}{interval}{unit}",
        "reason": number(row["reason"]),
        "word": word(row["verdict"]),
        "tone": tone(row["verdict"]),
    }


def findings(file: Path) -> dict[str, str]:
    """Return the finding of each claim of a paper: the heading above it in claims.yaml.

    Headings are comments (`# --- Accuracy (Figure 1) ---`), which no reader of YAML keeps.
    """
    found, heading = {}, ""
    for line in file.read_text().splitlines() if file.exists() else ():
        if comment := re.match(r"# -{3} (.+?)[ -]*$", line):
            heading = comment[1]
        elif claim := re.match(r"- id: ['\"]?([^'\"#\s]+)", line):
            found[claim[1]] = heading
    return found


def grouped(claims: Iterable[dict[str, Any]], headings: Mapping[str, str]) -> list[Group]:
    """Return claims by finding, those groups last of which nothing could be judged.

    Parameters
    ----------
    claims
        As `told` returns them. One that names its finding itself is believed.
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
