"""Tables of stimuli by voxels that a user has: CSV or npz.

CSV: the first column names the stimuli, each other column is a voxel; a row named `ncsnr` gives
each voxel's noise-ceiling signal-to-noise ratio. npz: `stimuli` (n,), `values` (n, voxels) and, if
there is one, `ncsnr` (voxels,). Names are compared as they are written: 1 is not 0001.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.files import read_arrays
from replicortex.core.reading import read_table
from replicortex.data.needed import Needed

NCSNR = "ncsnr"
REMEDY = "write the table again"


class Table(NamedTuple):
    """Names (n,), values (n, voxels) row by row, and ncsnr (voxels,) column by column or None."""

    stimuli: list[str]
    values: np.ndarray
    ncsnr: np.ndarray | None


def expected(files: Iterable[str]) -> list[Needed]:
    """Return the files that are read: those that the configuration names."""
    return [(file,) for file in files]


def read(path: Path) -> Table:
    """Return one table.

    Raises
    ------
    StudyError
        When the file is neither CSV nor npz or is damaged, has no numbers, a NaN, a stimulus twice
        or without a name, or an array that does not fit.
    """
    if path.suffix not in (".csv", ".npz"):
        raise StudyError(f"{path}: found suffix '{path.suffix}', expected .csv or .npz")
    table = _csv(path) if path.suffix == ".csv" else _npz(path)
    if table.values.ndim != 2 or 0 in table.values.shape:
        raise StudyError(f"{path}: values are {table.values.shape}, (stimuli, voxels) expected")
    if len(table.stimuli) != len(table.values):
        raise StudyError(f"{path}: {len(table.stimuli)} stimuli named, {len(table.values)} rows")
    _once(path, table.stimuli)
    bad = np.argwhere(~np.isfinite(table.values))
    if len(bad):
        row, column = bad[0]
        raise StudyError(
            f"{path}: NaN or infinity at stimulus '{table.stimuli[row]}', voxel {column + 1}"
        )
    if table.ncsnr is not None and table.ncsnr.shape != (table.values.shape[1],):
        raise StudyError(
            f"{path}: ncsnr is {table.ncsnr.shape}, {table.values.shape[1]} voxels are there"
        )
    if table.ncsnr is not None and not (np.isfinite(table.ncsnr) & (table.ncsnr >= 0)).all():
        voxel = int(np.argmin(np.isfinite(table.ncsnr) & (table.ncsnr >= 0))) + 1
        raise StudyError(f"{path}: ncsnr of voxel {voxel} is no number from 0 upwards")
    return table


def shared(tables: dict[str, Table]) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the stimuli that all tables have, in the first one's order, and values in that order.

    Raises
    ------
    StudyError
        When no stimulus is in all of them.
    """
    first, *others = tables.values()
    known = [set(table.stimuli) for table in others]
    names = [name for name in first.stimuli if all(name in one for one in known)]
    if not names:
        counts = ", ".join(f"{name} has {len(table.stimuli)}" for name, table in tables.items())
        raise StudyError(f"tables: no stimulus is in all of them ({counts})")
    values = {}
    for key, table in tables.items():
        place = {name: row for row, name in enumerate(table.stimuli)}
        values[key] = table.values[[place[name] for name in names]]
    return names, values


def _csv(path: Path) -> Table:
    """Return a table of stimuli by voxels; a row named as NCSNR holds the voxels' SNR.

    Raises
    ------
    StudyError
        When a cell is no number, or a stimulus has no name or stands there twice.
    """
    rows = read_table(
        path, first=True, expected="a table of stimuli by voxels (CSV)", remedy=REMEDY
    )
    first, *voxels = rows.columns
    for voxel in voxels:
        if rows[voxel].dtype.kind not in "iuf":
            for name, word in zip(rows[first], rows[voxel].astype(str), strict=True):
                if not _is_number(word):
                    raise StudyError(
                        f"{path}: voxel '{voxel}' of stimulus '{name}' holds '{word}', a number "
                        "expected"
                    )
    if rows[first].isna().any():
        line = int(rows[first].isna().to_numpy().argmax()) + 2
        raise StudyError(f"{path}: line {line} names no stimulus (its first cell is empty)")
    values = rows[voxels].to_numpy(dtype=np.float64)
    names = list(rows[first])
    _once(path, names)
    ncsnr = None
    if NCSNR in names:
        place = names.index(NCSNR)
        ncsnr = values[place]
        values, names = np.delete(values, place, axis=0), names[:place] + names[place + 1 :]
    return Table(names, values, ncsnr)


def _once(path: Path, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise StudyError(f"{path}: stimulus '{twice[0]}' stands there more than once")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _npz(path: Path) -> Table:
    """Return a table from arrays: stimuli (n,), values (n, voxels), and the voxels' SNR where given.

    Raises
    ------
    StudyError
        When an array is absent, or is none of names or numbers.
    """
    arrays = read_arrays(path, REMEDY)
    for name in ("stimuli", "values"):
        if name not in arrays:
            raise StudyError(f"{path}: has no array '{name}'; expected stimuli and values")
    stimuli = arrays["stimuli"]
    if stimuli.ndim != 1 or stimuli.dtype.kind not in "Uiu":
        raise StudyError(
            f"{path}: stimuli are {stimuli.dtype} of shape {stimuli.shape}, a list of names expected"
        )
    numbers = {name: arrays[name] for name in ("values", NCSNR) if name in arrays}
    for name, array in numbers.items():
        if array.dtype.kind not in "iuf":
            raise StudyError(f"{path}: {name} are {array.dtype}, numbers expected")
        numbers[name] = array.astype(np.float64)
    return Table([str(name) for name in stimuli], numbers["values"], numbers.get(NCSNR))
