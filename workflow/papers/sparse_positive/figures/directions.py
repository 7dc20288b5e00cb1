"""Figure 2A: units' loadings on the first two components of other pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from papers.sparse_positive.figures.parts import SETS, space_label
from replicortex.core import tables
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """Figure 2A: units' loadings on the first two components of other pictures."""
    spaces = list(dict.fromkeys(table.space))
    figure = new_figure(3.3)
    axes = figure.subplots(1, max(len(spaces), 1), squeeze=False)[0]
    for ax, space in zip(axes, spaces, strict=False):
        part = table[table.space == space]
        for units in ("random", "scene", "face"):
            label, colour, marker = SETS[units]
            one = part[part.units == units]
            ax.plot(one["first"], one["second"], marker, color=colour, markersize=2.5, alpha=0.6)
            ax.plot([], [], marker, color=colour, label=label)
            ax.plot(
                [0, one["first"].mean()], [0, one["second"].mean()], color=colour, linewidth=1.5
            )
        ax.axhline(0, color=GREY, linewidth=0.5)
        ax.axvline(0, color=GREY, linewidth=0.5)
        shares = part[["share_first", "share_second"]].iloc[0]
        ax.set(
            xlabel=f"Component 1 ({shares.iloc[0]:.0%} of variance)",
            ylabel=f"Component 2 ({shares.iloc[1]:.0%})",
            title=space_label(space),
        )
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1.1), ncols=3)
    return note(
        figure,
        "Loading of each chosen unit on the components of CIFAR-10's test images; lines: means.",
    )


@styled
def draw(directions: Path) -> Figure:
    """Figure 2A: units' loadings on the first two components of other pictures."""
    return figure_of(tables.read(directions))
