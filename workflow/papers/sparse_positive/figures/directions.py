"""Figure 2A: units' loadings on the first two components of other pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.sparse_positive.figures.parts import SETS, legend, scatter_sets, space_label
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(directions: Path) -> Figure:
    """Figure 2A: units' loadings on the first two components of other pictures.

    `directions`: a row per unit, of `units.directions`. Lines: means of a set.
    """
    table = tables.read(directions)
    spaces = list(dict.fromkeys(table["space"]))
    figure = new_figure(3.3)
    axes = figure.subplots(1, max(len(spaces), 1), squeeze=False)[0]
    for ax, space in zip(axes, spaces, strict=False):
        # Face units, of which there is most to see, on top.
        part = rows(table, space=space).iloc[::-1]
        scatter_sets(ax, part, "first", "second", size=9, alpha=0.6)
        for units, look in SETS.items():
            mean = rows(part, units=units)[["first", "second"]].mean()
            ax.plot([0, mean["first"]], [0, mean["second"]], color=look.colour, linewidth=1.5)
        ax.axhline(0, color=GREY, linewidth=0.5)
        ax.axvline(0, color=GREY, linewidth=0.5)
        shares = part.iloc[0]
        ax.set(
            xlabel=f"Component 1 ({shares['share_first']:.0%} of variance)",
            ylabel=f"Component 2 ({shares['share_second']:.0%})",
            title=space_label(space),
        )
    legend(figure, SETS.values())
    return note(
        figure,
        "Loading of each chosen unit on the components of CIFAR-10's test images; lines: means.",
    )
