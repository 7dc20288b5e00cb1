"""What each disagreement of paper and code does to smoothness and norm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from papers.topographic.figures.parts import OBJECTIVES, measured, pick, strengths
from replicortex.plotting.labels import MORANS_I
from replicortex.plotting.style import (
    PALE,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = {
    "main": "as the code has it",
    "gradients_encoder": "gradient of the encoder",
    "form_units": "mean per unit (eq. 1)",
    "keep_total": "lowest total loss kept",
    "no_restart": "running mean never restarts",
    "distance_squared": "squared distance",
    "distance_cosine": "cosine distance",
    "no_bias": "no bias in the sheet",
    "no_dropout": "no dropout",
}


@styled
def draw(measures: Path) -> Figure:
    """What each disagreement of paper and code does to smoothness and norm."""
    table = measured(measures)
    arms = [arm for arm in ARMS if (table["arm"] == arm).any()]
    pairs = table[
        table["arm"].isin([a for a in arms if a not in ("main", "no_dropout", "no_bias")])
    ]
    rhos = strengths(pairs) if len(pairs) else strengths(table)[-1:]
    figure = new_figure(0.9 + 0.3 * len(arms))
    axes = figure.subplots(1, 3, sharey=True)
    panels = (
        ("moran", MORANS_I.axis),
        ("row_norm", "Mean norm of weights"),
        ("neighbour_cosine", "Cosine of neighbours' weights"),
    )
    for ax, (measure, label), mark in zip(axes, panels, "abc", strict=True):
        for objective in ("ce", "supcon"):
            look = OBJECTIVES[objective]
            for shift, rho in enumerate(rhos):
                for place, arm in enumerate(arms):
                    own = pick(table[table["objective"] == objective], measure, arm)
                    found = own[own["rho"] == rho]["value"]
                    offset = 0.16 * (shift - (len(rhos) - 1) / 2)
                    offset += 0.34 * ((objective == "supcon") - 0.5)
                    ax.plot(
                        found,
                        np.full(len(found), place + offset),
                        color=look.colour,
                        marker=look.marker,
                        markerfacecolor=look.colour if shift else "white",
                        linestyle="none",
                        markersize=3.4,
                    )
        for place in range(len(arms)):
            ax.axhline(place + 0.5, color=PALE, linewidth=0.5)
        ax.set_xlabel(label)
        ax.locator_params(axis="x", nbins=4)
        letter(ax, mark, "")
    axes[0].set_yticks(range(len(arms)), [ARMS[arm] for arm in arms])
    axes[0].set_ylim(len(arms) - 0.5, -0.5)
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=OBJECTIVES[o].colour,
            marker=OBJECTIVES[o].marker,
            linestyle="none",
            markerfacecolor=OBJECTIVES[o].colour if shift else "white",
            label=f"{OBJECTIVES[o].label}, ρ = {rho:g}",
        )
        for o in ("ce", "supcon")
        for shift, rho in enumerate(rhos)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=4)
    return note(figure, "One mark per seed.")
