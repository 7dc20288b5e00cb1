"""The workflow's own tables, read back: columns of names are text, all others are numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from replicortex.core.errors import StudyError
from replicortex.core.reading import read_table

if TYPE_CHECKING:
    import pandas as pd

REMEDY = "remove it, and run the study again: its job writes it anew"
# Of the papers' tidy tables; the same word is a name in all of them, or a number in all.
NAMES = frozenset(
    {
        *("alternative", "area", "arm", "basis", "bn", "bound", "chosen", "comparison", "control"),
        *("curve", "dataset", "family", "layer", "left_out", "match", "measure", "method", "model"),
        *("network", "noise", "note", "null", "objective", "over", "pair", "pairs", "parameter"),
        *("part", "pooling", "positions", "quantity", "reference", "region", "reliability", "roi"),
        *("rotate", "rule", "source", "space", "stimulus", "subject", "system", "target"),
        *("target_rule", "units", "video", "vote", "weights", "what", "winner"),
    }
)


def read(path: Path, names: Collection[str] = NAMES) -> pd.DataFrame:
    """Return a table that the workflow wrote (`replicortex.core.files.write`, .csv).

    Parameters
    ----------
    names
        Columns of names, as far as the table has them: "NA", "null", "0001" and "1.10" stay as
        they were written, and only an empty cell is missing (NaN).

    Returns
    -------
    The table; one that was written without rows and columns has none.

    Raises
    ------
    StudyError
        When the file is no table, or a column that is not among `names` holds a word.
    """
    import pandas as pd

    path = Path(path)
    if path.is_file() and path.stat().st_size == 1 and path.read_bytes() == b"\n":
        return pd.DataFrame()
    table = read_table(path, if_there=names, expected="a table of results", remedy=REMEDY)
    for column in table.columns.difference(list(names), sort=False):
        if not pd.api.types.is_numeric_dtype(table[column]) and table[column].notna().any():
            words = table[column].dropna()
            word = words[pd.to_numeric(words, errors="coerce").isna()].iloc[0]
            raise StudyError(f"{path}: column '{column}' holds '{word}', numbers expected")
    return table


def join(paths: Iterable[Path]) -> pd.DataFrame:
    """Return the rows of several tables of one kind; one that has no row adds nothing.

    Raises
    ------
    StudyError
        As `read`.
    """
    import pandas as pd

    found = [read(path) for path in paths]
    full = [table for table in found if len(table)]
    return pd.concat(full or [max(found, key=lambda table: table.shape[1])], ignore_index=True)
