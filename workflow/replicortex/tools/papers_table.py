"""The table of papers in README.md: what each claims, its kept verdicts, what its controls say."""

from __future__ import annotations

import csv
from pathlib import Path

from replicortex.core import papers
from replicortex.tools.generated import marks
from replicortex.verdicts.tones import EARLIER, counted, counted_as

PART = marks("papers", "`make readme` from each paper.yaml and the kept verdicts")
HEAD = (
    "| paper | what it claims | verdicts on its claims | what the controls say |\n"
    "| --- | --- | --- | --- |\n"
)
EARLIER_SHORT = {
    "partly replicated": "partly",
    "not replicated": "not",
    "not testable at this scale": "not testable",
}


def table(root: Path) -> str:
    """Return the table, a row for each paper that says what it claims, in their order."""
    found = [(name, papers.load(name, root)) for name in papers.folders(root)]
    rows = [
        f"| [{paper.short}](workflow/papers/{name}/README.md#results-at-small) | {paper.claims} | "
        f"{verdicts(root, name)} | {paper.controls} |\n"
        for name, paper in sorted(found, key=lambda one: (one[1].order, one[0]))
        if paper.claims and paper.controls
    ]
    return HEAD + "".join(rows)


def verdicts(root: Path, paper: str) -> str:
    """Return how many published claims of a kept run got which verdict, in words."""
    file = root / f"results/reference/{paper}/scorecard/claims.csv"
    if not file.exists():
        return "no run is kept yet"
    with file.open(newline="") as stream:
        given = [row["verdict"] for row in csv.DictReader(stream) if row["kind"] == "published"]
    counts = counted(given)
    order = [
        *(verdict for verdict in counts if verdict not in EARLIER),
        *(verdict for verdict in EARLIER if verdict in counts),
    ]
    said = (f"{counts[each]} {behind_number(each, counts[each])}" for each in order)
    return f"{len(given)}: {', '.join(said)}"


def behind_number(verdict: str, n: int) -> str:
    """Return a verdict of today or of earlier runs as it stands behind how often it was given."""
    return EARLIER_SHORT.get(verdict) or counted_as(verdict, n)
