"""Does accuracy fall, or does the readout fail? Three readouts of the same embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.topographic.figures.parts import (
    OBJECTIVES,
    curve,
    measured,
    over,
    pick,
    rho_axis,
    strengths,
)
from replicortex.plotting.style import (
    GREY,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROBES = {
    "probe raw": ("raw", "-"),
    "probe raw_slow": ("raw, slow", "--"),
    "probe standardised": ("standardised", ":"),
}


@styled
def draw(measures: Path) -> Figure:
    """Does accuracy fall, or does the readout fail? Three readouts of the same embeddings."""
    table = measured(measures)
    figure, rhos = new_figure(2.4), strengths(table)
    axes = figure.subplots(1, len(OBJECTIVES), sharey=True)
    for ax, (objective, look), mark in zip(axes, OBJECTIVES.items(), "abcd", strict=True):
        own = table[table["objective"] == objective]
        for number, (name, (_, line)) in enumerate(PROBES.items()):
            chosen = pick(own, "accuracy", parameter=name)
            curve(ax, chosen, rhos, look, line=line, filled=number == 0)
        letter(ax, mark, look.label)
        rho_axis(ax, rhos)
        ax.tick_params(axis="x", labelsize=6)
        ax.set_xlabel("Strength ρ")
    axes[0].set_ylabel("Test accuracy (fraction)")
    axes[0].set_ylim(0, 1)
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=GREY, linestyle=line, label=words) for words, line in PROBES.values()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return note(figure, f"Linear readouts of the same embeddings. {over(table)}")
