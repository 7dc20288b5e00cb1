"""Claims that name what a study does not have are told before any job, not after the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from replicortex.core import table_schema
from replicortex.core.errors import StudyError, nearest
from replicortex.verdicts.model import Claim

Names = Mapping[str, Sequence[Any]]  # column -> the values that the configuration gives it
Aliases = Mapping[str, Mapping[str, Any]]
Columns = Mapping[str, Mapping[str, table_schema.Column]]


def check_names(
    claims: Iterable[Claim],
    file: str,
    tables: Path,
    names: Names,
    elsewhere: Callable[[], Names],
    aliases: Aliases,
    facts: Mapping[str, Any],
) -> dict[str, list[str]]:
    """Check that all tables, columns, keys and configured values that claims name exist.

    A value that the configuration gives (a rule, a layer, a size) must be one of this study or of any
    scale: a claim on what only another scale has cannot be tested here.

    Parameters
    ----------
    claims
        As `reading.load` gives them.
    file
        Their file, for the sentence.
    tables
        The paper's tables.yaml: columns by table.
    names
        Values by column, as `PaperNumbers.names` gives them.
    elsewhere
        Returns those of all scales together; called when it is needed.
    aliases
        Column -> word -> this scale's value.
    facts
        The paper's merged configuration, on which `needs` and `data` look.

    Returns
    -------
    Each thing that this configuration does not have, "pair x" -> ids of the claims that name it.

    Raises
    ------
    StudyError
        Naming file, claim and key, with the nearest valid name.
    """
    columns = table_schema.load(tables)
    everywhere: Names | None = None
    absent: dict[str, str] = {}
    for claim in claims:
        _check_columns(claim, f"{file}: claim '{claim.id}'", columns)
        _check_contradictable(claim, f"{file}: claim '{claim.id}'", columns)
        _check_keys(claim, f"{file}: claim '{claim.id}'", facts)
        for key, column, value in _values(claim):
            value = aliases.get(column, {}).get(value, value)
            if _among(value, names.get(column)):
                continue
            everywhere = elsewhere() if everywhere is None else everywhere
            words = list(aliases.get(column, {}))
            valid = [*names[column], *everywhere.get(column, ())]
            if value not in words and not _among(value, valid):
                known = dict.fromkeys(map(str, [*valid, *words]))
                raise StudyError(
                    f"{file}: claim '{claim.id}': measure.{key}.{column}: '{value}' is no {column} of "
                    f"any scale's configuration{nearest(value, known)}"
                )
            absent[claim.id] = f"{column} {value}"
    naming: dict[str, list[str]] = {}
    for claim_id, what in absent.items():
        naming.setdefault(what, []).append(claim_id)
    return naming


def _check_columns(claim: Claim, where: str, columns: Columns) -> None:
    """Refuse a table that the paper does not have, and a column that its table does not have."""
    for table, key, column in _columns(claim):
        if table not in columns:
            raise StudyError(
                f"{where}: {key.partition('.')[0]}.table: '{table}' is no table of the paper"
                f"{nearest(table, columns)}"
            )
        if column and column not in columns[table]:
            raise StudyError(
                f"{where}: {key}: '{column}' is no column of table '{table}'"
                f"{nearest(column, columns[table])}"
            )


def _check_contradictable(claim: Claim, where: str, columns: Columns) -> None:
    """Refuse a number of which every value that it can have would meet its claim."""
    measure = claim.measure
    plain = claim.as_ == "value" and not (measure.minus or measure.less or measure.equals)
    if not plain or claim.verdict.direction == "zero":
        return
    column = columns[measure.table][measure.value]
    for other, words in column.by.items():
        word = str(measure.select.get(other, ""))
        fits = (own for key, own in words.items() if table_schema.stands_for(key, word))
        column = next(fits, column)
    low, high = column.ends
    if claim.verdict.direction == "positive" and claim.boundary <= low:
        raise StudyError(
            f"{where}: verdict: {measure.value} of table '{measure.table}' is never below {low:g}: that "
            f"it lies above {claim.boundary:g} cannot be contradicted"
        )
    if claim.verdict.direction == "negative" and claim.boundary >= high:
        raise StudyError(
            f"{where}: verdict: {measure.value} of table '{measure.table}' is never above {high:g}: that "
            f"it lies below {claim.boundary:g} cannot be contradicted"
        )


def _check_keys(claim: Claim, where: str, facts: Mapping[str, Any]) -> None:
    """Check that each key of `needs` and `data` begins at one of the configuration."""
    conditions = {"needs": claim.needs}
    if not isinstance(claim.data, str):
        conditions["data.same_when"] = claim.data.same_when
    for name, needs in conditions.items():
        for key in needs:
            inside: Any = facts
            for part in key.split("."):
                if isinstance(inside, Mapping) and inside and part not in inside:
                    raise StudyError(
                        f"{where}: {name}: '{key}' is no key of the configuration"
                        f"{nearest(part, [str(one) for one in inside])}"
                    )
                inside = inside.get(part) if isinstance(inside, Mapping) else None


def _columns(claim: Claim) -> list[tuple[str, str, str]]:
    """Return table, key and column wherever a claim names a column; "" for a table alone."""
    measure = claim.measure
    found = [(measure.table, "measure", "")]
    given = [(key, getattr(measure, key)) for key in ("value", "less")]
    found += [(measure.table, f"measure.{key}", column) for key, column in given if column]
    for unit in claim.over:
        table = unit.table or measure.table
        named = [
            (key, getattr(unit, key)) for key in ("column", "other", "lower", "upper", "value")
        ]
        found += [(table, "over", ""), *((table, f"over.{key}", one) for key, one in named if one)]
        found += [(table, f"over.select.{column}", column) for column in unit.select or {}]
    return found + [
        (measure.table, f"measure.{key}.{column}", column) for key, column, _ in _values(claim)
    ]


def _values(claim: Claim) -> list[tuple[str, str, Any]]:
    """Return key, column and value of everything that a claim selects."""
    measure = claim.measure
    parts = {
        "select": measure.select,
        "from": measure.from_,
        "to": measure.to,
        "minus": measure.minus,
    }
    return [
        (key, column, value)
        for key, selection in parts.items()
        for column, values in (selection or {}).items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _among(value: Any, valid: Sequence[Any] | None) -> bool:
    """Whether a value is one of those valid; all are where the configuration gives none."""
    return valid is None or any(_same(value, one) for one in valid)


def _same(one: Any, other: Any) -> bool:
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        return str(one) == str(other)
