"""What the weight of the spatial loss changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from papers.mt_maps.figures.parts import (
    NAMES,
    main_arms,
    measured,
    name_places,
    pick,
    seeds_said,
)
from replicortex.plotting.look import curve, legend_above
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path) -> Figure:
    """What the weight of the spatial loss changes."""
    table = measured(measures)
    figure = new_figure(4.3)
    axes = figure.subplots(2, 4)
    looks = main_arms(table)
    panels = (
        ("matching", {}),
        ("spatial_loss", {"positions": "own", "stimulus": "dots"}),
        ("smoothness", {"positions": "own", "stimulus": "dots"}),
        ("density", {"positions": "own", "stimulus": "dots"}),
        ("dsi_a", {"stimulus": "gratings", "curve": "averaged", "area": "MT"}),
        ("cv_ax", {"stimulus": "gratings", "curve": "averaged", "area": "MT"}),
        ("g", {"stimulus": "gratings", "curve": "averaged", "area": "MT"}),
        ("fractures", {"positions": "own", "stimulus": "dots"}),
    )
    continued = table[table["network"] == "continue"]
    weights = sorted(set(continued[continued["arm"].isin(looks)]["alpha"]))
    for ax, (measure, where), mark in zip(axes.ravel(), panels, "abcdefgh", strict=True):
        for arm, look in looks.items():
            for network, filled, line in (("continue", True, "-"), ("restart", False, "none")):
                own = pick(table, measure, arm=arm, network=network, **where)
                curve(ax, own[own["alpha"].isin(weights)], "alpha", weights, look, line, filled)
            start = pick(table, measure, arm=arm, network="random", **where)["value"]
            if len(start):
                ax.axhline(start.mean(), color=look.colour, linestyle=":", linewidth=0.8)
        if measure == "density":
            ax.axhline(np.pi, color=GREY, linewidth=0.6)
            ax.annotate(
                "π",
                (1, np.pi),
                (2, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=7,
            )
        name_places(ax, [f"{a:g}" for a in weights])
        ax.set_xlim(-0.4, len(weights) - 0.6)
        ax.set_ylabel(NAMES[measure])
        letter(ax, mark, "")
        if mark in "efgh":
            ax.set_xlabel("Weight of the spatial loss, α")
    legend_above(
        figure,
        looks.values(),
        [
            (
                "restarted",
                {"color": GREY, "marker": "o", "markerfacecolor": "white", "linestyle": "none"},
            ),
            ("random weights", {"color": GREY, "linestyle": ":"}),
        ],
    )
    return note(
        figure, f"MT layer; tuning to gratings, maps and their loss to dots. {seeds_said(table)}"
    )
