"""Is it the bias? Smoothness and similarity with the sheet's bias and without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.topographic.figures.parts import (
    OBJECTIVES,
    RHO_AXIS,
    curve,
    measured,
    over,
    pick,
    rho_axis,
    strengths,
)
from replicortex.plotting.labels import MORANS_I
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import (
    GREY,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path) -> Figure:
    """Is it the bias? Smoothness and similarity with the sheet's bias and without."""
    table = measured(measures)
    figure, rhos = new_figure(4.4), strengths(table)
    axes = figure.subplots(2, 2, sharex=True)
    panels = (
        ("moran", "Smoothness, raw output", f"{MORANS_I.axis}"),
        ("moran_without_bias", "Smoothness, output less the bias", f"{MORANS_I.axis}"),
        ("neighbour_cosine", "Directions of neighbours' weights", "Cosine of neighbours"),
        ("bias_sd", "Spread of the bias", "s.d. of the bias over units"),
    )
    for ax, (measure, title, label), mark in zip(axes.ravel(), panels, "abcd", strict=True):
        for objective, look in OBJECTIVES.items():
            own = table[table["objective"] == objective]
            curve(ax, pick(own, measure), rhos, look)
            trained = pick(own, measure, "no_bias" if objective == "ce" else "zero_bias")
            if len(trained) and measure in ("moran", "neighbour_cosine"):
                curve(ax, trained, rhos, look, line=":", filled=False)
        if measure != "bias_sd":
            ax.set_ylim(-0.15, 1.05)
            ax.axhline(0, color=GREY, linewidth=0.6)
        letter(ax, mark, title)
        ax.set_ylabel(label)
        rho_axis(ax, rhos)
    for ax in axes[1]:
        ax.set_xlabel(RHO_AXIS)
    legend_above(
        figure,
        OBJECTIVES.values(),
        [("without a bias, or from a bias of 0", {"color": GREY, "linestyle": ":"})],
    )
    return note(
        figure,
        "If maps became rough because weights shrink, taking the bias away would change nothing: "
        f"panels a and b would look alike. {over(table)}",
    )
