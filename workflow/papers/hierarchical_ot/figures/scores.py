"""Held-out scores of HOT, the paper's baselines and the controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.hierarchical_ot.figures.parts import RULES, SCORE, by_seed, label, shown
from replicortex.core import tables
from replicortex.plotting.style import GREY, PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """Held-out scores of HOT, the paper's baselines and the controls."""
    keys = shown(table)[::-1]
    figure = new_figure(0.27 * len(keys) + 1.2)
    ax = figure.subplots()
    shifts = np.linspace(0.34, -0.34, len(RULES))
    for shift, (rule, (name, colour, marker)) in zip(shifts, RULES.items(), strict=True):
        values = [scores.to_numpy() for scores in by_seed(table, rule, keys)]
        ax.errorbar(
            [v.mean() for v in values],
            np.arange(len(keys)) + shift,
            xerr=[v.std(ddof=1) if len(v) > 1 else 0 for v in values],
            color=PALETTE[colour],
            marker=marker,
            markersize=3,
            linestyle="none",
            elinewidth=0.6,
            label=name,
        )
    for place in range(len(keys)):
        ax.axhline(place + 0.5, color=GREY, linewidth=0.3)
    ax.set_yticks(range(len(keys)), [label(*key) for key in keys], fontsize=6.5)
    ax.set_ylim(-0.5, len(keys) - 0.5)
    ax.set_xlabel(SCORE)
    figure.legend(loc="outside upper left", ncols=4)
    return note(
        figure,
        "Mean and standard deviation over seeds (each the mean over splits); between systems that are "
        "not trained here, over splits. Related, distinct: simulated subjects, first couple of each noise.",
    )


@styled
def draw(scores: Path) -> Figure:
    """Held-out scores of HOT, the paper's baselines and the controls."""
    return figure_of(tables.read(scores))
