"""Figure 4: fixed against chosen alpha, and how many of ten alphas are alive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from papers.sparse_positive.figures.parts import MATCHES, THETA, R, models_and_signs, title_of
from replicortex.core import tables
from replicortex.plotting.style import PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(scores: pd.DataFrame, usable: pd.DataFrame) -> Figure:
    """Figure 4: fixed against chosen alpha, and how many of ten alphas are alive."""
    figure = new_figure(3.4)
    axes = figure.subplots(1, 3)
    part = scores[
        scores["match"].isin(MATCHES)
        & (scores.model != "ols")
        & scores.target.isin(["planted", "semi_real"])
    ]
    cells = [cell for cell in models_and_signs() if cell[0] != "ols"]
    names = [title_of(*cell) for cell in cells]
    for ax, value, label, mark in zip(axes, ("r_dead_0", "theta"), (R, THETA), "ab", strict=False):
        for match, (label_, colour, marker) in MATCHES.items():
            for place, (model, sign) in enumerate(cells):
                cell = part[part["match"] == match]
                cell = cell[(cell.model == model) & (cell.weights == sign)]
                values = [cell[cell.chosen == how][value].mean() for how in ("fixed", "voxel")]
                x = place + (0.15 if match == "mismatched" else -0.15)
                ax.plot([x, x], values, "-", color=colour, linewidth=0.8)
                ax.plot(x, values[0], marker, color=colour, fillstyle="none")
                ax.plot(x, values[1], marker, color=colour)
                same = cell[cell.chosen == "global"][value].mean()
                ax.plot(x + 0.12, same, "x", color=colour, markersize=3)
            ax.plot([], [], marker, color=colour, label=label_)
        ax.set_xticks(range(len(cells)), names, rotation=90)
        ax.set_ylabel(label)
        letter(ax, mark, "Prediction" if value != "theta" else "Reorientation")
    axes[0].legend(fontsize=6, loc="lower left", bbox_to_anchor=(0, 1.08))
    counts = usable[usable["match"].isin(MATCHES)].groupby(["model", "weights"]).usable.mean()
    axes[2].bar(range(len(cells)), [counts[cell] for cell in cells], color=PALETTE["sky"])
    axes[2].set_xticks(range(len(cells)), names, rotation=90)
    axes[2].set(ylabel="Alphas with any weight (of 10)", ylim=(0, 10.5))
    letter(axes[2], "c", "Usable alphas")
    return note(
        figure,
        "Hollow: alpha 0.1; filled: chosen per voxel on validation images; cross: one alpha chosen "
        "for all voxels. Planted and semi-real.",
    )


@styled
def draw(scores: Path, alphas: Path) -> Figure:
    """Figure 4: fixed against chosen alpha, and how many of ten alphas are alive."""
    return figure_of(tables.read(scores), tables.read(alphas))
