"""Everything that a network is measured by: tuning of channels, maps of units, nulls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from papers.mt_maps import measures
from papers.mt_maps.answers import Answers, read_answers
from papers.mt_maps.embedding_measures import measure_embedding
from papers.mt_maps.map_measures import measure_maps
from papers.mt_maps.measuring_settings import Measured
from papers.mt_maps.tuning_measures import measure_tuning
from replicortex.core.files import read_tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator


def measure(
    *,
    responses: list[Path],
    others: list[Path],
    measured: Measured,
    progress: Progress = iter_plainly,
) -> dict[str, list[Any]]:
    """Return what is measured of each network; one in memory at a time.

    Parameters
    ----------
    responses
        Files of networks.
    others
        For each the model of its kind's next seed, on whose positions it is measured too; its own where there
        is one seed alone: left out.
    measured
        Section of the configuration.

    Returns
    -------
    For each network: "measures", one number per row (COLUMNS), medians over channels with their bootstrap
    interval, maps with the mean and the middle 95 % of their nulls. "channels" and "fits": by channel of
    the map layer. "curves": tuning curves to gratings. "maps": arrays "<arm>/<network>/<alpha>/<what>" of
    the map to dots, direction and axis in tenths of a degree, their strengths in thousandths. Floats of
    tables have five decimals: they are for reading.
    """
    made: dict[str, list[Any]] = {
        name: [] for name in ("measures", "channels", "fits", "curves", "maps")
    }
    pairs = list(zip(responses, others, strict=True))
    for path, other in progress(pairs, desc="networks", total=len(pairs)):
        answers = read_answers(path)
        identity, areas = answers.identity, {n: layer.area for n, layer in answers.layers.items()}
        rng = generator(measured.seed, "measure", identity["arm"], answers.name, identity["seed"])
        # In this order: each draws on from where the one before it ended.
        tuned = measure_tuning(answers, measured, rng)
        mapped = measure_maps(answers, _positions(other, answers), measured, rng)
        rows = [*tuned.rows, *mapped.rows, *measure_embedding(answers)]
        made["measures"].append(measures.table(rows, identity, areas).round(measures.DIGITS))
        made["channels"].append(tuned.channels.round(measures.DIGITS))
        made["fits"].append(tuned.fits.round(measures.DIGITS))
        made["curves"].append(tuned.curves.round(measures.DIGITS))
        made["maps"].append(mapped.pictures)
    return made


def _positions(path: Path, answers: Answers) -> np.ndarray | None:
    """Return the map layer's positions in the model of another seed; None where it is the same one."""
    wanted = f"places/{answers.map_layer}"
    arrays, described = read_tensors(path, [wanted])
    return None if described["seed"] == answers.identity["seed"] else arrays[wanted]
