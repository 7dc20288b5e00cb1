"""Tables of everything that networks are measured by: tuning of channels, maps of units, nulls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from papers.mt_maps import measures
from papers.mt_maps.answers import Answers, read_answers
from papers.mt_maps.embedding_measures import measure_embedding
from papers.mt_maps.map_measures import measure_maps
from papers.mt_maps.measuring_settings import Measured
from papers.mt_maps.tuning_measures import measure_tuning
from replicortex.core.errors import StudyError
from replicortex.core.files import read_tensors
from replicortex.core.randomness import generator
from replicortex.core.tables import join

DIGITS = 5


def measure(
    *,
    responses: list[Path],
    history: list[Path],
    measured: Measured,
    sources: dict[str, str],
    shards: list[Path] | None = None,
) -> dict[str, Any]:
    """Return the paper's tables.

    Parameters
    ----------
    responses, history
        Files of all networks, in the same order.
    measured
        Section of the configuration.
    sources
        Dataset of each source.
    shards
        Decoded sources, for the list of videos that were left out.

    Returns
    -------
    "measures": one number per row (COLUMNS), medians over channels with their bootstrap interval,
    maps with the mean and the middle 95 % of their nulls. "channels" and "fits": by channel of the map
    layer. "curves": tuning curves to gratings, first seed. "maps": arrays
    "<arm>/<network>/<alpha>/<what>" of the first seed's maps to dots, direction and axis in tenths
    of a degree, their strengths in thousandths. "history": losses by epoch. "videos": what each source gave.
    """
    made: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ("measures", "channels", "fits", "curves")
    }
    drawn: dict[str, np.ndarray] = {}
    places = _places(responses)
    first = min(seed for *_, seed in places)
    for path in responses:
        answers = read_answers(path)
        identity, areas = answers.identity, {n: layer.area for n, layer in answers.layers.items()}
        rng = generator(measured.seed, "measure", identity["arm"], answers.name, identity["seed"])
        # In this order: each draws on from where the one before it ended.
        tuned = measure_tuning(answers, measured, rng)
        mapped = measure_maps(answers, _others(places, answers), measured, rng)
        rows = [*tuned.rows, *mapped.rows, *measure_embedding(answers)]
        made["measures"].append(measures.table(rows, identity, areas))
        made["channels"].append(tuned.channels)
        made["fits"].append(tuned.fits)
        if identity["seed"] == first:
            made["curves"].append(tuned.curves)
            drawn |= mapped.pictures
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in made.items()}
    return {
        **{name: rounded(table) for name, table in joined.items()},
        "maps": drawn,
        "history": rounded(join(history)),
        "videos": _videos(shards or [], sources),
    }


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with floats to five significant decimals: it is for reading."""
    return table.round(DIGITS)


def _places(paths: list[Path]) -> dict[tuple[str, str, int], Path]:
    """Return the file of each arm, network and seed."""
    return {
        (path.parent.parent.name, path.parent.name, int(path.stem.removeprefix("seed"))): path
        for path in paths
    }


def _others(places: dict[tuple[str, str, int], Path], answers: Answers) -> np.ndarray | None:
    """Return the map layer's positions of the next seed's network of the same kind."""
    arm, name, seed = answers.identity["arm"], answers.name, answers.identity["seed"]
    seeds = sorted(s for a, n, s in places if (a, n) == (arm, name))
    if len(seeds) < 2:
        return None
    other = seeds[(seeds.index(seed) + 1) % len(seeds)]
    wanted = f"places/{answers.map_layer}"
    return read_tensors(places[arm, name, other], [wanted])[0][wanted]


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
