"""Figure 3: matched against mismatched units over feature spaces, signed ridge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from papers.sparse_positive.figures.parts import SETS, THETA, R
from replicortex.core import tables
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(spaces: pd.DataFrame, signs: pd.DataFrame) -> Figure:
    """Figure 3: matched against mismatched units over feature spaces, signed ridge."""
    target = "nsd" if "nsd" in set(spaces.target) and spaces.space.nunique() > 60 else "semi_real"
    spaces = spaces[spaces.target == target]
    figure = new_figure(3.7)
    axes = figure.subplots(1, 2)
    means = spaces.groupby(["region", "space", "match"])[["r", "theta"]].mean().unstack("match")
    over = signs[(signs.target == target) & (signs.over == "spaces")]
    for ax, value, label, mark in zip(axes, ("r", "theta"), (R, THETA), "ab", strict=True):
        for region, (_, colour, marker) in zip(("FFA", "PPA"), SETS.values(), strict=False):
            part = means.loc[region][value]
            for space, row in part.iterrows():
                ax.plot(
                    row["matched"], row["mismatched"], marker, color=colour, markersize=3.5,
                    fillstyle="full" if "_trained" in space else "none",
                )  # fmt: skip
            told = over[(over.region == region) & (over.measure == value)].iloc[0]
            ax.plot(
                [], [], marker, color=colour,
                label=f"{region}: above the line in {told.above} of {told['count']}",
            )  # fmt: skip
        low, high = means[value][["matched", "mismatched"]].stack().agg(["min", "max"])
        ax.plot([low, high], [low, high], color=GREY, linewidth=0.8)
        ax.set(xlabel=f"{label}, matched units", ylabel=f"{label}, mismatched units")
        letter(ax, mark, "Prediction" if value == "r" else "Reorientation")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.08), fontsize=6)
    return note(
        figure,
        f"{spaces.space.nunique()} feature spaces of {spaces.family.nunique()} networks and "
        "handmade codes, signed ridge; filled: trained, hollow: untrained and handmade.",
    )


@styled
def draw(spaces: Path, signs: Path) -> Figure:
    """Figure 3: matched against mismatched units over feature spaces, signed ridge."""
    return figure_of(tables.read(spaces), tables.read(signs))
