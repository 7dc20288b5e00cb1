"""Layers matched by other similarities: scores through HOT's units, own scores, order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.hierarchical_ot.figures.parts import (
    SCORE,
    lines_between,
    marks,
    marks_over_seeds,
    named,
)
from replicortex.core import tables
from replicortex.plotting.look import Look, legend_above
from replicortex.plotting.style import PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Other ways to match layers, in the order of the legend.
METHODS = {
    "soft matching": Look("soft matching", PALETTE["vermillion"], "o"),
    "CKA": Look("CKA", PALETTE["blue"], "s"),
    "RSA": Look("RSA", PALETTE["sky"], "^"),
    "Procrustes": Look("Procrustes", PALETTE["green"], "D"),
    "ridge": Look("ridge", PALETTE["purple"], "v"),
    "all units": Look("all units", PALETTE["black"], "x"),
}


@styled
def draw(alternatives: Path) -> Figure:
    """Layers matched by other similarities: scores through HOT's units, own scores, order.

    Parameters
    ----------
    alternatives
        The table: its columns "score", "own score" and "depth correlation" are a panel each.
    """
    table = tables.read(alternatives)
    pairs = named(table["pair"])
    figure = new_figure(2.7)
    axes = figure.subplots(1, 3, sharey=True)
    panels = (
        ("score", "Plan by the method", SCORE),
        ("own score", "The method's own prediction", SCORE),
        ("depth correlation", "Order of the plan", "Depth correlation"),
    )
    for ax, mark, (column, title, label) in zip(axes, "abc", panels, strict=True):
        marks_over_seeds(
            ax,
            METHODS,
            x=table[column].to_numpy(),
            y=table["pair"].map(pairs).to_numpy(),
            hue=table["method"].to_numpy(),
            order=list(pairs.values()),
            dodge=0.6,
            markersize=3.5,
        )
        lines_between(ax, len(pairs))
        ax.set_xlabel(label)
        letter(ax, mark, title)
    axes[0].set_ylim(len(pairs) - 0.5, -0.5)
    legend_above(figure, (), marks(METHODS.values()), ncols=6)
    return note(
        figure,
        "Mean and standard deviation over seeds, one split each. (a) The plan comes from each method's "
        "similarities, units are matched as by HOT. (b) Ridge: regression on the layer that it chose; all "
        "units: one transport between all units of both networks.",
    )
