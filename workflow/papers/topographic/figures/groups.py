"""How many units answer an image, and how far apart groups of images lie (Figures 2 and 3, in words)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.topographic.figures.parts import (
    OBJECTIVES,
    RHO_AXIS,
    curve,
    measured,
    over,
    pick,
    rho_axis,
    strengths,
)
from replicortex.plotting.look import legend_above, rows
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path) -> Figure:
    """How many units answer an image, and how far apart groups of images lie."""
    table, rhos = measured(measures), strengths(measured(measures))
    figure = new_figure(2.9)
    axes = figure.subplots(1, 3)
    for objective, look in OBJECTIVES.items():
        own = rows(table, objective=objective)
        curve(axes[0], pick(own, "participation"), rhos, look)
        bare = pick(own, "participation", "no_dropout")
        if len(bare):
            curve(axes[0], bare, rhos, look, line=":", filled=False)
    rho_axis(axes[0], rhos).set_xlabel(RHO_AXIS.partition(" (")[0])
    axes[0].set_ylabel("Participation ratio / units")
    axes[0].set_ylim(0, 1)
    letter(axes[0], "a", "Units that answer an image")
    for ax, group, mark in zip(axes[1:], ("class", "animacy"), "bc", strict=True):
        scores = rows(table, measure="silhouette", arm="main", parameter=group)
        for objective, look in OBJECTIVES.items():
            # The whole order each time, so that every objective keeps its place beside the others.
            sns.stripplot(
                rows(scores, objective=objective),
                x="rho",
                y="value",
                hue="objective",
                order=strengths(scores),
                hue_order=list(OBJECTIVES),
                palette=[each.colour for each in OBJECTIVES.values()],
                marker=look.marker,
                dodge=True,
                jitter=False,
                size=4,
                legend=False,
                ax=ax,
            )
        ax.axhline(0, color=GREY, linewidth=0.6)
        ax.set_xlabel(RHO_AXIS.partition(" (")[0])
        ax.set_ylabel("Silhouette")
        letter(ax, mark, f"By {group}")
    without = ("without dropout", {"color": GREY, "linestyle": ":"})
    legend_above(figure, OBJECTIVES.values(), [without])
    return note(figure, f"{over(table)} In b and c one mark per seed.")
