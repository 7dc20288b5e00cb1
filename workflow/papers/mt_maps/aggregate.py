"""The paper's tables, of those of its networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.mt_maps.measures import DIGITS
from replicortex.core.errors import StudyError
from replicortex.core.files import read_arrays, read_tensors
from replicortex.core.tables import join, read


def aggregate(
    *,
    measures: list[Path],
    channels: list[Path],
    fits: list[Path],
    curves: list[Path],
    maps: list[Path],
    history: list[Path],
    sources: dict[str, str],
    shards: list[Path] | None = None,
) -> dict[str, Any]:
    """Return the paper's tables.

    Parameters
    ----------
    measures, channels, fits, curves, maps, history
        Files of all networks, in the same order.
    sources
        Dataset of each source.
    shards
        Decoded sources, for the list of videos that were left out.

    Returns
    -------
    "measures", "channels", "fits": of all networks, as `measure.measure` made them. "curves", "maps": of
    the first seed's networks. "history": losses by epoch. "videos": what each source gave.
    """
    tables = [read(path) for path in measures]
    seeds = [int(table["seed"].iloc[0]) for table in tables]
    first = [number for number, seed in enumerate(seeds) if seed == min(seeds)]
    drawn: dict[str, np.ndarray] = {}
    for number in first:
        drawn |= read_arrays(maps[number])
    return {
        "measures": pd.concat(tables, ignore_index=True),
        "channels": join(channels),
        "fits": join(fits),
        "curves": join(curves[number] for number in first),
        "maps": drawn,
        "history": join(history).round(DIGITS),
        "videos": _videos(shards or [], sources),
    }


def _videos(shards: list[Path], sources: dict[str, str]) -> pd.DataFrame:
    """Return every video of every source: frames kept, or why it was left out."""
    rows = []
    for path in shards:
        _, described = read_tensors(path, [])
        source = described["source"]
        common = {"source": source, "dataset": sources[source]}
        if not described["videos"]:
            raise StudyError(f"{path}: holds no video")
        rows += [
            {**common, "video": v["name"], "frames": v["frames"], "left_out": ""}
            for v in described["videos"]
        ]
        rows += [
            {**common, "video": n, "frames": 0, "left_out": why}
            for n, why in described["left_out"].items()
        ]
    return pd.DataFrame(rows, columns=["source", "dataset", "video", "frames", "left_out"])
