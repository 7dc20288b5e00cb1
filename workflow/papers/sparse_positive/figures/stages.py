"""Layers of networks of ImageNet and of CIFAR-10, trained and not: selective units, and V4."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.sparse_positive.figures.parts import PACKAGES, R
from replicortex.core import tables
from replicortex.plotting.look import Look, legend_above, rows
from replicortex.plotting.style import GREY, PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HUES = ("blue", "green", "purple", "vermillion")
LOOKS = {
    name: Look(words, PALETTE[hue], marker)
    for (name, words), hue, marker in zip(PACKAGES.items(), HUES, "os^D", strict=True)
}
OTHER = Look("networks of CIFAR-10", GREY, ".")
LINES = {"trained": "-", "untrained": ":"}
SHARE = "Units that pass (% of the layer's)"
PANELS = (
    ("face", "share", SHARE, "Face units"),
    ("scene", "share", SHARE, "Scene units"),
    ("random", "r", f"{R}, mean over neurons", "V4, random units"),
)


@styled
def draw(stages: Path) -> Figure:
    """Draw each network's layers from the first to the last, trained (filled) and untrained (hollow).

    `stages`: of `aggregate.stages`.
    """
    table = tables.read(stages)
    figure = new_figure(3.0)
    axes = figure.subplots(1, len(PANELS))
    drawn = [name for name in LOOKS if name in set(table["network"])]
    for ax, (units, value, label, title), mark in zip(axes, PANELS, "abc", strict=True):
        part = rows(table, units=units)
        # Those of CIFAR-10 lie below.
        for (network, source), own in sorted(
            part.groupby(["network", "source"]), key=lambda one: one[0][0] in LOOKS
        ):
            look = LOOKS.get(network, OTHER)
            ax.plot(
                own["depth"],
                own[value] * (100 if value == "share" else 1),
                color=look.colour,
                marker=look.marker,
                linestyle=LINES[source],
                fillstyle="full" if source == "trained" else "none",
                markersize=3.5,
                linewidth=0.9,
            )
        if value == "share":
            ax.set_yscale("symlog", linthresh=0.1)
            ax.set_ylim(-0.02, max(30, 120 * rows(table, units=["face", "scene"])["share"].max()))
        ax.set(xlabel="Depth (0: first layer, 1: last)", ylabel=label)
        letter(ax, mark, title)
    moments = [(source, {"color": "black", "linestyle": line}) for source, line in LINES.items()]
    legend_above(figure, [*(LOOKS[name] for name in drawn), OTHER], moments, ncols=4)
    return note(
        figure,
        "Selective units: Benjamini-Yekutieli, five comparisons. V4: signed ridge from random units, an "
        "alpha a neuron, mean over sessions and splits. Untrained: one draw of the weights.",
    )
