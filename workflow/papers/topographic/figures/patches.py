"""Units that prefer a kind of localizer image, and whether they lie together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.topographic.figures.parts import OBJECTIVES, measured, rho_axis, strengths
from replicortex.plotting.labels import MORANS_I
from replicortex.plotting.look import rows
from replicortex.plotting.style import (
    GREY,
    PALETTE,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path) -> Figure:
    """Units that prefer a kind of localizer image, and whether they lie together."""
    table = measured(measures)
    own = rows(table, measure="moran_selectivity", arm="main")
    sizes = rows(table, measure="patch", arm="main")
    kinds, rhos = sorted(set(own["parameter"])), strengths(table)
    figure = new_figure(3.9)
    axes = figure.subplots(2, len(OBJECTIVES), sharex=True, sharey="row")
    colours = [colour for name, colour in PALETTE.items() if name != "black"]
    for column, (objective, look) in enumerate(OBJECTIVES.items()):
        for row, part in enumerate((own, sizes)):
            ax = axes[row, column]
            drawn = rows(part, objective=objective)
            sns.lineplot(
                x=drawn["rho"].map(rhos.index).to_numpy(),
                y=drawn["value"].to_numpy(),
                hue=drawn["parameter"].to_numpy(),
                style=drawn["parameter"].to_numpy(),
                hue_order=kinds,
                style_order=kinds,
                palette=colours[: len(kinds)],
                markers=list("os^DvX"[: len(kinds)]),
                dashes=False,
                errorbar=None,
                markeredgewidth=0,
                legend=(row, column) == (0, 0),
                ax=ax,
            )
            rho_axis(ax, rhos)
            ax.tick_params(axis="x", labelsize=6)
            if row == 0:
                letter(ax, "abcd"[column], look.label)
                ax.axhline(0, color=GREY, linewidth=0.6)
            else:
                ax.set_xlabel("Strength ρ")
    axes[0, 0].set_ylabel(f"{MORANS_I.axis} of selectivity")
    axes[1, 0].set_ylabel("Largest patch (units)")
    means = "Mean over seeds."
    if kinds:
        handles, labels = axes[0, 0].get_legend_handles_labels()
        axes[0, 0].get_legend().remove()
        figure.legend(handles, labels, loc="outside upper left", ncols=6)
    else:
        means = "No localizer images were shown in this run."
    return note(
        figure,
        "Selectivity: d′ of one kind of localizer image against all others; a patch: neighbouring "
        f"units of d′ ≥ 1. {means} Not in the paper.",
    )
