"""The last jobs: every claim of a paper against this run's tables, and all papers side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from replicortex.core.errors import StudyError
from replicortex.core.tables import read
from replicortex.verdicts.drawing import draw_overview, draw_pages, draw_scorecard
from replicortex.verdicts.evaluation import WORDS, evaluate
from replicortex.verdicts.forest import draw_forest, leading
from replicortex.verdicts.model import tables as tables_of
from replicortex.verdicts.reading import load


def judge(
    *,
    claims: Path,
    tables: list[Path],
    paper: str,
    title: str,
    aliases: dict[str, dict[str, Any]],
    facts: dict[str, Any],
    absent: dict[str, list[str]],
    synthetic: bool,
    rehearsal: bool = False,
) -> dict[str, Any]:
    """Judge every claim of a paper.

    Parameters
    ----------
    claims
        The paper's claims.yaml.
    tables
        Tidy csv tables; claims know them by the name of the file.
    paper
        Its name in tables.
    title
        Its name in figures.
    aliases
        Column -> word -> this scale's value.
    facts
        Dotted key -> value of the configuration, as `replicortex.verdicts.model.facts_of` gives them.
    absent
        What this configuration does not have -> ids of the claims that name it.
    synthetic
        Whether any of its numbers comes from made-up data.
    rehearsal
        Whether the run is a rehearsal of `full`.

    Returns
    -------
    "claims": one row per claim (`replicortex.verdicts.evaluation.COLUMNS`); "calibration": how often
    each rule would err (`replicortex.verdicts.calibrate.COLUMNS`); "scorecard": findings on one screen;
    "pages": every claim, A4.

    Raises
    ------
    StudyError
        When a claim asks for what its tables do not have.
    """
    by_name = {path.stem: read(path) for path in tables}
    listed = load(claims)
    missing = sorted(tables_of(listed) - set(by_name))
    if missing:
        raise StudyError(
            f"{claims}: table '{missing[0]}' is not among the tables of {paper} "
            f"({', '.join(sorted(by_name)) or 'none'})"
        )
    table, calibration = evaluate(
        listed,
        by_name,
        aliases=aliases,
        facts=facts,
        absent=absent,
        synthetic=synthetic,
        paper=paper,
        rehearsal=rehearsal,
    )
    return {
        "claims": table,
        "calibration": calibration,
        "scorecard": draw_scorecard(table, title),
        "pages": draw_pages(table, title),
    }


def overview(*, claims: list[Path], titles: list[tuple[str, str]]) -> dict[str, Any]:
    """Put the judged claims of all papers into one table and two figures.

    Parameters
    ----------
    claims
        Tables that `judge` made, one per paper.
    titles
        Name in tables and name in figures of each paper, in the order of the figure.

    Returns
    -------
    "claims": all rows; "overview": the number of claims by paper, kind and verdict; "shares" and "forest":
    published numbers and ours as shares of the published effect (`replicortex.verdicts.forest.leading`),
    drawn.
    """
    import pandas as pd

    table = pd.concat([read(path, WORDS) for path in claims], ignore_index=True)
    shares = leading(table)
    return {
        "claims": table,
        "overview": draw_overview(table, dict(titles)),
        "shares": shares,
        "forest": draw_forest(shares, dict(titles)),
    }
