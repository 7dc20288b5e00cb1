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
from replicortex.plotting.style import GREY, PALE, letter, new_figure, note, styled

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
DENSITIES = ["density", "density_edge"]
TYPES = ["type_1", "type_2"]
# Multi-unit arrays in MT: diameter of pinwheel arrangements (mm; Diogo et al. 2002, An. Acad. Bras. Cienc.
# 74), and shares of types I and II (same journal, 92, 2020): the only numbers of MT that we could read.
CEBUS = (0.8, 1.4)
MONKEY = (0.34, 0.24)


@styled
def draw(measures: Path) -> Figure:
    """Evenness of coverage against wiring, and directions about pinwheels (claim 5)."""
    table = measured(measures)
    figure = new_figure(4.9)
    axes = figure.subplots(2, 3).ravel()
    looks = main_arms(table)
    where = {"positions": "own", "stimulus": "dots", "network": "continue", "alpha": 0.25}
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
    inside = pick(table, DENSITIES, arm=list(looks), **where)
    distance = pick(table, "apart", arm=list(looks), **where)
    types = pick(table, TYPES, arm=list(looks), stimulus="static", network="continue", alpha=0.25)
    for ax, values, by, order in (
        (axes[1], around, "measure", HUBS),
        (axes[2], signs, "null", SCRAMBLED),
        (axes[3], inside, "measure", DENSITIES),
        (axes[4], distance, "measure", ["apart"]),
        (axes[5], types, "measure", TYPES),
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
        ax.set(xlim=(-0.5, len(order) - 0.5), xlabel="")
    axes[1].set_xticks([0, 1], ["about\npinwheels", "about random\npoints"])
    axes[1].set(ylabel=NAMES["hub"], ylim=(0, 1.02))
    axes[2].set_xticks([0, 1], ["map", "phase-\nscrambled"])
    axes[2].set(ylabel="Opposite-sign nearest\nneighbours (share)", ylim=(0, 1.02))
    axes[3].set_xticks([0, 1], ["inside", "sheet's\nedge"])
    axes[3].set(ylabel=NAMES["density"])
    axes[4].axhspan(*CEBUS, color=PALE, zorder=0)
    axes[4].set_xticks([0], ["map"])
    axes[4].set(ylabel=NAMES["apart"])
    axes[5].set_xticks([0, 1], ["type I", "type II"])
    axes[5].set(ylabel="Channels (share)", ylim=(0, 1.02))
    for place, share in enumerate(MONKEY):
        axes[5].hlines(share, place - 0.35, place + 0.35, color=GREY, linewidth=1.2)
    for ax, mark in zip(axes, "abcdef", strict=True):
        letter(ax, mark, "")
    extra = [
        (name, {"color": GREY, "marker": marker, "linestyle": "none", "markersize": 5})
        for marker, name in NULLS.values()
    ]
    extra += [
        ("Cebus MT: diameter of pinwheels", {"color": PALE, "linewidth": 6}),
        ("monkey MT", {"color": GREY, "linewidth": 1.2}),
    ]
    legend_above(figure, looks.values(), extra, ncols=4)
    return note(
        figure,
        "α = 0.25, continued; dots, types: standing gratings; a mark is a seed. Low c′: even coverage. Edge: "
        "where units see padding. Band: Diogo et al. 2002; lines: shares of 585 clusters, DS and OS ones "
        "included (An. Acad. Bras. Cienc. 74 and 92).",
    )
