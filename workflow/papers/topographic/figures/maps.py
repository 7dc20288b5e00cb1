"""Activation maps of one truck (Figure 3)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.topographic.figures.parts import OBJECTIVES, strengths
from replicortex.core import tables
from replicortex.plotting.style import (
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(maps: Path) -> Figure:
    """Activation maps of one truck (Figure 3)."""
    mapped = tables.read(maps)
    rows = [("no_dropout", "ce", "cross-entropy,\nno dropout")]
    rows += [("main", name, look.label) for name, look in OBJECTIVES.items()]
    here = set(zip(mapped["arm"], mapped["objective"], strict=True))
    rows = [row for row in rows if row[:2] in here]
    rhos = strengths(mapped)
    figure = new_figure(0.45 + 1.05 * len(rows))
    axes = figure.subplots(len(rows), len(rhos), squeeze=False)
    for r, (arm, objective, label) in enumerate(rows):
        for c, rho in enumerate(rhos):
            ax = axes[r, c]
            part = mapped[
                (mapped["arm"] == arm) & (mapped["objective"] == objective) & (mapped["rho"] == rho)
            ].sort_values("unit")
            ax.set(xticks=[], yticks=[])
            if r == 0:
                ax.set_title(f"ρ = {rho:g}")
            if len(part):
                side = round(len(part) ** 0.5)
                sns.heatmap(
                    part["value"].to_numpy().reshape(side, side) / part["limit"].iloc[0],
                    **{"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "square": True, "cbar": False},
                    **{"xticklabels": False, "yticklabels": False, "rasterized": True},
                    ax=ax,
                )
        # After the heatmap, which names its axes itself.
        axes[r, 0].set_ylabel(label, fontsize=6.5)
    bar = figure.colorbar(
        axes[0, 0].collections[0], ax=axes, shrink=0.5, aspect=30, ticks=[-1, 0, 1]
    )
    bar.set_label("Output / largest over ten images")
    return note(figure, "Output of the sheet for one image (a truck), first seed.")
