"""Agreement of RDMs between seeds (Figure 6), with and without the sheet's bias."""

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
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path, published: Path, quoted: list[dict[str, Any]]) -> Figure:
    """Agreement of RDMs between seeds (Figure 6), with and without the sheet's bias."""
    table = measured(measures)
    known = papers_own.load(published, quoted)
    figure, rhos = new_figure(2.7), strengths(table)
    axes = figure.subplots(1, 2, sharey=True)
    titles = ("Raw output", "Output less the bias (control)")
    names = ("rdm_consistency", "rdm_consistency_without_bias")
    for ax, name, title, mark in zip(axes, names, titles, "ab", strict=True):
        for objective, look in OBJECTIVES.items():
            theirs = papers_own.values(known, name, objective)
            own = pick(table[table["objective"] == objective], name)
            curve(ax, own, rhos, look, published=theirs)
        letter(ax, mark, title)
        rho_axis(ax, rhos).set_xlabel(RHO_AXIS)
    axes[0].set_ylabel("Correlation of RDMs between seeds")
    axes[0].set_ylim(0, 1.02)
    legend_above(figure, OBJECTIVES.values(), [PUBLISHED_MARK])
    return note(figure, f"RDM: 1 − Pearson's r. {over(table)}")
