"""Layers matched by other similarities: scores through HOT's units, own scores, order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.hierarchical_ot.figures.parts import NAMES, SCORE, label
from replicortex.core import tables
from replicortex.plotting.style import PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Other ways to match layers -> colour, marker.
METHODS = {
    "soft matching": ("vermillion", "o"),
    "CKA": ("blue", "s"),
    "RSA": ("sky", "^"),
    "Procrustes": ("green", "D"),
    "ridge": ("purple", "v"),
    "all units": ("black", "x"),
}


def figure_of(table: pd.DataFrame) -> Figure:
    """Layers matched by other similarities: scores through HOT's units, own scores, order."""
    pairs = [pair for pair in NAMES if pair in set(table["pair"])]
    figure = new_figure(2.7)
    axes = figure.subplots(1, 3, sharey=True)
    panels = (
        ("score", "Plan by the method", SCORE),
        ("own score", "The method's own prediction", SCORE),
        ("depth correlation", "Order of the plan", "Depth correlation"),
    )
    shifts = dict(zip(METHODS, np.linspace(0.3, -0.3, len(METHODS)), strict=True))
    for ax, mark, (column, title, told) in zip(axes, "abc", panels, strict=True):
        for method, (colour, marker) in METHODS.items():
            for place, pair in enumerate(pairs[::-1]):
                own = table[(table["pair"] == pair) & (table["method"] == method)][column].dropna()
                ax.errorbar(
                    [own.mean()] if len(own) else [],
                    [place + shifts[method]] if len(own) else [],
                    xerr=[own.std() if len(own) > 1 else 0] if len(own) else None,
                    color=PALETTE[colour],
                    marker=marker,
                    markersize=3.5,
                    linestyle="none",
                    elinewidth=0.6,
                    label=method if column == "score" and not place else None,
                )
        ax.set_xlabel(told)
        letter(ax, mark, title)
    axes[0].set_yticks(range(len(pairs)), [label(pair) for pair in pairs[::-1]])
    axes[0].set_ylim(-0.5, len(pairs) - 0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=6)
    return note(
        figure,
        "Mean and standard deviation over seeds, one split each. (a) The plan comes from each method's "
        "similarities, units are matched as by HOT. (b) Ridge: regression on the layer that it chose; all "
        "units: one transport between all units of both networks.",
    )


@styled
def draw(alternatives: Path) -> Figure:
    """Layers matched by other similarities: scores through HOT's units, own scores, order."""
    return figure_of(tables.read(alternatives))
