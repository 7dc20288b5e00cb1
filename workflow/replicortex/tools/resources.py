"""What jobs really needed, from their records, and what to ask a cluster for."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from replicortex.core.errors import StudyError
from replicortex.provenance import records

MEMORY_MARGIN, MEMORY_STEP_MB = 1.5, 500
TIME_MARGIN, TIME_STEP_MINUTES = 3.0, 5


def needed(run: Path) -> pd.DataFrame:
    """Return what each rule of a run needed and what would do with a margin.

    Parameters
    ----------
    run
        Folder of a run, such as results/small.

    Returns
    -------
    One row per rule, packs of one rule together: jobs, peak_memory_mb and minutes (the largest of
    any job), mem_mb (half as much again, in steps of 500) and runtime (three times, in steps of 5
    minutes).

    Raises
    ------
    StudyError
        When there are no records.
    """
    facts: dict[tuple[Any, ...], dict[str, Any]] = {}
    for path in records.below(run):
        record = records.read(path)
        own = record["run"]
        # All outputs of one job tell the same time.
        key = (own["rule"], record["job"]["code"], own["wall_seconds"], own["peak_memory_mb"])
        facts[key] = own
    if not facts:
        raise StudyError(f"{run}: there are no records below it; run the study first")
    table = pd.DataFrame(
        {
            "rule": without_pack(own["rule"]),
            "peak_memory_mb": own["peak_memory_mb"],
            "minutes": own["wall_seconds"] / 60,
        }
        for own in facts.values()
    )
    grouped = table.groupby("rule")
    found = grouped.max().assign(jobs=grouped.size()).reset_index()
    found["mem_mb"] = [
        _up(MEMORY_MARGIN * value, MEMORY_STEP_MB) for value in found["peak_memory_mb"]
    ]
    found["runtime"] = [_up(TIME_MARGIN * value, TIME_STEP_MINUTES) for value in found["minutes"]]
    found["minutes"] = found["minutes"].round(1)
    return found[["rule", "jobs", "peak_memory_mb", "minutes", "mem_mb", "runtime"]]


def without_pack(rule: str) -> str:
    """Return a rule's name without the number of its pack."""
    return re.sub(r"_\d+$", "", rule)


def _up(value: float, step: int) -> int:
    return step * math.ceil(value / step)
