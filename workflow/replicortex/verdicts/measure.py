"""From tidy tables to one number per unit: a claim compiled into cells and a formula over them.

The cells are what the claim reads, as an array of units by cells. The formula takes arrays
(..., units, cells), so that the same code measures the tables and thousands of simulated ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from replicortex.core.errors import StudyError, nearest
from replicortex.verdicts.model import OF_UNITS, Claim, Measure, Scalar, Selection, Unit

if TYPE_CHECKING:
    import pandas as pd

Aliases = Mapping[str, Mapping[str, Any]]
Formula = Callable[[np.ndarray], np.ndarray]  # (..., units, cells) -> (..., units)
_REDUCE: dict[str, Callable[..., np.ndarray]] = {"mean": np.mean, "min": np.min, "max": np.max}
_EVERY = ("",)  # a row without a unit stands beside every unit


class Table:
    """A tidy table that is asked for the same values again and again."""

    def __init__(self, frame: pd.DataFrame):
        self.frame = frame.reset_index(drop=True)
        self.columns = list(frame.columns)
        self._where: dict[tuple[str, Any], np.ndarray] = {}

    def where(self, column: str, value: Scalar) -> np.ndarray:
        """Return in which rows a column holds a value, booleans (rows,)."""
        key = (column, f"{type(value).__name__} {value}")
        if key not in self._where:
            self._where[key] = equal(self.frame[column], value).to_numpy()
        return self._where[key]

    def rows(self, selection: Mapping[str, Scalar]) -> np.ndarray:
        """Return in which rows all columns of a selection hold their values."""
        found = np.ones(len(self.frame), dtype=bool)
        for column, value in selection.items():
            found &= self.where(column, value)
        return found


Tables = Mapping[str, Table]


class Absent(StudyError):
    """A cell that a claim asks for is not in its table."""


class Missing(Exception):
    """A number that a claim asks for is NaN, as rho of a network that gives one answer, or in no row."""


@dataclass(frozen=True)
class Relative:
    """The places of two cells, and what is taken off their ratio: 1 of a relative change, 0 of a ratio."""

    start: int
    end: int
    less: float

    def each(self, cells: np.ndarray) -> np.ndarray:
        """Return every unit's own number, (..., units, cells) -> (..., units).

        NaN where its start is not above 0.
        """
        start, end = cells[..., self.start], cells[..., self.end]
        above = start > 0
        return np.where(above, end / np.where(above, start, 1.0) - self.less, np.nan)

    def about_the_means(self, cells: np.ndarray) -> np.ndarray:
        """Return one number per unit, (..., units), whose mean is that of the ratio of the means.

        NaN where the mean start is not above 0. A unit's own ratio is skewed where its start varies,
        and the mean of skewed numbers lies beside what it estimates. Each number here is the linear
        part of the ratio of means.
        """
        start, end = cells[..., self.start], cells[..., self.end]
        mean = start.mean(axis=-1, keepdims=True)
        mean = np.where(mean > 0, mean, np.nan)
        ratio = end.mean(axis=-1, keepdims=True) / mean
        return np.asarray(ratio - self.less + (end - ratio * start) / mean)


@dataclass(frozen=True)
class Compiled:
    """What a claim reads and what it makes of it.

    `cells` has shape (units, cells); `labels` names the units, (one,) or (one, other) each; `formula`
    gives one number per unit, NaN where it is not defined; `moved` marks the cells whose shift moves the
    number (n_cells,); `counts` says that the cells are 0 or 1; `relative` is there where the number is
    one relative change or one ratio.
    """

    cells: np.ndarray
    labels: tuple[tuple[str, ...], ...]
    formula: Formula
    moved: np.ndarray
    counts: bool
    relative: Relative | None = None


@dataclass(frozen=True)
class Stated:
    """A number whose interval the table itself states."""

    ours: float
    lower: float
    upper: float


def compiled(claim: Claim, tables: Tables, aliases: Aliases) -> Compiled:
    """Compile a claim over its first unit; one row of one cell where nothing was sampled.

    Parameters
    ----------
    claim
        As `reading.load` gives it.
    tables
        The tidy tables by name.
    aliases
        Column -> word -> this study's value.

    Raises
    ------
    StudyError
        A table, column or value does not exist, a unit has two rows or stands on one side alone.
    Absent
        No row has what is asked for.
    Missing
        A number that is asked for is NaN or infinite.
    """
    unit = claim.over[0] if claim.over else None
    return _Reader(claim, unit, tables, aliases).compiled()


def stated(claim: Claim, unit: Unit, tables: Tables, aliases: Aliases) -> Stated:
    """Return a number and its interval from the columns that a unit names. Raises as `compiled`."""
    measure = claim.measure
    place = {
        key: value
        for key, value in (("table", unit.table), ("select", unit.select), ("value", unit.value))
        if value is not None
    }
    if place:
        measure = Measure(
            table=place.get("table", measure.table),
            select=place.get("select", measure.select),
            value=place.get("value", measure.value),
        )
    reader = _Reader(claim.model_copy(update={"measure": measure}), unit, tables, aliases)
    rows = reader.rows("select", measure.select)
    if len(rows) != 1:
        raise reader.too_many(measure.select, f"{len(rows)} rows", "one row")
    ours, lower, upper = (
        float(reader.numbers(rows, column).iloc[0])
        for column in (measure.value, str(unit.lower), str(unit.upper))
    )
    return Stated(ours, lower, upper)


@dataclass
class _Cell:
    key: str
    values: pd.Series  # by label of the unit


class _Reader:
    """Reads a claim's cells out of its table."""

    def __init__(self, claim: Claim, unit: Unit | None, tables: Tables, aliases: Aliases) -> None:
        self.claim, self.measure, self.unit, self.aliases = claim, claim.measure, unit, aliases
        if self.measure.table not in tables:
            raise self._error("table", self.measure.table, "is not among the tables", list(tables))
        self.table = tables[self.measure.table]
        self.by = [c for c in (unit.column, unit.other) if c] if unit else []
        for column in self.by:
            if column not in self.table.columns:
                raise StudyError(
                    f"claim '{claim.id}': over '{unit.name if unit else ''}' needs a column "
                    f"'{column}', which table '{self.measure.table}' lacks; columns: "
                    f"{', '.join(map(str, self.table.columns))}"
                )
        for key in ("value", "less"):
            if (column := getattr(self.measure, key)) is not None:
                self._need_column(key, column)
        for key in ("lower", "upper"):
            if unit is not None and (column := getattr(unit, key)) is not None:
                self._need_column(f"over.{key}", column)
        self.cells: list[_Cell] = []
        self.moved: list[bool] = []
        self.relative: list[Relative] = []

    def compiled(self) -> Compiled:
        """Return cells and formula."""
        if self.claim.as_ in OF_UNITS:
            start, end = self._two(self.measure.select, moved=True)
            formula: Formula = lambda x: x[..., end] - x[..., start]  # noqa: E731
        else:
            formula = self._quantity({}, moved=True)
            if self.measure.minus is not None:
                formula = _difference(formula, self._quantity(self.measure.minus, moved=False))
        values, labels = self._together()
        counts = self.measure.equals is not None
        alone = self.relative[0] if len(self.relative) == 1 else None
        return Compiled(values, labels, formula, np.array(self.moved), counts, alone)

    def _quantity(self, overlay: Selection, moved: bool) -> Formula:
        """Return the formula of the claim's quantity under a selection laid over its own."""
        key = "select" if moved else "minus"
        if self.measure.across is None:
            return self._one({**self.measure.select, **overlay}, key, moved)
        (column, how), *_ = self.measure.across.items()
        listed = self.measure.select[column]
        parts = [
            self._one({**self.measure.select, **overlay, column: value}, f"across.{column}", moved)
            for value in (listed if isinstance(listed, list) else [listed])
        ]
        return _reduced(parts, _REDUCE[how])

    def _one(self, selection: Selection, key: str, moved: bool) -> Formula:
        """Return a number under one selection as a formula of the cells: value, difference or ratio.

        `key` names the selection in the sentence on a missing cell; `moved` marks its cell, of two the
        later one, as one whose shift moves the claim's number.
        """
        how = self.claim.as_
        if how == "value":
            return _cell(self._read(key, selection, moved))
        start, end = self._two(selection, moved)
        if how == "difference":
            return lambda x: x[..., end] - x[..., start]
        found = Relative(start, end, 1.0 if how == "relative change" else 0.0)
        self.relative.append(found)
        # The largest of several is each unit's own; what is averaged is taken about the means.
        across = self.measure.across or {}
        return found.about_the_means if {*across.values()} <= {"mean"} else found.each

    def _two(self, selection: Selection, moved: bool) -> tuple[int, int]:
        # `minus` may itself name the column that `from` and `to` set: theirs is the last word.
        start = self._read("from", {**selection, **(self.measure.from_ or {})}, False)
        return start, self._read("to", {**selection, **(self.measure.to or {})}, moved)

    def _read(self, key: str, selection: Selection, moved: bool) -> int:
        """Read a cell of every unit; return its place."""
        rows = self.rows(key, selection)
        numbers = self.numbers(rows, self.measure.value)
        if not self.by:
            if len(rows) != 1:
                raise self.too_many(selection, f"{len(rows)} rows", "one row")
            labels: list[tuple[str, ...]] = [_EVERY]
        elif len(rows) == 1 and rows[self.by].isna().all(axis=None):
            labels = [_EVERY]
        else:
            labels = list(zip(*(rows[column].map(_label) for column in self.by), strict=True))
            self._once(selection, rows, labels)
        values = numbers.set_axis(labels)
        self.cells.append(_Cell(key, values))
        self.moved.append(moved)
        return len(self.cells) - 1

    def _once(
        self, selection: Selection, rows: pd.DataFrame, labels: list[tuple[str, ...]]
    ) -> None:
        counts = {label: labels.count(label) for label in labels}
        twice, count = max(counts.items(), key=lambda item: item[1])
        if count > 1:
            same = [label == twice for label in labels]
            what = self.by[0] if len(self.by) == 1 else "pair"
            found = f"{count} rows for {what} {' and '.join(twice)}"
            raise self.too_many(selection, found, f"one row per {what}", rows[same])

    def _together(self) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
        """Return the cells unit beside unit, in the order of the units.

        A row without a unit (a model that is not trained) stands beside every one.

        Raises
        ------
        StudyError
            When a unit stands on one side of a comparison only.
        """
        every = [list(cell.values.index) for cell in self.cells]
        own = [index for index in every if index != [_EVERY]]
        if not own:
            return np.array([[cell.values.iloc[0] for cell in self.cells]]), (_EVERY,)
        first = own[0]
        for cell, index in zip(self.cells, every, strict=True):
            unmatched = sorted(set(first) ^ set(index)) if index != [_EVERY] else []
            if unmatched:
                key = cell.key if cell.key != "to" else "from"
                raise StudyError(
                    f"claim '{self.claim.id}': measure.{key}: {self.by[0]} "
                    f"{' and '.join(unmatched[0])} stands on one side of the comparison only in "
                    f"table '{self.measure.table}'"
                )
        order = sorted(first, key=_by_number)
        columns = [
            np.repeat(cell.values.iloc[0], len(order))
            if index == [_EVERY]
            else np.array([dict(zip(index, cell.values, strict=True))[one] for one in order])
            for cell, index in zip(self.cells, every, strict=True)
        ]
        return np.stack(columns, axis=-1), tuple(order)

    def rows(self, key: str, selection: Selection) -> pd.DataFrame:
        """Return the rows that a selection names."""
        named = resolved(selection, self.aliases)
        for column, value in named.items():
            self._need_column(f"{key}.{column}", column)
            if not self.table.where(column, value).any():
                if self.measure.may_lack_rows:
                    raise Missing(f"no row of table '{self.measure.table}' has {column} {value}")
                words = list(self.aliases.get(column, {}))
                raise self._error(
                    f"{key}.{column}",
                    value,
                    f"does not occur in table '{self.measure.table}'",
                    [*_texts(self.table.frame[column]), *words],
                    absent=True,
                )
        rows = self.table.frame[self.table.rows(named)]
        if rows.empty and self.measure.may_lack_rows:
            raise Missing(f"no row of table '{self.measure.table}' has {_words(named)} together")
        if rows.empty:
            raise Absent(
                f"claim '{self.claim.id}': measure.{key}: no row of table '{self.measure.table}' "
                f"has {_words(named)} together{self._blame(named)}"
            )
        return rows

    def _blame(self, named: Mapping[str, Any]) -> str:
        """The key whose removal finds rows, with the values it could take."""
        for column in reversed(list(named)):
            rest = self.table.rows({name: value for name, value in named.items() if name != column})
            if rest.any():
                found = ", ".join(_texts(self.table.frame[column][rest]))
                return f"; with the others, {column} can be {found}"
        return ""

    def numbers(self, rows: pd.DataFrame, column: str) -> pd.Series:
        """Return the numbers of a column, or of what is done with it.

        Raises
        ------
        StudyError
            The column holds words.
        Missing
            A number is NaN or infinite.
        """
        import pandas as pd

        series = rows[column]
        if self.measure.equals is not None and column == self.measure.value:
            return equal(series, self.measure.equals).astype(float)
        if self.measure.less is not None and column == self.measure.value:
            series = series - rows[self.measure.less]
        if not pd.api.types.is_numeric_dtype(series):
            raise StudyError(
                f"claim '{self.claim.id}': measure.value: column '{column}' of table "
                f"'{self.measure.table}' holds {series.iloc[0]!r}, expected numbers; "
                "use equals to count a word"
            )
        missing = int((~np.isfinite(series.to_numpy(dtype=float))).sum())
        if missing:
            raise Missing(
                f"{missing} of {len(series)} selected numbers in column '{column}' of table "
                f"'{self.measure.table}' are missing or infinite"
            )
        return series.astype(float)

    def _need_column(self, key: str, column: str) -> None:
        if column not in self.table.columns:
            raise self._error(
                key,
                column,
                f"is no column of table '{self.measure.table}'",
                self.table.columns,
            )

    def _error(
        self, key: str, found: Any, what: str, valid: Sequence[Any], absent: bool = False
    ) -> StudyError:
        kind = Absent if absent else StudyError
        return kind(
            f"claim '{self.claim.id}': measure.{key}: '{found}' {what}{nearest(str(found), valid)}"
        )

    def too_many(
        self,
        selection: Selection,
        found: str,
        expected: str,
        rows: pd.DataFrame | None = None,
    ) -> StudyError:
        """Return the error of a selection that gives more rows than a claim can use."""
        named = resolved(selection, self.aliases)
        hint = ""
        if rows is not None:
            free = [
                column
                for column in rows.columns
                if column not in (*named, self.measure.value, *self.by)
                and rows[column].nunique() > 1
            ]
            hint = f"; they differ in {', '.join(free)}" if free else "; they are the same row"
        return StudyError(
            f"claim '{self.claim.id}': measure.select: {_words(named)} gives {found} of table "
            f"'{self.measure.table}', expected {expected}{hint}"
        )


