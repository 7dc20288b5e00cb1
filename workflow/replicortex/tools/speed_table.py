"""Tables of speed: each benchmark's kept ratios against its strongest peer, and what a user waits for.

README.md has the ratios that had a goal, benchmarks/README.md all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from replicortex.core.errors import StudyError
from replicortex.tools.generated import marks

PART = marks("speed", "`make readme` from benchmarks/*.json")
HEAD = (
    "| work | strongest peer found | peer | ours | times faster | goal | results differ by |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
)
KEYS = ("work", "peer", "peer_seconds", "ours_seconds", "ratio", "goal", "tolerance")
WAITS = marks("waits", "`make readme` from benchmarks/study.json")
WAITS_HEAD = "| what a user waits for | s | goal |\n| --- | ---: | ---: |\n"
SPENT_HEAD = "| function | jobs | s |\n| --- | ---: | ---: |\n"
LONGEST = 10  # functions of the demo that have a row before the others are added up


def table(root: Path, aimed_at: bool) -> str:
    """Return the table, a row for each comparison of each benchmark.

    Parameters
    ----------
    root
        Of the repository.
    aimed_at
        Whether only those that had a goal.

    Raises
    ------
    StudyError
        A comparison lacks a key.
    """
    rows = []
    for file in sorted((root / "benchmarks").glob("*.json")):
        report = json.loads(file.read_text())
        if report.get("fast"):
            raise StudyError(f"{file}: was measured with --fast; run the benchmark at full size")
        for found in report.get("comparisons", []):
            absent = [key for key in KEYS if key not in found]
            if absent:
                raise StudyError(f"{file}: comparison without {', '.join(absent)}")
            if found["goal"] is not None or not aimed_at:
                rows.append(_row(found))
    return HEAD + "".join(rows)


def waits(root: Path) -> str:
    """Return two tables of benchmarks/study.json: what a user waits for, and where the demo's time goes.

    Raises
    ------
    StudyError
        The file is of a fast run.
    """
    file = root / "benchmarks/study.json"
    report = json.loads(file.read_text())
    if report["fast"]:
        raise StudyError(f"{file}: was measured with --fast; run the benchmark at full size")
    goals = report["goals"]
    lines = [
        f"| {what} | {took:.3g} | {goals[what]:g} |\n" for what, took in report["seconds"].items()
    ]
    spent = report["functions"]
    rest = spent[LONGEST:]
    rows = [(f"`{row['function']}`", row["jobs"], row["seconds"]) for row in spent[:LONGEST]]
    if rest:
        sums = sum(row["jobs"] for row in rest), sum(row["seconds"] for row in rest)
        rows.append((f"{len(rest)} others", *sums))
    parts = [f"| {name} | {jobs} | {took:.0f} |\n" for name, jobs, took in rows]
    return WAITS_HEAD + "".join(lines) + "\n" + SPENT_HEAD + "".join(parts)


def _row(found: Mapping[str, Any]) -> str:
    """Return a comparison's line of the Markdown table, in the order of its head."""
    goal = found["goal"]
    cells = [
        found["work"],
        _peer(found["peer"]),
        seconds(found["peer_seconds"]),
        seconds(found["ours_seconds"]),
        f"{found['ratio']:.3g}",
        "" if goal is None else f"{goal:g}",
        _difference(found),
    ]
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |\n"


def _peer(peer: Mapping[str, str]) -> str:
    """Return a peer's name, version and options."""
    name = " ".join(part for part in (peer["name"], peer.get("version", "")) if part)
    options = peer.get("options", "")
    return f"{name}: {options}" if options else name


def _difference(found: Mapping[str, Any]) -> str:
    """Return how far the results of the two sides are apart, and what is allowed."""
    difference, tolerance = found.get("largest_difference"), found["tolerance"]
    if not tolerance:
        return "nothing" if difference == 0 else ""
    return f"{difference:.0e} ({tolerance:.0e} allowed)"


def seconds(value: float) -> str:
    """Return a time in the unit that leaves one to three digits before the point."""
    if value >= 1:
        return f"{value:,.0f} s" if value >= 100 else f"{value:.3g} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"
