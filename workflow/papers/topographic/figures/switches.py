"""What each disagreement of paper and code does to smoothness and norm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.topographic.figures.parts import OBJECTIVES, measured, strengths
from replicortex.plotting.labels import MORANS_I
from replicortex.plotting.look import legend_above, rows
from replicortex.plotting.style import (
    PALE,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = {
    "main": "as the code has it",
    "gradients_encoder": "gradient of the encoder",
    "form_units": "mean per unit (eq. 1)",
    "keep_total": "lowest total loss kept",
    "no_restart": "running mean never restarts",
    "distance_squared": "squared distance",
    "distance_cosine": "cosine distance",
    "no_bias": "no bias in the sheet",
    "no_dropout": "no dropout",
}


@styled
def draw(measures: Path) -> Figure:
    """What each disagreement of paper and code does to smoothness and norm."""
    table = measured(measures)
    arms = [arm for arm in ARMS if (table["arm"] == arm).any()]
    pairs = table[
        table["arm"].isin([a for a in arms if a not in ("main", "no_dropout", "no_bias")])
    ]
    rhos = strengths(pairs) if len(pairs) else strengths(table)[-1:]
    figure = new_figure(0.9 + 0.3 * len(arms))
    axes = figure.subplots(1, 3, sharey=True)
    panels = (
        ("moran", MORANS_I.axis),
        ("row_norm", "Mean norm of weights"),
        ("neighbour_cosine", "Cosine of neighbours' weights"),
    )
    series = _series(rhos)
    for ax, (measure, label), mark in zip(axes, panels, "abc", strict=True):
        own = rows(table, measure=measure, parameter="", arm=arms)
        own = own.assign(series=own["objective"] + own["rho"].map(" {:g}".format))
        for key, (colour, marker, _) in series.items():
            # The whole order each time, so that every series keeps its place beside the others.
            sns.stripplot(
                own[own["series"] == key],
                x="value",
                y="arm",
                hue="series",
                order=arms,
                hue_order=list(series),
                palette=[colour] * len(series),
                marker=marker,
                size=3.8,
                dodge=True,
                jitter=False,
                legend=False,
                ax=ax,
            )
        for place in range(len(arms)):
            ax.axhline(place + 0.5, color=PALE, linewidth=0.5)
        ax.set_xlabel(label)
        ax.locator_params(axis="x", nbins=4)
        letter(ax, mark, "")
    axes[0].set_yticks(range(len(arms)), [ARMS[arm] for arm in arms])
    axes[0].set_ylim(len(arms) - 0.5, -0.5)
    axes[0].set_ylabel("")
    legend_above(
        figure,
        (),
        [
            (label, {"color": colour, "marker": marker, "linestyle": "none"})
            for colour, marker, label in series.values()
        ],
        ncols=4,
    )
    return note(figure, "One mark per seed.")


def _series(rhos: Sequence[float]) -> dict[str, tuple[tuple[float, ...], str, str]]:
    """Return colour, marker and label of each objective at each rho: the paler, the weaker."""
    found = {}
    for objective in ("ce", "supcon"):
        look = OBJECTIVES[objective]
        shades = sns.light_palette(look.colour, len(rhos) + 2)[2:]
        for rho, shade in zip(rhos, shades, strict=True):
            found[f"{objective} {rho:g}"] = shade, look.marker, f"{look.label}, ρ = {rho:g}"
    return found
