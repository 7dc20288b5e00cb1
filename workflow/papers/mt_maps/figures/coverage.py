"""Evenness of coverage against wiring, and directions about pinwheels (claim 5)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.mt_maps.figures.parts import (
    NAMES,
    main_arms,
    measured,
    pick,
)
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path) -> Figure:
    """Evenness of coverage against wiring, and directions about pinwheels (claim 5)."""
    table = measured(measures)
    figure = new_figure(2.9)
    axes = figure.subplots(1, 3)
    looks = main_arms(table)
    where = {"positions": "own", "stimulus": "gratings", "network": "continue", "alpha": 0.25}
    nulls = {"real": "o", "phase": "D", "shuffle": "x", "rainbow": "^"}
    for arm, look in looks.items():
        for null, marker in nulls.items():
            even = pick(table, "coverage", arm=arm, null=null, **where).set_index("seed")["value"]
            wires = pick(table, "wiring", arm=arm, null=null, **where).set_index("seed")["value"]
            axes[0].plot(
                wires,
                even.reindex(wires.index),
                marker,
                color=look.colour,
                markerfacecolor=look.colour if null in ("real", "shuffle") else "white",
            )
    axes[0].set(xlabel="Wiring: distance of like units (mm)", ylabel=NAMES["coverage"])
    for ax, measures in ((axes[1], ("hub", "away")), (axes[2], ("opposite", "opposite"))):
        for offset, (arm, look) in enumerate(looks.items()):
            for place, (measure, null) in enumerate(
                zip(measures, ("real", "phase" if ax is axes[2] else "real"), strict=True)
            ):
                values = pick(table, measure, arm=arm, null=null, **where)["value"]
                ax.plot(
                    [place + 0.15 * (offset - 0.5)] * len(values),
                    values,
                    look.marker,
                    color=look.colour,
                )
        ax.set_xlim(-0.5, 1.5)
    axes[1].set_xticks([0, 1], ["about\npinwheels", "about random\npoints"])
    axes[1].set(ylabel=NAMES["hub"], ylim=(0, 1.02))
    axes[2].set_xticks([0, 1], ["map", "phase-\nscrambled"])
    axes[2].set(ylabel="Opposite-sign nearest\nneighbours (share)", ylim=(0, 1.02))
    for ax, mark in zip(axes, "abc", strict=True):
        letter(ax, mark, "")
    marks = {"map": "o", "phase-scrambled": "D", "pixels shuffled": "x", "rainbow": "^"}
    extra = [
        (name, {"color": GREY, "marker": m, "linestyle": "none", "markerfacecolor": "white"})
        for name, m in marks.items()
    ]
    legend_above(figure, looks.values(), extra)
    return note(figure, "α = 0.25, continued; gratings; a mark is a seed. Low c′: even coverage.")
