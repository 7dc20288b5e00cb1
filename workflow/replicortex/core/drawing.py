"""Which figures are drawn by one job, from which tables: what a paper's rules of drawing say.

Nothing here imports the code of a figure; a figure's tables are read off its function's names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from replicortex.core.rules import Job, job, signature
from replicortex.core.seeds import packs


class Drawing(NamedTuple):
    """One rule: its name, the figures that it draws, its tables by name, and its job."""

    rule: str
    figures: list[str]
    tables: dict[str, str]
    job: Job


def drawings(
    paper: str,
    figures: Sequence[str],
    per_job: int,
    tables: Mapping[str, str],
    **values: Any,
) -> list[Drawing]:
    """Return the rules that draw a paper's figures.

    A figure is a module `papers.<paper>.figures.<figure>` with a function `draw`, which takes
    those tables and values whose names it lists. Several figures of one job are drawn by
    `papers.<paper>.figures.together`.

    Parameters
    ----------
    paper
        Its folder's name.
    figures
        Names of the figures.
    per_job
        Figures drawn by one process: a matter of speed, never of results.
    tables
        Path of each file that a figure may read, by name.
    values
        What else a figure may ask for, by name.
    """
    found = []
    for number, names in enumerate(packs(list(figures), per_job)):
        asked = {name: _asked(paper, name) for name in names}
        wanted = frozenset().union(*asked.values())
        given = {name: value for name, value in values.items() if name in wanted}
        if len(names) == 1:
            (name,) = names
            rule, call = f"draw_{name}", f"papers.{paper}.figures.{name}:draw"
        else:
            rule, call = f"draw_{number}", f"papers.{paper}.figures.together:draw"
            given["figures"] = list(names)
        own = {name: path for name, path in tables.items() if name in wanted}
        found.append(Drawing(rule, list(names), own, job(call, **given)))
    return found


def _asked(paper: str, figure: str) -> frozenset[str]:
    required, optional = signature(f"papers.{paper}.figures.{figure}", "draw")
    return required | optional
