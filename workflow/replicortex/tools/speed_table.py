"""Tables of speed: each benchmark's kept ratios against its strongest peer.

README.md has the rows that had a goal, benchmarks/README.md all.
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
