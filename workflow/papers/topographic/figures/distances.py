"""Distance on the sheet of units whose outputs correlate (Figure 5)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers.topographic import published as papers_own
from papers.topographic.figures.parts import OBJECTIVES, measured, shades_of, strengths
from replicortex.plotting.style import (
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path, published: Path, quoted: list[dict[str, Any]]) -> Figure:
    """Distance on the sheet of units whose outputs correlate (Figure 5)."""
    table = measured(measures)
    known = papers_own.load(published, quoted)
    figure, rhos = new_figure(2.3), strengths(table)
    axes = figure.subplots(1, len(OBJECTIVES), sharey=True)
    own = table[(table["measure"] == "distance") & (table["arm"] == "main")]
    own = own.assign(tau=own["parameter"].astype(float))
    shades = shades_of(len(rhos))
    for ax, (objective, look), mark in zip(axes, OBJECTIVES.items(), "abcd", strict=True):
        for rho, shade in zip(rhos, shades, strict=True):
            part = own[(own["objective"] == objective) & (own["rho"] == rho)]
            mean = part.groupby("tau")["value"].mean()
            ax.plot(mean.index, mean, color=shade, marker="o", label=f"ρ = {rho:g}")
            theirs = papers_own.values(known, "distance", objective, along="parameter", rho=rho)
            if theirs:
                how = {"marker": "D", "markerfacecolor": "none", "markeredgewidth": 0.6}
                ax.plot(*zip(*theirs, strict=True), color=shade, linestyle="none", **how)
        letter(ax, mark, look.label)
        ax.set_xlabel("Correlation at least")
    axes[0].set_ylabel("Mean distance (units)")
    axes[0].set_ylim(bottom=0)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(rhos))
    return note(
        figure,
        "Mean over seeds; a mark is missing where no pair correlates as much. Open diamonds: published.",
    )
