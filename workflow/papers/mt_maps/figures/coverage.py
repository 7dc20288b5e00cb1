"""Evenness of coverage against wiring, and directions about pinwheels (claim 5)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.mt_maps.figures.parts import (
    COLOURS,
    NAMES,
    main_arms,
    measured,
    pick,
)
from replicortex.plotting.look import legend_above, rows
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# Marker and name of the map and its surrogates.
NULLS = {
    "real": ("o", "map"),
    "phase": ("D", "phase-scrambled"),
    "shuffle": ("X", "pixels shuffled"),
    "rainbow": ("^", "rainbow"),
}
HUBS = ["hub", "away"]
SCRAMBLED = ["real", "phase"]


@styled
def draw(measures: Path) -> Figure:
    """Evenness of coverage against wiring, and directions about pinwheels (claim 5)."""
    table = measured(measures)
    figure = new_figure(2.9)
    axes = figure.subplots(1, 3)
    looks = main_arms(table)
    where = {"positions": "own", "stimulus": "gratings", "network": "continue", "alpha": 0.25}
    own = pick(table, ["coverage", "wiring"], arm=list(looks), null=list(NULLS), **where)
    both = own.pivot(index=["arm", "null", "seed"], columns="measure", values="value")
    sns.scatterplot(
        both.reset_index(),
        x="wiring",
        y="coverage",
        hue="arm",
        palette=COLOURS,
        style="null",
        style_order=list(NULLS),
        markers={null: marker for null, (marker, _) in NULLS.items()},
        s=28,
        edgecolor="white",
        linewidth=0.4,
        legend=False,
        ax=axes[0],
    )
    axes[0].set(xlabel="Wiring: distance of like units (mm)", ylabel=NAMES["coverage"])
    around = pick(table, HUBS, arm=list(looks), **where)
    signs = pick(table, "opposite", arm=list(looks), null=SCRAMBLED, **where)
    for ax, values, by, order in (
        (axes[1], around, "measure", HUBS),
        (axes[2], signs, "null", SCRAMBLED),
    ):
        for arm, look in looks.items():
            # The whole order each time, so that every task keeps its place beside the other.
            sns.stripplot(
                rows(values, arm=arm),
                x=by,
                y="value",
                hue="arm",
                order=order,
                hue_order=list(looks),
                palette=COLOURS,
                marker=look.marker,
                size=4.5,
                dodge=True,
                jitter=False,
                legend=False,
                ax=ax,
            )
        ax.set(xlim=(-0.5, 1.5), xlabel="")
    axes[1].set_xticks([0, 1], ["about\npinwheels", "about random\npoints"])
    axes[1].set(ylabel=NAMES["hub"], ylim=(0, 1.02))
    axes[2].set_xticks([0, 1], ["map", "phase-\nscrambled"])
    axes[2].set(ylabel="Opposite-sign nearest\nneighbours (share)", ylim=(0, 1.02))
    for ax, mark in zip(axes, "abc", strict=True):
        letter(ax, mark, "")
    extra = [
        (name, {"color": GREY, "marker": marker, "linestyle": "none", "markersize": 5})
        for marker, name in NULLS.values()
    ]
    legend_above(figure, looks.values(), extra)
    return note(figure, "α = 0.25, continued; gratings; a mark is a seed. Low c′: even coverage.")
