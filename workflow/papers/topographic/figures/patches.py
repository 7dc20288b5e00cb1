"""Units that prefer a kind of localizer image, and whether they lie together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.topographic.figures.parts import OBJECTIVES, measured, rho_axis, strengths
from replicortex.plotting.labels import MORANS_I
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
    own = table[(table["measure"] == "moran_selectivity") & (table["arm"] == "main")]
    sizes = table[(table["measure"] == "patch") & (table["arm"] == "main")]
    kinds, rhos = sorted(set(own["parameter"])), strengths(table)
    figure = new_figure(3.9)
    axes = figure.subplots(2, len(OBJECTIVES), sharex=True, sharey="row")
    colours = dict(zip(kinds, [c for n, c in PALETTE.items() if n != "black"], strict=False))
    for column, (objective, look) in enumerate(OBJECTIVES.items()):
        for row, part in enumerate((own, sizes)):
            ax = axes[row, column]
            for number, kind in enumerate(kinds):
                shown = part[(part["objective"] == objective) & (part["parameter"] == kind)]
                mean = shown.groupby("rho")["value"].mean()
                x = [rhos.index(rho) for rho in mean.index]
                ax.plot(x, mean, color=colours[kind], marker="os^DvX"[number % 6], label=kind)
            rho_axis(ax, rhos)
            ax.tick_params(axis="x", labelsize=6)
            if row == 0:
                letter(ax, "abcd"[column], look.label)
                ax.axhline(0, color=GREY, linewidth=0.6)
            else:
                ax.set_xlabel("Strength ρ")
    axes[0, 0].set_ylabel(f"{MORANS_I.axis} of selectivity")
    axes[1, 0].set_ylabel("Largest patch (units)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=6)
    return note(
        figure,
        "Selectivity: d′ of one kind of localizer image against all others; a patch: neighbouring "
        "units of d′ ≥ 1. Mean over seeds. Not in the paper.",
    )
