"""Held-out scores of HOT, the paper's baselines and the controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.hierarchical_ot.figures.parts import RULES, SCORE, marks, shown
from replicortex.core import tables
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import PALE, new_figure, note, styled

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
    table = shown(tables.read(scores))
    names = table["label"].cat.categories
    figure = new_figure(0.27 * len(names) + 1.2)
    ax = figure.subplots()
    sns.pointplot(
        table,
        x="score",
        y="label",
        hue="rule",
        hue_order=list(RULES),
        palette=[look.colour for look in RULES.values()],
        markers=[look.marker for look in RULES.values()],
        errorbar="sd",
        dodge=0.68,
        linestyle="none",
        markersize=3,
        markeredgewidth=0.8,
        err_kws={"linewidth": 0.6},
        legend=False,
        ax=ax,
    )
    for place in range(len(names) - 1):
        ax.axhline(place + 0.5, color=PALE, linewidth=0.5)
    ax.tick_params(axis="y", labelsize=6.5)
    ax.set(xlabel=SCORE, ylabel="", ylim=(len(names) - 0.5, -0.5))
    legend_above(figure, (), marks(RULES.values()), ncols=4)
    return note(
        figure,
        "Mean and standard deviation over seeds (each the mean over splits); between systems that are "
        "not trained here, over splits. Related, distinct: simulated subjects, first couple of each noise.",
    )
