"""Moran's I and the norm of afferent weights (Figure 4), with and without dropout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers.topographic import published as papers_own
from papers.topographic.figures.parts import (
    OBJECTIVES,
    PUBLISHED_MARK,
    RHO_AXIS,
    curve,
    measured,
    over,
    pick,
    rho_axis,
    strengths,
)
from replicortex.plotting.labels import MORANS_I
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import (
    GREY,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Published values of the networks without dropout (one run each).
WITHOUT_MARK = {"marker": "x", "markersize": 4.5, "markeredgewidth": 0.9, "linestyle": "none"}


@styled
def draw(measures: Path, published: Path, quoted: list[dict[str, Any]]) -> Figure:
    """Moran's I and the norm of afferent weights (Figure 4), with and without dropout."""
    table = measured(measures)
    known = papers_own.load(published, quoted)
    figure, rhos = new_figure(2.9), strengths(table)
    axes = figure.subplots(1, 2)
    for ax, measure, mark in zip(axes, ("moran", "row_norm"), "ab", strict=True):
        for objective, look in OBJECTIVES.items():
            own = table[table["objective"] == objective]
            theirs = papers_own.values(known, measure, objective)
            curve(ax, pick(own, measure), rhos, look, published=theirs)
            bare = pick(own, measure, "no_dropout")
            if len(bare):
                curve(ax, bare, rhos, look, line=":", filled=False)
                dots = papers_own.values(known, measure, objective, arm="no_dropout")
                dots = [(rhos.index(rho), value) for rho, value in dots if rho in rhos]
                if dots:
                    ax.plot(*zip(*dots, strict=True), color=look.colour, **WITHOUT_MARK)
        rho_axis(ax, rhos).set_xlabel(RHO_AXIS)
        title = "Smoothness of the maps" if mark == "a" else "Norm of afferent weights"
        letter(ax, mark, title)
    axes[0].set_ylabel(f"{MORANS_I.axis} (rook neighbours)")
    axes[0].axhline(0, color=GREY, linewidth=0.6)
    axes[1].set_ylabel("Mean norm of a unit's weights")
    axes[1].set_yscale("log")
    without = ("without dropout", {"color": GREY, "linestyle": ":"})
    crosses = ("published, without dropout", {"color": GREY, **WITHOUT_MARK})
    legend_above(figure, OBJECTIVES.values(), [PUBLISHED_MARK, without, crosses], ncols=4)
    return note(figure, over(table))
