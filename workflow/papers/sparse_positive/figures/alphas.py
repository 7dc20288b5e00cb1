"""Figure 4: fixed against chosen alpha, and how many of the alphas are alive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns

from papers.sparse_positive.figures.parts import (
    MATCHES,
    MODELS,
    REGRESSIONS,
    THETA,
    R,
    fixed_alpha,
    groups,
    legend,
    marks,
    over,
    with_regression,
)
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# How alpha is chosen, and what sets its marks apart.
CHOICES = {"fixed": {"markerfacecolor": "none"}, "voxel": {}, "global": {"markersize": 3}}
# An alpha for all voxels has a cross, on a place of its own beside the other two.
ALL = ", all"
PLACES = {
    name: look
    for match, own in MATCHES.items()
    for name, look in ((match, own), (match + ALL, own._replace(marker="x")))
}
PANELS = (("r_dead_0", R, "Prediction"), ("theta", THETA, "Reorientation"))
WIDTH = 0.45  # from the first place to the last, in regressions
ORDER = [name for name in REGRESSIONS if not name.startswith(MODELS["ols"])]


@styled
def draw(scores: Path, alphas: Path) -> Figure:
    """Figure 4: fixed against chosen alpha, and how many of the alphas are alive.

    `scores`, `alphas`: tables of `encode.encode`. All are means over seeds, regions and spaces; a row
    of panels for each group of targets.
    """
    every = with_regression(rows(tables.read(scores), match=list(MATCHES)))
    usable = with_regression(rows(tables.read(alphas), match=list(MATCHES)))
    parts = groups(every)
    live = groups(usable)
    figure = new_figure(0.7 + 2.7 * len(parts))
    axes = figure.subplots(len(parts), 3, squeeze=False)
    marked = iter("abcdefghi")
    for line, (words, part) in zip(axes, parts.items(), strict=True):
        tail = f": {words}" if len(parts) > 1 else ""
        for ax, (value, label, title) in zip(line, PANELS, strict=False):
            _chosen(ax, part, value)
            ax.set_ylabel(label)
            letter(ax, next(marked), f"{title}{tail if value == 'r_dead_0' else ''}")
        sns.barplot(
            live[words],
            x="regression",
            y="usable",
            order=ORDER,
            errorbar=None,
            color=PALETTE["sky"],
            saturation=1,
            ax=line[2],
        )
        of = live[words]["of"].max()
        line[2].set(xlabel="", ylabel=f"Alphas with any weight (of {of})", ylim=(0, 1.05 * of))
        letter(line[2], next(marked), "Usable alphas")
        for ax in line:
            ax.tick_params(axis="x", labelrotation=90)
    chosen = [
        (fixed_alpha(every), {"marker": "o", "markerfacecolor": "none"}),
        ("chosen per voxel", {"marker": "o"}),
        ("one chosen for all", {"marker": "x", "markersize": 3}),
    ]
    legend(figure, MATCHES.values(), [(name, {"color": GREY, **how}) for name, how in chosen])
    each = "; ".join(f"{words}: over {over(part)}" for words, part in parts.items())
    return note(
        figure,
        f"Means over regions and spaces ({each}). Alphas are chosen on validation images.",
    )


def _chosen(ax: Axes, part: pd.DataFrame, value: str) -> None:
    """Draw the means of each choice of alpha, and join the fixed one with that of each voxel.

    `part`: rows of a group of targets; `value`: the column that is drawn.
    """
    for choice, how in CHOICES.items():
        own = rows(part, chosen=choice)
        if choice == "global":
            own = own.assign(match=own["match"] + ALL)
        marks(ax, own, value, "match", PLACES, ORDER, errorbar=None, dodge=WIDTH, **how)
    means = part.groupby(["match", "regression", "chosen"])[value].mean().unstack("chosen")
    for number, (name, look) in enumerate(PLACES.items()):
        if name in MATCHES:
            own = means.loc[name].reindex(ORDER)
            shift = WIDTH * (number / (len(PLACES) - 1) - 0.5)
            x = [place + shift for place in range(len(ORDER))]
            ax.vlines(x, own["fixed"], own["voxel"], colors=look.colour, linewidth=0.8, zorder=1)
