"""E6: the Lasso at alpha 0.1, at equal sparsity and unit count, and at equal reliability."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from papers.sparse_positive.figures.parts import MATCHES, THETA, R, over_seeds
from replicortex.core import tables
from replicortex.plotting.style import new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(scores: pd.DataFrame, balanced: pd.DataFrame) -> Figure:
    """E6: the Lasso at alpha 0.1, at equal sparsity and unit count, and at equal reliability."""
    figure = new_figure(3.4)
    axes = figure.subplots(1, 2)
    fixed = scores[(scores.chosen == "fixed") & (scores.model == "lasso")]
    fixed = fixed.rename(columns={"r_dead_0": "shown_r"})
    equal = balanced.rename(columns={"r": "shown_r"})
    arms = {
        "alpha 0.1": fixed,
        "equal sparsity\nand units": equal[equal.reliability == "all"],
        "and reliability": equal[equal.reliability == "paired"],
    }
    for ax, value, label in zip(axes, ("shown_r", "theta"), (R, THETA), strict=True):
        for number, (match, (_, colour, marker)) in enumerate(MATCHES.items()):
            for place, (_, table) in enumerate(arms.items()):
                for shift, sign in ((-0.2, "signed"), (0.2, "positive")):
                    cell = table[
                        (table["match"] == match)
                        & (table.weights == sign)
                        & table.target.isin(["planted", "semi_real"])
                    ]
                    x = place + shift + 0.08 * (number - 0.5)
                    over_seeds(ax, cell, value, x, colour, marker)
        places = [place + shift for place in range(len(arms)) for shift in (-0.2, 0.2)]
        ax.set_xticks(places, ["±", "+"] * len(arms))
        for place, name in enumerate(arms):
            ax.annotate(
                name, (place, 0), xycoords=("data", "axes fraction"), xytext=(0, -18),
                textcoords="offset points", ha="center", va="top", fontsize=6,
            )  # fmt: skip
        ax.set_xlim(-0.5, len(arms) - 0.5)
        ax.set_ylabel(label)
    for label, colour, marker in MATCHES.values():
        axes[0].plot([], [], marker, color=colour, label=label)
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=6)
    return note(
        figure,
        "Lasso, signed (±) and positive (+), mean and s.d. over seeds; planted and semi-real regions.",
    )


@styled
def draw(scores: Path, balanced: Path) -> Figure:
    """E6: the Lasso at alpha 0.1, at equal sparsity and unit count, and at equal reliability."""
    return figure_of(tables.read(scores), tables.read(balanced))
