"""Scores when units are left out."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns

from papers.hierarchical_ot.figures.parts import RULES, SCORE, named
from replicortex.core import tables
from replicortex.plotting.look import legend_above, rows
from replicortex.plotting.style import new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = ("hot", "pairwise_best", "uniform")
LINES = {"no": "-", "yes": ":"}  # without and with a rotation


@styled
def draw(curves: Path) -> Figure:
    """Scores when units are left out.

    Parameters
    ----------
    curves
        The table: its rows whose what is a rule, by the share of units x.
    """
    table = rows(tables.read(curves), what=DRAWN)
    pairs, shares = named(table["pair"]), np.unique(table["x"])
    figure = new_figure(2.6)
    axes = figure.subplots(1, max(len(pairs), 1), sharey=True, squeeze=False)[0]
    for ax, (pair, name) in zip(axes, pairs.items(), strict=True):
        for rule, rotate in product(DRAWN, LINES):
            own, look = rows(table, pair=pair, what=rule, rotate=rotate), RULES[rule]
            sns.lineplot(
                x=100 * own["x"].to_numpy(),
                y=own["score"].to_numpy(),
                errorbar="sd",
                err_style="bars",
                err_kws={"elinewidth": 0.8},
                color=look.colour,
                linestyle=LINES[rotate],
                marker=look.marker,
                markeredgecolor=look.colour,
                legend=False,
                ax=ax,
            )
        ax.set_title(name, fontsize=7)
        ax.set_xlabel("Units kept (%)")
        ax.set_xticks(100 * shares)
    axes[0].set_ylabel(SCORE)
    legend_above(figure, [RULES[rule] for rule in DRAWN])
    return note(
        figure,
        "Dotted: with a rotation, on the same units. One split, one draw of units for each seed; bars: "
        "standard deviation over seeds.",
    )
