"""Tables of stimuli by voxels that a user has: CSV or npz.

CSV: the first column names the stimuli, each other column is a voxel; a row named `ncsnr` gives
each voxel's noise-ceiling signal-to-noise ratio. npz: `stimuli` (n,), `values` (n, voxels) and, if
there is one, `ncsnr` (voxels,).
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from replicortex.errors import StudyError

NCSNR = "ncsnr"


class Table(NamedTuple):
    """Names (n,), values (n, voxels), and ncsnr (voxels,) or None."""

    stimuli: list[str]
    values: np.ndarray
    ncsnr: np.ndarray | None


def read(path: Path) -> Table:
    """Return one table.

    Raises
    ------
    StudyError
        When the file is neither CSV nor npz, has no numbers, a NaN, a stimulus twice, or an array
        that does not fit.
    """
    if path.suffix not in (".csv", ".npz"):
        raise StudyError(f"{path}: found suffix '{path.suffix}', expected .csv or .npz")
    table = _csv(path) if path.suffix == ".csv" else _npz(path)
    if table.values.ndim != 2 or 0 in table.values.shape:
        raise StudyError(f"{path}: values are {table.values.shape}, (stimuli, voxels) expected")
    if len(table.stimuli) != len(table.values):
        raise StudyError(f"{path}: {len(table.stimuli)} stimuli named, {len(table.values)} rows")
    twice = sorted({name for name in table.stimuli if table.stimuli.count(name) > 1})
    if twice:
        raise StudyError(f"{path}: stimulus '{twice[0]}' stands there more than once")
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
    import pandas as pd

    try:
        rows = pd.read_csv(path, index_col=0)
        values = rows.to_numpy(dtype=np.float64)
    except (ValueError, OSError) as error:
        raise StudyError(f"{path}: is no table of numbers ({error})") from None
    names = [str(name) for name in rows.index]
    ncsnr = None
    if NCSNR in names:
        place = names.index(NCSNR)
        ncsnr = values[place]
        values, names = np.delete(values, place, axis=0), names[:place] + names[place + 1 :]
    return Table(names, values, ncsnr)


def _npz(path: Path) -> Table:
    try:
        with np.load(path, allow_pickle=False) as file:
            ncsnr = file[NCSNR].astype(np.float64) if NCSNR in file.files else None
            names = [str(name) for name in file["stimuli"]]
            return Table(names, file["values"].astype(np.float64), ncsnr)
    except KeyError as error:
        raise StudyError(f"{path}: has no array {error}; expected stimuli and values") from None
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise StudyError(f"{path}: is no npz of plain arrays ({error})") from None
