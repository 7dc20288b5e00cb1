"""A network against itself and against its rotated self, plain and with rotation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from papers.hierarchical_ot.figures.parts import SCORE, label
from replicortex.core import tables
from replicortex.plotting.style import PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """A network against itself and against its rotated self, plain and with rotation."""
    own = table[table["what"].isin(["itself", "rotated self"])]
    pairs = list(dict.fromkeys(own["pair"]))
    figure = new_figure(2.6)
    axes = figure.subplots(1, max(len(pairs), 1), sharey=True, squeeze=False)[0]
    for ax, pair in zip(axes, pairs, strict=True):
        for number, (rotate, colour, name) in enumerate(
            (("no", "blue", "HOT"), ("yes", "vermillion", "HOT+R"))
        ):
            part = own[(own["pair"] == pair) & (own["rotate"] == rotate)]
            for seed, one in part.groupby("seed"):
                values = one.set_index("what")["score"]
                ax.plot(
                    [0, 1],
                    [values["itself"], values["rotated self"]],
                    color=PALETTE[colour],
                    marker="os"[number],
                    label=name if seed == part["seed"].min() else None,
                )
        ax.set_xticks([0, 1], ["itself", "rotated"])
        ax.set_xlim(-0.3, 1.3)
        ax.set_title(label(pair).partition(" →")[0], fontsize=7)
    axes[0].set_ylabel(SCORE)
    axes[0].set_ylim(0, 1.05)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return note(
        figure,
        "The source network against itself, every layer turned at random. One line per seed.",
    )


@styled
def draw(curves: Path) -> Figure:
    """A network against itself and against its rotated self, plain and with rotation."""
    return figure_of(tables.read(curves))
