"""Claims that name what a study does not have are told before any job, not after the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from replicortex.core.errors import StudyError, nearest
from replicortex.core.yaml_text import read_yaml_file
from replicortex.verdicts.claims import Claim

Names = Mapping[str, Sequence[Any]]  # column -> the values that the configuration gives it
Aliases = Mapping[str, Mapping[str, Any]]


def check_names(
    claims: Iterable[Claim],
    file: str,
    tables: Path,
    names: Names,
    elsewhere: Callable[[], Names],
    aliases: Aliases,
    scale: str,
) -> None:
    """Check that all tables, columns and configured values that claims name exist.

    A value that the configuration gives (a rule, a layer, a size) must be one of this study where the
    claim is tested; where it is not, one of any scale: then a scale may leave it out.

    Parameters
    ----------
    claims
        As `claims.load` gives them.
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
    scale
        Of the study.

    Raises
    ------
    StudyError
        Naming file, claim and key, with the nearest valid name.
    """
    columns = read_yaml_file(tables)
    everywhere: Names | None = None
    for claim in claims:
        measure = claim.measure
        where = f"{file}: claim '{claim.id}': measure"
        if measure.table not in columns:
            raise StudyError(
                f"{where}.table: '{measure.table}' is no table of the paper"
                f"{nearest(measure.table, columns)}"
            )
        own = columns[measure.table]
        for key, column in _columns(claim):
            if column not in own:
                raise StudyError(
                    f"{where}.{key}: '{column}' is no column of table '{measure.table}'"
                    f"{nearest(column, own)}"
                )
        for key, column, value in _values(claim):
            value = aliases.get(column, {}).get(value, value)
            words = list(aliases.get(column, {}))
            if _among(value, names.get(column)):
                continue
            valid, what = names[column], "this configuration"
            if not claim.testable_at(scale):
                everywhere = elsewhere() if everywhere is None else everywhere
                valid, what = [*valid, *everywhere.get(column, ())], "any scale's configuration"
                if value in words or _among(value, valid):
                    continue
            known = dict.fromkeys(map(str, [*valid, *words]))
            raise StudyError(
                f"{where}.{key}.{column}: '{value}' is no {column} of {what}{nearest(value, known)}"
            )


def _columns(claim: Claim) -> list[tuple[str, str]]:
    """Return key and column wherever a claim names a column."""
    measure = claim.measure
    given = [(key, getattr(measure, key)) for key in ("value", "less", "lower", "upper")]
    found = [(key, column) for key, column in given if column is not None]
    if claim.verdict.interval == "seeds":
        found.append(("table", "seed"))
    return found + [(f"{key}.{column}", column) for key, column, _ in _values(claim)]


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
