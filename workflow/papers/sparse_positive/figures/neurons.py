"""Macaque V4: signed against positive Lasso, neuron by neuron, and who predicts best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns

from papers.sparse_positive.figures.parts import SETS, legend, scatter_sets, space_label
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(neurons: Path) -> Figure:
    """Macaque V4: signed against positive Lasso, neuron by neuron, and who predicts best.

    `neurons`: means over splits, of `aggregate.neurons`; empty without V4.
    """
    figure = new_figure(3.2)
    table = tables.read(neurons)
    if table.empty:
        return note(figure, "No neurons in this run.")
    best = best_sets(rows(table, model="lasso"))
    # The published network first, as in the figure of encoding.
    spaces = sorted(set(best["space"]), key=lambda space: (not space.startswith("resnet"), space))
    axes = figure.subplots(1, len(spaces) + 1, squeeze=False)[0]
    for ax, space in zip(axes[:-1], spaces, strict=True):
        part = rows(best, space=space)
        scatter_sets(ax, part, "signed", "positive", size=13, alpha=0.8)
        both = part[["signed", "positive"]]
        ends = [min(0, both.min().min()), both.max().max()]
        ax.plot(ends, ends, color=GREY, linewidth=0.8)
        ax.set(
            xlabel="r, signed Lasso, best unit set",
            ylabel="r, positive Lasso, the same units",
            title=space_label(space),
        )
    shares = best.groupby("space")["units"].value_counts(normalize=True).reset_index()
    ax = axes[-1]
    sns.barplot(
        shares.assign(network=shares["space"].map(space_label)),
        x="units",
        y="proportion",
        hue="network",
        order=list(SETS),
        hue_order=[space_label(space) for space in spaces],
        palette=sns.color_palette("Greys_r", len(spaces) + 1)[:-1],
        saturation=1,
        errorbar=None,
        ax=ax,
    )
    ax.set(xlabel="", ylabel="Neurons that a set predicts best (share)")
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    ax.legend(title=None, fontsize=6, loc="upper left")
    legend(figure, SETS.values())
    dates = table["session"].nunique()
    return note(
        figure,
        f"Macaque V4, one point a neuron ({table['neuron'].nunique()} of {dates} sessions), means over "
        "splits.",
    )


def best_sets(lasso: pd.DataFrame) -> pd.DataFrame:
    """Return, per space and neuron, the set that predicts best with signed weights, and its r.

    "signed" and "positive": r of that set's units.
    """
    r = lasso.pivot(index=["space", "neuron", "units"], columns="weights", values="r")
    best = r.groupby(level=["space", "neuron"])["signed"].idxmax()
    return r.loc[best].reset_index()
