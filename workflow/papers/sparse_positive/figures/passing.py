"""Figure 2 on the units alone that pass the localizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.sparse_positive.figures.encoding import of_network
from papers.sparse_positive.figures.parts import space_label
from replicortex.core import tables
from replicortex.plotting.style import new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(passing: Path) -> Figure:
    """Draw what the figure `encoding` draws, of as many face as scene units, all of which pass.

    `passing`: of `encode.encode`; without rows where too few units pass.
    """
    table = tables.read(passing)
    if table.empty:
        return note(new_figure(1.2), "Too few units pass the localizer.")
    counts = table.groupby("space", sort=False)["count"].agg(["min", "max"])
    each = ", ".join(
        f"{space_label(space)} {low}" if low == high else f"{space_label(space)} {low} to {high}"
        for space, (low, high) in counts.iterrows()
    )
    return of_network(passing, 0, f" Units of each set, all of which pass: {each}.")
