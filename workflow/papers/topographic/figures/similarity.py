"""Cosines within and across classes (Table 1), with and without the sheet's bias."""

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


@styled
def draw(measures: Path, published: Path, quoted: list[dict[str, Any]]) -> Figure:
    """Cosines within and across classes (Table 1), with and without the sheet's bias."""
    table = measured(measures)
    known = papers_own.load(published, quoted)
    figure, rhos = new_figure(4.4), strengths(table)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    for row, (suffix, words) in enumerate((("", "raw output"), ("_without_bias", "less the bias"))):
        for column, which in enumerate(("within", "across")):
            ax = axes[row, column]
            for objective, look in OBJECTIVES.items():
                name = f"cosine_{which}{suffix}"
                theirs = papers_own.values(known, name, objective)
                own = pick(table[table["objective"] == objective], name)
                curve(ax, own, rhos, look, published=theirs)
            ax.axhline(0, color=GREY, linewidth=0.6)
            letter(ax, "abcd"[2 * row + column], f"{which.capitalize()} classes, {words}")
            rho_axis(ax, rhos)
            if row:
                ax.set_xlabel(RHO_AXIS)
        axes[row, 0].set_ylabel("Mean cosine")
    legend_above(figure, OBJECTIVES.values(), [PUBLISHED_MARK])
    return note(figure, over(table))
