"""Held-out scores of HOT, the paper's baselines and the controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

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

LINES = 60  # of one column; more comparisons stand in two


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
    parts = np.array_split(names, 1 + (len(names) > LINES))
    figure = new_figure(0.27 * max(map(len, parts)) + 1.2)
    axes = figure.subplots(1, len(parts), sharex=True, squeeze=False)[0]
    for ax, part in zip(axes, parts, strict=True):
        own = table[table["label"].isin(part)]
        marks_over_seeds(
            ax,
            RULES,
            data=own.assign(label=own["label"].astype(str)),
            x="score",
            y="label",
            order=list(part),
            hue="rule",
            dodge=0.68,
            markersize=3,
        )
        lines_between(ax, len(part))
        ax.tick_params(axis="y", labelsize=6.5 if len(parts) == 1 else 5.5)
        ax.set(xlabel=SCORE, ylabel="", ylim=(max(map(len, parts)) - 0.5, -0.5))
    legend_above(figure, (), marks(RULES.values()), ncols=4)
    return note(
        figure,
        "Mean and standard deviation over seeds (each the mean over splits); between systems that are "
        "not trained here, over splits. Related, distinct: simulated subjects, first couple of each noise.",
    )
