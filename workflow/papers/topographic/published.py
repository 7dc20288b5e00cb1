"""The paper's own numbers beside ours: those that claims quote, and the rest of its figures.

`published.csv` has the columns of our tables and holds what no claim quotes. Accuracy and RDM
consistency come from the tables of an earlier manuscript of the same paper, which are its Figures 1
and 6 drawn as numbers; cosines from Table 1; Moran's I (+-.02), row norms (+-.05) and boosts (+-.01
percentage points) were read off Figures 4 and 7, distances (grid units, +-.15) off Figure 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from replicortex.core.reading import read_table

WORDS = ("measure", "arm", "objective", "parameter", "noise")


def load(table: Path, quoted: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return all published numbers, one a row.

    Parameters
    ----------
    table
        published.csv.
    quoted
        Numbers of claims, as `replicortex.verdicts.quoted.quoted` returns them.

    Returns
    -------
    Columns measure, arm, objective, parameter, noise (words, "" where there is none), level, rho
    and value; gains of ensembles are `boost`, a fraction.
    """
    rest = read_table(table, names=WORDS, expected="the paper's own numbers")
    rest = rest.fillna(dict.fromkeys(WORDS, ""))
    claimed = pd.DataFrame(
        {"measure": one["column"], **one, "value": one["published"]} for one in quoted
    )
    known = pd.concat([rest, claimed], ignore_index=True).reindex(columns=rest.columns)
    known["arm"] = known["arm"].fillna("main")
    return known.fillna(dict.fromkeys(WORDS, "")).sort_values(["rho", "level", "parameter"])


def values(
    known: pd.DataFrame, measure: str, objective: str, along: str = "rho", **select: Any
) -> list[tuple[float, float]]:
    """Return (place, published value) along a column, where the paper gives one.

    Parameters
    ----------
    known
        As `load` returns it.
    measure, objective
        Which.
    along
        rho, level (of noise) or parameter (a number as a word).
    select
        Further columns and their values; arm is main unless given.
    """
    chosen = known["measure"].eq(measure) & known["objective"].eq(objective)
    for column, value in {"arm": "main", **select}.items():
        chosen &= known[column] == value
    places = known.loc[chosen, along].astype(float)
    return list(zip(places, known.loc[chosen, "value"], strict=True))
