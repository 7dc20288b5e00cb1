"""Judge tables that a run left behind by the claims of today, into a folder of one's own.

Tables of a kept run may be older than a claim: what a claim reads and they lack needs a new run, and its
row says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replicortex.core.errors import StudyError
from replicortex.core.files import write
from replicortex.provenance.packed import SUFFIX

if TYPE_CHECKING:
    import pandas as pd


def tables_below(metrics: Path) -> dict[str, Path]:
    """Return the tables of a folder by name, compressed or not."""
    both = [*metrics.glob("*.csv"), *metrics.glob(f"*.csv{SUFFIX}")]
    return {path.name.partition(".")[0]: path for path in sorted(both)}


def judged(
    paper: str, metrics: Path, settings: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge a paper's tables.

    Parameters
    ----------
    paper
        Its name.
    metrics
        Folder of its tables, compressed or not.
    settings
        What the job of verdicts is told of the paper (`OpenStudy.claims`).

    Returns
    -------
    As `replicortex.verdicts.evaluation.evaluate`.

    Raises
    ------
    StudyError
        There is no table there that a claim reads, or one cannot be read.
    """
    from replicortex.core.tables import read
    from replicortex.verdicts.evaluation import evaluate
    from replicortex.verdicts.reading import load

    listed = load(Path(settings["file"]))
    files = tables_below(metrics)
    found = {name: read(files[name]) for name in settings["tables"] if name in files}
    if not found:
        raise StudyError(
            f"{metrics}: no table of {paper} is here; expected {settings['tables'][0]}.csv"
        )
    return evaluate(
        listed,
        found,
        aliases=settings["aliases"],
        facts=settings["facts"],
        absent=settings["absent"],
        synthetic=settings["synthetic"],
        paper=paper,
        older=True,
        rehearsal=settings["rehearsal"],
    )


def rejudge(
    paper: str, metrics: Path, out: Path, settings: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge a paper's tables; write claims, calibration and scorecard into a folder.

    Arguments, result and errors as `judged`; `out` is the folder.
    """
    from replicortex.verdicts.drawing import draw_pages, draw_scorecard

    table, calibration = judged(paper, metrics, settings)
    write(out / "claims.csv", table)
    write(out / "calibration.csv", calibration)
    figure = draw_scorecard(table, settings["title"])
    for suffix in (".pdf", ".png", ".svg"):
        write(out / f"scorecard{suffix}", figure)
    write(out / "claims.pdf", draw_pages(table, settings["title"]))
    return table, calibration
