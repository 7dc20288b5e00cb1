"""Files that somebody else wrote: whatever is wrong with one is told in one sentence."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from replicortex.core.errors import StudyError, nearest

if TYPE_CHECKING:
    import pandas as pd

AGAIN = "get it again from its source, and compare its sha256"
# What counts as a missing number.
MISSING = (
    "",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "<NA>",
    "NaN",
    "nan",
    "-NaN",
    "-nan",
    "null",
    "NULL",
    "None",
)


@contextmanager
def reading(path: Path, expected: str, remedy: str = AGAIN) -> Iterator[None]:
    """Read a file within this block; what its format's library raises becomes one sentence.

    Every reader of data opens its files here, since libraries raise whatever they like at damage:
    zlib.error, struct.error, KeyError, UnicodeDecodeError, AttributeError, ...

    Parameters
    ----------
    path
        The file, named in the sentence.
    expected
        What it should be, such as "NSD's design (MATLAB file)".
    remedy
        What its owner can do.

    Raises
    ------
    StudyError
        For any error within the block; one that is a StudyError already stays as it is.
    """
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(
            f"{path}: {expected} expected, {_found(path, error)} found; {remedy}"
        ) from error


def read_table(
    path: Path,
    *,
    names: Collection[str] = (),
    if_there: Collection[str] = (),
    first: bool = False,
    columns: Collection[str] | None = None,
    separator: str = ",",
    expected: str = "a table",
    remedy: str = AGAIN,
) -> pd.DataFrame:
    """Return a table with a line of headings, in which names stay as they are written.

    pandas takes "NA", "null" and "nan" for missing, "0001" for 1, and "1.1" for "1.10".

    Parameters
    ----------
    path
        A text file, UTF-8, plain or compressed as its suffix says.
    names
        Columns of names: text; only an empty cell is missing (NaN). Others are as pandas reads
        them: numbers, with "NA", "nan", "" and their like missing.
    if_there
        Further columns of names, which the table need not have.
    first
        Whether the first column is one of names, whatever its heading.
    columns
        Those wanted; None takes all.
    separator
        Between columns.
    expected
        What the file should be, for the sentence.
    remedy
        What its owner can do.

    Raises
    ------
    StudyError
        When the file is no such table, lacks a column of `names` or `columns`, has one twice, or a
        row has more cells than there are headings.
    """
    import pandas as pd

    with reading(path, expected, remedy), warnings.catch_warnings():
        if _is_page(_head(path)):
            raise ValueError  # it has lines and commas as well
        # A row with more cells than headings would lose some of them.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        line = pd.read_csv(
            path, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False
        )
        headings = [str(heading) for heading in line.iloc[0]]
        twice = [heading for heading, count in Counter(headings).items() if count > 1]
        if twice:
            raise StudyError(f"{path}: column '{twice[0]}' stands there more than once")
        for wanted in [*names, *(columns or ())]:
            if wanted not in headings:
                raise StudyError(f"{path}: no column '{wanted}'{nearest(wanted, headings)}")
        text = {*names, *(headings[:1] if first else ())} | {*if_there} & {*headings}

        def read(wanted: Collection[str] | None, missing: Collection[str]) -> pd.DataFrame:
            """Return all columns, or those wanted; `missing` are words for nothing."""
            return pd.read_csv(
                path,
                sep=separator,
                header=0,
                names=headings,  # an empty heading would get another name
                usecols=None if wanted is None else list(wanted),
                dtype=dict.fromkeys(text, str),
                index_col=False,
                keep_default_na=False,
                na_values=list(missing),
            )

        # Read twice: what is missing can be told column by column, but ten times as slowly.
        table = read(columns, MISSING)
        words = read(text, [""]) if text else table
        for heading in text & set(table.columns):
            table[heading] = words[heading]
        return table


def _found(path: Path, error: Exception) -> str:
    """Return what lies in the place of what was expected, as a part of a sentence."""
    if isinstance(error, FileNotFoundError):
        return "no file"
    if isinstance(error, PermissionError):
        return "a file that may not be read"
    head = _head(path)
    if head == b"":
        return "an empty file"
    if _is_page(head):
        return "a web page (a server's answer saved in its place)"
    said = str(error).strip().split("\n")[0][:200]
    return f"a damaged or other file ({type(error).__name__}{': ' if said else ''}{said})"


def _is_page(head: bytes | None) -> bool:
    return head is not None and head.lstrip().lower().startswith((b"<!doctype", b"<html"))


def _head(path: Path) -> bytes | None:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(200)
    except OSError:
        return None
