"""Was the wanted ratio of gradients realised, and do numbers at the strongest topography travel?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

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
from replicortex.plotting.look import legend_above, rows
from replicortex.plotting.style import GREY, PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Arms that differ in their inputs by a rounding error.
PERTURBED = {
    "main": ("as they are", "o", PALETTE["black"]),
    "perturbed_up": ("× (1 + 10⁻⁶)", "^", PALETTE["purple"]),
    "perturbed_down": ("× (1 − 10⁻⁶)", "v", PALETTE["green"]),
}
STRONGEST = 5


@styled
def draw(measures: Path) -> Figure:
    """Share of steps at the bound of lambda; smoothness less the bias from perturbed inputs."""
    table = measured(measures)
    figure, rhos = new_figure(2.9), strengths(table)
    axes = figure.subplots(1, 2)
    for objective, look in OBJECTIVES.items():
        curve(axes[0], pick(rows(table, objective=objective), "clamped"), rhos, look)
    rho_axis(axes[0], rhos).set_xlabel(RHO_AXIS)
    axes[0].set_ylabel("Share of steps at the bound of λ")
    axes[0].set_ylim(-0.03, 1.03)
    letter(axes[0], "a", "Where the ratio is not realised")
    own = rows(table, measure="moran_without_bias", arm=list(PERTURBED), rho=STRONGEST)
    for arm, (_, marker, colour) in PERTURBED.items():
        # The whole order each time, so that every arm keeps its place beside the others.
        sns.stripplot(
            rows(own, arm=arm),
            x="objective",
            y="value",
            hue="arm",
            order=list(OBJECTIVES),
            hue_order=list(PERTURBED),
            palette=[colour] * len(PERTURBED),
            marker=marker,
            dodge=True,
            jitter=False,
            size=4.5,
            legend=False,
            ax=axes[1],
        )
    axes[1].set_xlim(-0.5, len(OBJECTIVES) - 0.5)
    if own.empty:
        axes[1].set_yticks([])
        axes[1].text(1.5, 0.5, "not trained at this scale", ha="center", color=GREY)
    labels = [look.label.replace(" (", "\n(") for look in OBJECTIVES.values()]
    axes[1].set_xticks(range(len(OBJECTIVES)), labels)
    axes[1].set_xlabel("")
    axes[1].set_ylabel(f"{MORANS_I.axis}, output less the bias")
    letter(axes[1], "b", f"Inputs changed by a millionth, ρ = {STRONGEST}")
    marks = [
        (label, {"color": colour, "marker": marker, "linestyle": "none"})
        for label, marker, colour in PERTURBED.values()
    ]
    legend_above(figure, OBJECTIVES.values(), marks, ncols=4)
    return note(figure, f"{over(table)} In b one mark per seed.")