def _cell(place: int) -> Formula:
    return lambda x: x[..., place]


def _difference(one: Formula, other: Formula) -> Formula:
    return lambda x: one(x) - other(x)


def _reduced(parts: Sequence[Formula], how: Callable[..., np.ndarray]) -> Formula:
    return lambda x: how(np.stack([part(x) for part in parts], axis=-1), axis=-1)


def _label(unit: Any) -> str:
    """Return a unit in words; seeds beside rows without one are floats in a table."""
    return f"{unit:g}" if isinstance(unit, float) else str(unit)


def _by_number(label: tuple[str, ...]) -> tuple[tuple[float, str], ...]:
    found = ((number(part), part) for part in label)
    return tuple((np.inf if value is None else value, part) for value, part in found)


def resolved(selection: Selection, aliases: Aliases) -> dict[str, Any]:
    """Return a selection with the words of a study replaced by its values."""

    def value_of(column: str, value: Scalar | list[Scalar]) -> Any:
        if isinstance(value, list):
            return [value_of(column, each) for each in value]
        return aliases.get(column, {}).get(value, value)  # type: ignore[arg-type]  # a number is no word

    return {column: value_of(column, value) for column, value in selection.items()}


def _words(named: Mapping[str, Any]) -> str:
    return ", ".join(f"{column}={value}" for column, value in named.items()) or "no selection"


def _texts(series: pd.Series) -> list[str]:
    return [str(value) for value in sorted(series.dropna().unique())]


def equal(series: pd.Series, value: Scalar) -> pd.Series:
    """Return where a column of shape (n,) holds a value, as booleans: numbers as numbers (1 is 1.0).

    In a column of words, only a number of the claim stands for the numbers written there.
    """
    import pandas as pd

    words = series.notna() & (series.astype(str) == str(value))
    if isinstance(value, str) and not pd.api.types.is_numeric_dtype(series):
        return words
    as_number = number(value)
    if as_number is None or pd.api.types.is_bool_dtype(series):
        return words
    return pd.to_numeric(series, errors="coerce") == as_number


def number(value: Any) -> float | None:
    """Return a value as a number; None where it is a word."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
