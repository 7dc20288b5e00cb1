"""What a paper's tables hold: `tables.yaml`, read, and checked where the runner writes a table.

A column is given as its kind, or as keys: `kind`, `unit`, `range` [lowest, highest] (`.inf` where
there is no end), `nullable` and `infinite` (an empty cell, an infinite one is a value) and `by` (what
it holds where another column has a certain word). A name or word that ends in `*` stands for all
that begin so, even none.

    curves:
      rule: words
      seed: count
      "displacement *": {kind: number, unit: "of the first weights", range: [0, .inf]}
      value:
        {kind: number, unit: by measure, by: {measure: {accuracy: share, moran: correlation}}}
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, RootModel, model_validator

from replicortex.core.errors import StudyError, nearest
from replicortex.core.section import Section
from replicortex.core.validation import validate
from replicortex.core.yaml_text import read_yaml_file

if TYPE_CHECKING:
    import pandas as pd

FILE = "tables.yaml"
ENDS: dict[str, tuple[float, float]] = {
    "words": (-math.inf, math.inf),
    "flag": (0, 1),
    "count": (0, math.inf),
    "whole": (-math.inf, math.inf),
    "number": (-math.inf, math.inf),
    "share": (0, 1),
    "correlation": (-1, 1),
    "p": (0, 1),
}
NAMED = {  # in a sentence
    "words": "words",
    "flag": "True or False",
    "count": "a whole number",
    "whole": "a whole number",
    "number": "a number",
    "share": "a share",
    "correlation": "a correlation",
    "p": "a p-value",
}
ROUNDING = 1e-9  # beyond an end, of its size or 1: sums of a million terms stay far below
MOST_CELLS = 6  # cells of a row by which a sentence names it
End = Annotated[float, Field(allow_inf_nan=True)]


class Column(Section):
    """What a column holds."""

    kind: Literal["words", "flag", "count", "whole", "number", "share", "correlation", "p"] = Field(
        description="words; flag: True or False; count: whole numbers from 0; whole; number; share "
        "and p: 0 to 1; correlation: -1 to 1"
    )
    unit: str = Field(default="", description="asked for where the kind is number or whole")
    range: tuple[End, End] | None = Field(default=None, description="[lowest, highest]")
    nullable: bool = Field(default=False, description="whether a cell may be empty")
    infinite: bool = Field(default=False, description="whether a cell may be infinite")
    by: dict[str, dict[str, Column]] = Field(
        default={}, description="another column, its words, and what this one holds beside each"
    )

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, given: Any) -> Any:
        return {"kind": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _belong_together(self) -> Column:
        """Refuse what contradicts itself.

        Raises
        ------
        ValueError
            A number without a unit, words with a range, ends out of order, `by` of several columns.
        """
        if self.kind in ("number", "whole") and not self.unit:
            raise ValueError(f"a {self.kind} needs its unit")
        if self.kind in ("words", "flag") and self.range is not None:
            raise ValueError(f"{self.kind} have no range")
        lowest, highest = self.ends
        if not lowest <= highest:
            raise ValueError(f"range [{lowest:g}, {highest:g}] is not in order")
        if len(self.by) > 1:
            raise ValueError(f"by: one column expected, found {', '.join(self.by)}")
        if any(column.by for words in self.by.values() for column in words.values()):
            raise ValueError("by: a column beside a word cannot depend on another one")
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest value."""
        return ENDS[self.kind] if self.range is None else self.range

    def expected(self) -> str:
        """Return what a cell holds, as a part of a sentence."""
        lowest, highest = self.ends
        words = NAMED[self.kind]
        if self.kind not in ("words", "flag"):
            if math.isfinite(lowest) and math.isfinite(highest):
                words += f" from {lowest:g} to {highest:g}"
            elif math.isfinite(lowest):
                words += f" from {lowest:g} on"
            elif math.isfinite(highest):
                words += f" up to {highest:g}"
        return words + (" (or none)" if self.nullable else "")


class Tables(RootModel[dict[str, dict[str, Column]]]):
    """A paper's tables: their columns by name."""


def load(path: Path) -> dict[str, dict[str, Column]]:
    """Return the columns of each table, as a paper's `tables.yaml` declares them.

    Raises
    ------
    StudyError
        When the file cannot be read, a key is unknown, or a column depends on one that is not there.
    """
    where = f"workflow/papers/{path.parent.name}/{path.name}"
    tables = validate(Tables, read_yaml_file(path, where), where).root
    for table, columns in tables.items():
        for name, column in columns.items():
            for other in column.by:
                if other not in columns:
                    raise StudyError(
                        f"{where}: {table}.{name}.by: '{other}' is no column of the table"
                        f"{nearest(other, columns)}"
                    )
    return tables


