"""Outer plans with their marginals, mean over splits and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.hierarchical_ot.figures.parts import label, shown
from replicortex.core import tables
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame, structure: pd.DataFrame) -> Figure:
    """Outer plans with their marginals, mean over splits and seeds."""
    keys = [
        key
        for key in shown(table)
        if table[(table["pair"] == key[0]) & (table["rotate"] == key[1])]["row"].max() > 0
        and table[(table["pair"] == key[0]) & (table["rotate"] == key[1])]["column"].max() > 0
    ]
    columns = 6
    rows = -(-len(keys) // columns)
    figure = new_figure(1.35 * rows + 0.7)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(keys) :]:
        ax.set_axis_off()
    image = None
    depths = structure[structure["measure"] == "depth correlation"]
    for number, (ax, (pair, rotate)) in enumerate(zip(axes, keys, strict=False)):
        own = table[(table["pair"] == pair) & (table["rotate"] == rotate)]
        plan = own.pivot_table(index="row", columns="column", values="plan").to_numpy()
        share = len(plan) * plan
        image = ax.imshow(share, cmap="cividis", vmin=0, vmax=1, aspect="auto", origin="lower")
        depth = depths[(depths["pair"] == pair) & (depths["rotate"] == rotate)]["value"].mean()
        turned = "+R, " if rotate == "yes" else ""
        ax.set_title(f"{label(pair)}\n{turned}{_size(plan)}, r = {depth:.2f}", fontsize=5.5)
        ax.set_xticks([])
        ax.set_yticks([])
        marginals(ax, plan)
        if number % columns == 0:
            ax.set_ylabel("Source layer")
        if number >= len(keys) - columns:
            ax.set_xlabel("Target layer")
    if image is not None:
        figure.colorbar(
            image,
            ax=list(axes),
            label="Share of the source layer's mass",
            location="bottom",
            shrink=0.4,
            aspect=30,
        )
    return note(
        figure,
        "First layers at the lower left; mean over splits and seeds. Bars: row sums (right) and column "
        "sums (top) of the plan, relative to the largest; all are equal, as they must be. r: depth "
        "correlation. Systems of one layer are left out, as their plan is forced. Related, distinct: "
        "simulated subjects.",
    )


def _size(plan: np.ndarray) -> str:
    return f"{plan.shape[0]} × {plan.shape[1]}"


def marginals(ax: Axes, plan: np.ndarray) -> None:
    """Draw the sums of rows and columns as bars beside the plan."""
    right = ax.inset_axes((1.01, 0, 0.07, 1), sharey=ax)
    right.barh(np.arange(len(plan)), plan.sum(1) / plan.sum(1).max(), color=GREY, height=0.8)
    top = ax.inset_axes((0, 1.01, 1, 0.07), sharex=ax)
    top.bar(np.arange(plan.shape[1]), plan.sum(0) / plan.sum(0).max(), color=GREY, width=0.8)
    for side in (right, top):
        side.set_axis_off()


@styled
def draw(plans: Path, structure: Path) -> Figure:
    """Outer plans with their marginals, mean over splits and seeds."""
    return figure_of(tables.read(plans), tables.read(structure))
