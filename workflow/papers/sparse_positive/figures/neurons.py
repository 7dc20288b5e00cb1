"""Macaque V4: signed against positive Lasso, neuron by neuron, and who predicts best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.sparse_positive.figures.parts import SETS, space_label
from replicortex.core import tables
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """Macaque V4: signed against positive Lasso, neuron by neuron, and who predicts best."""
    figure = new_figure(3.2)
    if table.empty:
        return note(figure, "No neurons in this run.")
    # The published network first, as in the figure of encoding.
    spaces = sorted(set(table.space), key=lambda space: (not space.startswith("resnet"), space))
    axes = figure.subplots(1, len(spaces) + 1, squeeze=False)[0]
    lasso = table[table.model == "lasso"]
    bars = {}
    for ax, space in zip(axes, spaces, strict=False):
        part = lasso[lasso.space == space]
        signed = part[part.weights == "signed"].pivot(index="neuron", columns="units", values="r")
        positive = part[part.weights == "positive"].pivot(
            index="neuron", columns="units", values="r"
        )
        best = signed.idxmax(axis=1)
        bars[space] = best.value_counts(normalize=True)
        for units, (_, colour, marker) in SETS.items():
            chosen = best.index[best == units]
            ax.plot(
                signed.loc[chosen].max(axis=1),
                [positive.loc[n, units] for n in chosen],
                marker, color=colour, markersize=3, alpha=0.8,
            )  # fmt: skip
        low, high = min(0, part.r.min()), part.r.max()
        ax.plot([low, high], [low, high], color=GREY, linewidth=0.8)
        ax.set(
            xlabel="r, signed Lasso, best unit set",
            ylabel="r, positive Lasso, the same units",
            title=space_label(space),
        )
    ax = axes[-1]
    for number, space in enumerate(spaces):
        for place, units in enumerate(SETS):
            ax.bar(
                place + 0.4 * number, bars[space].get(units, 0), 0.36,
                color=SETS[units][1], alpha=1 - 0.45 * number,
            )  # fmt: skip
    ax.set_xticks(np.arange(3) + 0.2 * (len(spaces) - 1), list(SETS))
    handles = [
        axes[0].plot([], [], marker, color=colour, markersize=3, label=label)[0]
        for label, colour, marker in SETS.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    ax.set_ylabel("Neurons that a set predicts best (share)")
    return note(
        figure,
        "Macaque V4, one point a neuron, means over splits; pale bars: the second network.",
    )


@styled
def draw(neurons: Path) -> Figure:
    """Macaque V4: signed against positive Lasso, neuron by neuron, and who predicts best."""
    return figure_of(tables.read(neurons))