def check(
    table: pd.DataFrame, columns: Mapping[str, Column], where: str, *, part: bool = False
) -> None:
    """Check what a table holds; one without rows (of what a study leaves out) holds nothing.

    Parameters
    ----------
    table
        In the form in which it is written.
    columns
        As `load` gives them.
    where
        The table's file, the first words of each sentence.
    part
        Whether it is but a part of the table, such as one seed's: what it has is checked, and not
        which columns.

    Raises
    ------
    StudyError
        Naming table, column, row, what was found and what was expected.
    """
    if not len(table):
        return
    table = table.reset_index(drop=True)  # rows count from 1 in a sentence
    found = {str(name): _column(str(name), columns) for name in table.columns}
    if not part:
        missing = [name for name in columns if not name.endswith("*") and name not in found]
        unknown = [name for name, column in found.items() if column is None]
        if unknown:
            guess = nearest(unknown[0], missing or columns)
            raise StudyError(
                f"{where}: column '{unknown[0]}' is not declared in the paper's {FILE}{guess}"
            )
        if missing:
            raise StudyError(
                f"{where}: column '{missing[0]}' is missing, which the paper's {FILE} declares"
            )
    for name, column in found.items():
        if column is None:
            continue
        rest = table
        for other, words in column.by.items():
            for word, own in words.items() if other in found else ():
                beside = _has(rest[other], word)
                _check_cells(rest[beside], name, own, found, where)
                rest = rest[~beside]
        _check_cells(rest, name, column, found, where)


def stands_for(key: str, word: str) -> bool:
    """Whether a key of `by` is a word, or what the word begins with before its `*`."""
    return word.startswith(key[:-1]) if key.endswith("*") else word == key


def _has(cells: pd.Series, word: str) -> pd.Series:
    """Return which cells have a word, or begin with what stands before its `*`."""
    texts = cells.astype("string").fillna("")
    return texts.str.startswith(word[:-1]) if word.endswith("*") else texts == word


def _column(name: str, columns: Mapping[str, Column]) -> Column | None:
    if name in columns:
        return columns[name]
    open_ended = (key for key in columns if key.endswith("*") and name.startswith(key[:-1]))
    return next((columns[key] for key in open_ended), None)


def _check_cells(
    table: pd.DataFrame,
    name: str,
    column: Column,
    found: Mapping[str, Column | None],
    where: str,
) -> None:
    """Check the cells of one column in some rows."""
    import pandas as pd

    cells = table[name]
    empty = cells.isna()
    if not pd.api.types.is_numeric_dtype(cells):
        empty |= (cells == "").fillna(True).astype(bool)
    wrong = empty & (not column.nullable)
    if column.kind != "words":
        numbers = pd.to_numeric(cells[~empty], errors="coerce").astype(float)
        lowest, highest = (
            end + side * ROUNDING * max(1.0, abs(end)) if math.isfinite(end) else end
            for end, side in zip(column.ends, (-1, 1), strict=True)
        )
        bad = ~numbers.between(lowest, highest)
        if not column.infinite:
            bad |= numbers.abs() == math.inf
        if column.kind in ("flag", "count", "whole"):
            bad |= numbers % 1 != 0
        wrong[bad.index] |= bad
    if not wrong.any():
        return
    place = int(wrong.to_numpy().argmax())
    row = int(table.index[place]) + 1
    text = "nothing" if empty.iloc[place] else _cell_text(cells.iloc[place])
    raise StudyError(
        f"{where}: column '{name}', row {row}{_named(table.iloc[place], name, found)}: "
        f"found {text}, {column.expected()} expected"
    )


def _cell_text(cell: Any) -> str:
    return f"'{cell}'" if isinstance(cell, str) else f"{cell}"


def _named(row: pd.Series, name: str, found: Mapping[str, Column | None]) -> str:
    """Return by which cells a reader finds a row that was not written: its words and counts."""
    import pandas as pd

    cells = [
        f"{key} {row[key]}"
        for key, column in found.items()
        if column is not None and column.kind in ("words", "count") and key != name
        if not pd.isna(row[key]) and row[key] != ""
    ]
    return f" ({', '.join(cells[:MOST_CELLS])})" if cells else ""


def of_job(call: str, papers: Path) -> dict[str, dict[str, Column]]:
    """Return the tables of the paper to which a job's function belongs; none of another one's.

    Parameters
    ----------
    call
        "papers.<paper>.module:function".
    papers
        Folder of all papers.
    """
    package, _, rest = call.partition(".")
    path = papers / rest.partition(".")[0] / FILE
    return load(path) if package == "papers" and path.is_file() else {}


def check_written(outputs: Iterable[tuple[Path, Any]], call: str, papers: Path) -> None:
    """Check a job's tables before any is written: `metrics/<table>.csv`, `metrics/<table>/*.csv`.

    Parameters
    ----------
    outputs
        Each file with its value.
    call, papers
        As in `of_job`.

    Raises
    ------
    StudyError
        As `check`, and when `tables.yaml` has no table of that name.
    """
    tables: dict[str, dict[str, Column]] | None = None
    for path, value in outputs:
        if path.suffix != ".csv" or "metrics" not in path.parts[-3:-1]:
            continue
        tables = of_job(call, papers) if tables is None else tables
        part = path.parent.name != "metrics"
        name = path.parent.name if part else path.stem
        if not tables or (part and name not in tables):
            continue  # of the library, or what is no part of a table
        if name not in tables:
            raise StudyError(
                f"{path}: {FILE} of the paper has no table '{name}'{nearest(name, tables)}"
            )
        check(value, tables[name], str(path), part=part)
