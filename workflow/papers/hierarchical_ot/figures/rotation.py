"""A network against itself and against its rotated self, plain and with rotation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.hierarchical_ot.figures.parts import SCORE, named
from replicortex.core import tables
from replicortex.plotting.look import Look, legend_above, rows
from replicortex.plotting.style import PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# With rotation or without.
LOOKS = {
    "no": Look("HOT", PALETTE["blue"], "o"),
    "yes": Look("HOT+R", PALETTE["vermillion"], "s"),
}
COPIES = {"itself": "itself", "rotated self": "rotated"}


@styled
def draw(curves: Path) -> Figure:
    """A network against itself and against its rotated self, plain and with rotation.

    Parameters
    ----------
    curves
        The table: its rows of what = "itself" and "rotated self".
    """
    table = rows(tables.read(curves), what=list(COPIES))
    pairs = named(table["pair"])
    figure = new_figure(2.6)
    axes = figure.subplots(1, max(len(pairs), 1), sharey=True, squeeze=False)[0]
    for ax, (pair, name) in zip(axes, pairs.items(), strict=True):
        for rotate, look in LOOKS.items():
            own = rows(table, pair=pair, rotate=rotate)
            sns.lineplot(
                x=own["what"].map(list(COPIES).index).to_numpy(),
                y=own["score"].to_numpy(),
                units=own["seed"].to_numpy(),
                estimator=None,
                color=look.colour,
                marker=look.marker,
                markeredgecolor=look.colour,
                legend=False,
                ax=ax,
            )
        ax.set_xticks(range(len(COPIES)), list(COPIES.values()))
        ax.set_xlim(-0.3, 1.3)
        ax.set_title(name, fontsize=7)
    axes[0].set_ylabel(SCORE)
    axes[0].set_ylim(0, 1.05)
    legend_above(figure, LOOKS.values())
    return note(
        figure,
        "Each pair's source network against itself, every layer turned at random. One line per seed.",
    )
