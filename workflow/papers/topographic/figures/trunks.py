"""Does it hold on features of a network that ImageNet trained? Smoothness and norms beside the main arm's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.topographic.figures.parts import (
    OBJECTIVES,
    curve,
    measured,
    pick,
    rho_axis,
    strengths,
)
from replicortex.plotting.labels import MORANS_I
from replicortex.plotting.look import Look, legend_above, rows, seeds_note
from replicortex.plotting.style import GREY, PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Arms that differ in what the sheet stands on, and the line of each.
TRUNKS = {
    "main": (Look("the study's trunk", PALETTE["black"], "o"), "-"),
    "lite0": (Look("EfficientNet-Lite0's features", PALETTE["blue"], "s"), "--"),
    "lite0_mean": (Look("these with their mean", PALETTE["orange"], "^"), ":"),
}
MEASURES = {
    "moran": f"{MORANS_I.axis},\nraw output",
    "moran_without_bias": f"{MORANS_I.axis},\nless the bias",
    "row_norm": "Mean norm\nof weights",
}


@styled
def draw(measures: Path) -> Figure:
    """Smoothness with the sheet's bias and without, and norms, by what the sheet stands on."""
    table = measured(measures)
    own = rows(table, arm=list(TRUNKS), measure=list(MEASURES))
    rhos = strengths(own)
    trained = {arm: how for arm, how in TRUNKS.items() if (own["arm"] == arm).any()}
    figure = new_figure(5.4)
    axes = figure.subplots(len(MEASURES), len(OBJECTIVES), sharex=True, sharey="row")
    for across, (measure, label) in zip(axes, MEASURES.items(), strict=True):
        for ax, objective in zip(across, OBJECTIVES, strict=True):
            for arm, (look, line) in trained.items():
                found = pick(own[own["objective"] == objective], measure, arm)
                if len(found):
                    curve(ax, found, rhos, look, line, filled=arm == "main")
            ax.axhline(0, color=GREY, linewidth=0.6)
            rho_axis(ax, rhos)
        across[0].set_ylabel(label)
    for ax, look in zip(axes[0], OBJECTIVES.values(), strict=True):
        ax.set_title(look.label)
    for ax in axes[-1]:
        ax.set_xlabel("Topographic strength ρ")
    legend_above(figure, (), [(look.label, _line(look, line)) for look, line in trained.values()])
    seeds = own.groupby(["arm", "objective", "rho"])["seed"].nunique()
    return note(figure, seeds_note(seeds))


def _line(look: Look, line: str) -> dict[str, str]:
    return {"color": look.colour, "marker": look.marker, "linestyle": line}
