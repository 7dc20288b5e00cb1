"""Seeds packed into jobs: how they are cut into packs, and which seed each file is of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_SEED = re.compile(r"(?<![A-Za-z0-9])seed(\d+)(?![A-Za-z0-9])")


def packs(items: Iterable[Any], size: int) -> list[list[Any]]:
    """Cut items into blocks fixed by position: one more item never moves another."""
    items = list(items)
    return [items[start : start + size] for start in range(0, len(items), size)]


def seeds_of(outputs: Mapping[str, Iterable[str | Path]]) -> list[int]:
    """Return the seed of each file of a pack, which its name tells: `models/bp/seed7.csv` is of 7.

    Nothing else says which seed a file is of: a list beside the names, such as a resource, could be
    set on a command line and disagree with them.

    Parameters
    ----------
    outputs
        Paths by name. Where the files of one name seeds, those of all do, in the same order.

    Raises
    ------
    ValueError
        When some name seeds and others do not, or two outputs disagree.
    """
    by_output = {name: [_seed(path) for path in paths] for name, paths in outputs.items()}
    named = {name: seeds for name, seeds in by_output.items() if any(s is not None for s in seeds)}
    if not named:
        return []
    first, *_ = named.values()
    for name, seeds in by_output.items():
        if None in seeds or seeds != first:
            raise ValueError(
                f"output '{name}' has files of seeds {seeds}, '{next(iter(named))}' of {first}; "
                "each file's name tells its seed, in the same order for all outputs"
            )
    return [seed for seed in first if seed is not None]


def _seed(path: str | Path) -> int | None:
    found = _SEED.findall(Path(path).name)  # a folder, such as that of a run, may be called seed3
    return int(found[-1]) if found else None
