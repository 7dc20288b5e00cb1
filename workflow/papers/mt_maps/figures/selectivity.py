"""Distributions over channels of selectivity, variance, the opposite lobe and width."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.mt_maps.figures.parts import (
    COLOURS,
    NAMES,
    main_arms,
    measured,
)
from replicortex.core import tables
from replicortex.plotting.look import legend_above, rows
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SPANS = {"dsi_a": (-0.25, 1.25), "cv_dir": (0.0, 1.0), "g": (0.0, 1.0), "fwhm": (0.0, 360.0)}
CURVES = (("random", 0.0, ":"), ("continue", 0.25, "-"))  # network, alpha, line


@styled
def draw(channels: Path, fits: Path, measures: Path) -> Figure:
    """Distributions over channels of selectivity, variance, the opposite lobe and width."""
    by_channel, fitted = tables.read(channels), tables.read(fits)
    fitted = fitted[fitted["accepted"]]
    figure = new_figure(4.3)
    axes = figure.subplots(2, 4)
    looks = main_arms(measured(measures))
    for row, stimulus in zip(axes, ("gratings", "dots"), strict=True):
        for ax, measure, mark in zip(row, ("dsi_a", "cv_dir", "g", "fwhm"), "abcd", strict=True):
            source = fitted if measure in ("g", "fwhm") else by_channel
            source = source[source["stimulus"] == stimulus]
            for network, alpha, line in CURVES:
                own = rows(source, arm=list(looks), network=network, alpha=alpha)
                sns.ecdfplot(
                    own.assign(**{measure: own[measure].clip(*SPANS[measure])}),
                    x=measure,
                    hue="arm",
                    hue_order=list(looks),
                    palette=COLOURS,
                    linestyle=line,
                    linewidth=1.2,
                    legend=False,
                    ax=ax,
                )
            ax.set(xlim=SPANS[measure], ylim=(0, 1.02), xlabel="", ylabel="")
            if stimulus == "gratings":
                letter(ax, mark, "")
            else:
                ax.set_xlabel(NAMES[measure])
        row[0].set_ylabel(f"Channels (cumulative share)\n{stimulus}")
    legend_above(
        figure,
        looks.values(),
        [
            ("random weights", {"color": GREY, "linestyle": ":"}),
        ],
    )
    return note(
        figure,
        "Channels of all seeds; g and FWHM of those whose fit explains enough. Solid: MoCo + spatial loss "
        "(α = 0.25, continued); dotted: random weights. The preferred direction comes from one half of the "
        "repeats and DSI from the other.",
    )
