"""Results that a kept run holds compressed, since git should not hold them whole: names and contents.

`t.csv` lies there as `t.csv.xz`, smaller than gzip makes it; its record is that of `t.csv`.
"""

from __future__ import annotations

import lzma
from pathlib import Path

SUFFIX = ".xz"


def pack(content: bytes) -> bytes:
    """Return a result's content, compressed."""
    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)


def path_of(result: Path) -> Path:
    """Return where a result lies if it is compressed."""
    return result if result.suffix == SUFFIX else result.with_name(f"{result.name}{SUFFIX}")


def result_of(path: Path) -> Path:
    """Return the result that a file holds, compressed or not."""
    return path.with_name(path.name.removesuffix(SUFFIX))


def held(result: Path) -> Path | None:
    """Return the file that holds a result here: itself, or a compressed copy; None when absent."""
    return next((each for each in (result, path_of(result)) if each.is_file()), None)
