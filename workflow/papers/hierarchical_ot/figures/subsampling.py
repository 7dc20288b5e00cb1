"""Scores when units are left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from papers.hierarchical_ot.figures.parts import RULES, SCORE, label
from replicortex.core import tables
from replicortex.plotting.style import PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """Scores when units are left out."""
    own = table[table["what"].isin(["hot", "pairwise_best", "uniform"])]
    pairs = list(dict.fromkeys(own["pair"]))
    figure = new_figure(2.6)
    axes = figure.subplots(1, max(len(pairs), 1), sharey=True, squeeze=False)[0]
    for ax, pair in zip(axes, pairs, strict=True):
        for rule in ("hot", "pairwise_best", "uniform"):
            name, colour, marker = RULES[rule]
            part = own[(own["pair"] == pair) & (own["what"] == rule)].groupby("x")["score"]
            ax.errorbar(
                100 * part.mean().index,
                part.mean(),
                yerr=part.std(),
                color=PALETTE[colour],
                marker=marker,
                markersize=3,
                label=name,
            )
        ax.set_title(label(pair), fontsize=7)
        ax.set_xlabel("Units kept (%)")
        ax.set_xticks(sorted(100 * own["x"].unique()))
    axes[0].set_ylabel(SCORE)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return note(
        figure, "One split, one draw of units for each seed; bars: standard deviation over seeds."
    )


@styled
def draw(curves: Path) -> Figure:
    """Scores when units are left out."""
    return figure_of(tables.read(curves))
