"""Tables of two ways: claims by direction and system, and means of kept tables by row and column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from replicortex.core.errors import StudyError, nearest
from replicortex.core.table_schema import stands_for
from replicortex.report import words as say
from replicortex.verdicts.tones import symbol, tone

if TYPE_CHECKING:
    from replicortex.report.sources import Source

MET = ("good", "partly")
DASH = "–"  # what the kept run does not have
PLACE = "{}"  # of a column's key in the pattern of a row
Selection = Mapping[str, str]


def directions(
    rows: Mapping[str, Mapping[str, Any]],
    asked: Mapping[str, str],
    columns: Mapping[str, str | Sequence[str] | None],
) -> str:
    """Return which direction holds where: a row a direction, a column a system or a pair of systems.

    Parameters
    ----------
    rows
        Judged claims by id.
    asked
        Words of a direction -> the pattern of its claims' ids, `{}` where the key of a column stands.
    columns
        Words of a column -> its key; several, of which the first that gives a claim counts; None where no
        claim asks anything yet.

    Returns
    -------
    A cell has the mark of the verdict and the number, or why there is none: a dash where the kept run lacks
    it. It is empty where no claim asks. The last column counts cells that are met among those with a verdict.

    Raises
    ------
    StudyError
        A pattern has no place for a key, or a direction or a key gives no claim.
    """
    keys = {words: _keys(key) for words, key in columns.items()}
    found = {
        words: [_first(rows, pattern, each) for each in keys.values()]
        for words, pattern in asked.items()
    }
    for words, pattern in asked.items():
        if not any(found[words]):
            raise StudyError(f"no claim of any column is called as '{pattern}' of '{words}' has it")
    for place, (words, key) in enumerate(keys.items()):
        if key and not any(each[place] for each in found.values()):
            raise StudyError(f"no direction has a claim with the key '{key[0]}' of '{words}'")
    body = [
        (words, *(_cell(rows, name) for name in names), _met(rows, names))
        for words, names in found.items()
    ]
    return say.table(("direction", *columns, "holds in"), body)


def _keys(key: str | Sequence[str] | None) -> list[str]:
    """Return the keys of a column; none where it has none."""
    if key is None:
        return []
    return [key] if isinstance(key, str) else list(key)


def _first(rows: Mapping[str, Any], pattern: str, keys: Sequence[str]) -> str:
    """Return the first claim that a pattern gives with one of some keys; "" for none."""
    if pattern.count(PLACE) != 1:
        raise StudyError(f"'{pattern}': one {PLACE} expected, where the key of a column stands")
    names = (pattern.replace(PLACE, key) for key in keys)
    return next((name for name in names if name in rows), "")


def _cell(rows: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return a claim's mark and number; its verdict in words where that has no mark."""
    if not name:
        return ""
    row = rows[name]
    text = say.ours(row)
    if text == say.NOT_KEPT:
        return DASH
    if tone(row["verdict"]) != "none":
        return f"{symbol(row['verdict'])} {text}"
    return (
        text if math.isnan(row["ours"]) else f"{text}, {say.verdict(row).removeprefix(f'{DASH} ')}"
    )


def _met(rows: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    """Return how many of some claims are met, of those with a verdict."""
    asked = [rows[name] for name in names if name]
    if all(say.ours(row) == say.NOT_KEPT for row in asked):
        return say.NOT_KEPT
    judged = [each for row in asked if (each := tone(row["verdict"])) != "none"]
    return f"{sum(each in MET for each in judged)} of {len(judged)}" if judged else "none judged"


def means(
    source: Source,
    table: str,
    rows: Mapping[str, Selection],
    columns: Mapping[str, tuple[str, Selection]],
) -> str:
    """Return means ± s.d. of a kept table, a cell over the rows that its row and its column select.

    Parameters
    ----------
    source
        The paper.
    table
        Its table, as `tables.yaml` of today has it.
    rows
        Words of a row -> what it selects: column of the table -> value.
    columns
        Words of a column -> the column of the table that is averaged, and what it selects beside.

    Returns
    -------
    A dash where the kept run lacks the table, a column or all rows of a cell. Rows without any number in the
    kept run are named below.

    Raises
    ------
    StudyError
        Today's tables have no such table, or no such column.
    """
    if table not in source.declared_tables:
        raise StudyError(
            f"{source.name} has no table '{table}'{nearest(table, source.declared_tables)}"
        )
    for where in (*rows.values(), *({value: "", **where} for value, where in columns.values())):
        _declared(source, table, where)
    body, lacking = [], []
    for words, where in rows.items():
        cells = [_mean(source, table, value, {**where, **more}) for value, more in columns.values()]
        if set(cells) == {DASH}:
            lacking.append(words)
        else:
            body.append((words, *cells))
    named = f"{say.NOT_KEPT.capitalize()}: {'; '.join(lacking)}." if lacking else ""
    return "\n\n".join(filter(None, [say.table(("", *columns), body), named]))


def _declared(source: Source, table: str, columns: Selection) -> None:
    """Refuse a column that a table of today does not have."""
    known = source.declared_tables[table]
    for name in columns:
        if not any(stands_for(key, name) for key in known):
            raise StudyError(f"{source.name}: {table} has no column '{name}'{nearest(name, known)}")


def _mean(source: Source, table: str, value: str, where: Selection) -> str:
    """Return mean ± s.d. of the selected rows of a kept table, or why there is none."""
    if table not in source.files:
        return DASH
    kept = source.table(table)
    if not {value, *where} <= set(kept.columns):
        return DASH
    found = kept.frame.loc[kept.rows(where), value]
    values = found.dropna()
    if values.empty:
        return say.NO_NUMBER if len(found) else DASH
    return say.aligned([values.mean(), values.std()] if len(values) > 1 else [values.mean()])
