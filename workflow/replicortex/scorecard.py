"""The study's last job: every claim of every paper against this run's tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from replicortex.claims import evaluate, load
from replicortex.claims import tables as tables_of
from replicortex.errors import StudyError
from replicortex.plotting.scorecard import draw_scorecard


def scorecard(
    *,
    claims: list[Path],
    tables: list[Path],
    papers: list[str],
    table_names: list[list[str]],
    aliases: dict[str, dict[str, dict[str, Any]]],
    scale: str,
    synthetic: dict[str, bool],
) -> dict[str, Any]:
    """Judge every claim.

    Parameters
    ----------
    claims
        One claims.yaml per paper, in the order of `papers`.
    tables
        Tidy csv tables of all papers.
    papers
        Names of the papers.
    table_names
        [paper, name] of each of `tables`, in the same order.
    aliases
        Paper -> column -> word -> this scale's value.
    scale
        demo, small or full.
    synthetic
        Paper -> whether any of its numbers comes from made-up data.

    Returns
    -------
    "claims": one row per claim (`replicortex.claims.COLUMNS`); "scorecard": the figure.

    Raises
    ------
    StudyError
        When lists do not match, or a claim asks for what its tables do not have.
    """
    import pandas as pd

    _same_length("claims", claims, "papers", papers)
    _same_length("tables", tables, "table_names", table_names)
    by_paper: dict[str, dict[str, Any]] = {paper: {} for paper in papers}
    for path, (paper, name) in zip(tables, table_names, strict=True):
        by_paper[paper][name] = pd.read_csv(path)
    judged = []
    for path, paper in zip(claims, papers, strict=True):
        listed = load(path)
        missing = sorted(tables_of(listed) - set(by_paper[paper]))
        if missing:
            raise StudyError(
                f"{path}: table '{missing[0]}' is not among the tables of {paper} "
                f"({', '.join(sorted(by_paper[paper])) or 'none'})"
            )
        judged.append(
            evaluate(
                listed,
                by_paper[paper],
                aliases=aliases.get(paper, {}),
                scale=scale,
                synthetic=synthetic[paper],
                paper=paper,
            )
        )
    table = pd.concat(judged, ignore_index=True)
    return {"claims": table, "scorecard": draw_scorecard(table, _titles(papers))}


def _titles(papers: Sequence[str]) -> dict[str, str]:
    return {paper: paper.replace("_", " ").capitalize() for paper in papers}


def _same_length(one: str, ones: Sequence[Any], other: str, others: Sequence[Any]) -> None:
    if len(ones) != len(others):
        raise StudyError(f"{one} has {len(ones)} entries and {other} {len(others)}: must match")
