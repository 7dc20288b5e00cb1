"""Held-out scores of HOT, the paper's baselines and the controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.hierarchical_ot.figures.parts import (
    RULES,
    SCORE,
    compared,
    lines_between,
    marks,
    marks_over_seeds,
)
from replicortex.core import tables
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(scores: Path) -> Figure:
    """Held-out scores of HOT, the paper's baselines and the controls.

    Parameters
    ----------
    scores
        The table: a row of the figure for each comparison, a mark for each rule.
    """
    table = compared(tables.read(scores))
    names = table["label"].cat.categories
    figure = new_figure(0.27 * len(names) + 1.2)
    ax = figure.subplots()
    marks_over_seeds(
        ax,
        RULES,
        data=table,
        x="score",
        y="label",
        hue="rule",
        dodge=0.68,
        markersize=3,
    )
    lines_between(ax, len(names))
    ax.tick_params(axis="y", labelsize=6.5)
    ax.set(xlabel=SCORE, ylabel="", ylim=(len(names) - 0.5, -0.5))
    legend_above(figure, (), marks(RULES.values()), ncols=4)
    return note(
        figure,
        "Mean and standard deviation over seeds (each the mean over splits); between systems that are "
        "not trained here, over splits. Related, distinct: simulated subjects, first couple of each noise.",
    )
