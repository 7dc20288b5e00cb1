"""What the planted generator's free parameters decide of figure 2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.sparse_positive.figures.parts import legend
from replicortex.core import tables
from replicortex.plotting.look import Look, hues, rows
from replicortex.plotting.style import GREY, PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARAMETERS = {
    "mixed": "units in a voxel",
    "latents": "latents",
    "opposition": "opposition of the latents",
    "spread": "s.d. of loads",
    "noise": "s.d. of a unit's own",
    "negative": "share of negative weights",
}
KINDS = {
    "keep": Look("matched units", PALETTE["blue"], "o"),
    "drop": Look("mismatched units", PALETTE["vermillion"], "^"),
}


@styled
def draw(generator: Path) -> Figure:
    """Draw what positive weights change of the Lasso's r over each parameter of the generator.

    `generator`: of `sweep.sweep`. Marks: mean and s.d. over draws.
    """
    table = tables.read(generator)
    table = table.assign(keep=table["keep"] / table["r_matched"])
    figure = new_figure(3.6)
    axes = figure.subplots(2, 3, sharey=True)
    for ax, (name, words) in zip(axes.flat, PARAMETERS.items(), strict=True):
        part = rows(table, parameter=name)
        each = part.melt(["seed", "value"], list(KINDS), var_name="kind", value_name="change")
        sns.pointplot(
            each,
            x="value",
            y="change",
            hue="kind",
            **hues(KINDS),
            errorbar="sd",
            markersize=3.5,
            linewidth=0.8,
            legend=False,
            formatter=lambda value: f"{value:g}",
            ax=ax,
        )
        ax.axhline(-0.5, color=GREY, linestyle=":", linewidth=0.8)
        ax.set(xlabel=words, ylabel="Change of r, relative")
    legend(figure, KINDS.values(), ncols=2)
    return note(
        figure,
        "Planted FFA: what positive instead of signed weights change of the Lasso's r, one parameter of "
        "the generator changed at a time; mean and s.d. over draws. Dotted: half of r is lost.",
    )
