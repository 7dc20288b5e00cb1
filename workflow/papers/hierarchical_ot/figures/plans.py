"""Outer plans with their marginals, mean over splits and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import seaborn as sns

from papers.hierarchical_ot.figures.parts import compared
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 6
BAR_INCHES = 0.35  # the colour bar's share of the height


@styled
def draw(plans: Path, structure: Path) -> Figure:
    """Outer plans with their marginals, mean over splits and seeds.

    Parameters
    ----------
    plans, structure
        The tables; of the latter the depth correlations, which stand above the panels.
    """
    table = compared(tables.read(plans))
    found, names = mean_plans(table), dict(zip(table["label"], table["name"], strict=True))
    order = rows(compared(tables.read(structure)), measure="depth correlation")
    depths = order.groupby("label", observed=True)["value"].mean()
    lines = -(-len(found) // COLUMNS)
    inches = 1.35 * lines + 0.7
    figure = new_figure(inches)
    axes = figure.subplots(lines, COLUMNS, squeeze=False).ravel()
    for ax in axes[len(found) :]:
        ax.set_axis_off()
    for number, (ax, (label, plan)) in enumerate(zip(axes, found.items(), strict=False)):
        sns.heatmap(
            len(plan) * plan,
            **{"cmap": "cividis", "vmin": 0, "vmax": 1, "cbar": False, "rasterized": True},
            **{"xticklabels": False, "yticklabels": False},
            ax=ax,
        )
        ax.invert_yaxis()
        turned = "+R, " if label != names[label] else ""
        size = f"{plan.shape[0]} × {plan.shape[1]}"
        ax.set_title(f"{names[label]}\n{turned}{size}, r = {depths[label]:.2f}", fontsize=5.5)
        marginals(ax, plan)
        if number % COLUMNS == 0:
            ax.set_ylabel("Source layer")
        if number >= len(found) - COLUMNS:
            ax.set_xlabel("Target layer")
    if found:
        figure.colorbar(
            axes[0].collections[0],
            ax=list(axes),
            label="Share of the source layer's mass",
            location="bottom",
            fraction=BAR_INCHES / inches,
            pad=0.4 * BAR_INCHES / inches,
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


def mean_plans(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return plans (source layers, target layers) by label, in order; none of a system of one layer."""
    found = {
        label: own.pivot_table(index="row", columns="column", values="plan").to_numpy()
        for label, own in table.groupby("label", observed=True)
    }
    return {label: plan for label, plan in found.items() if min(plan.shape) > 1}


def marginals(ax: Axes, plan: np.ndarray) -> None:
    """Draw the sums of rows and columns as bars beside the plan, whose cells are of size 1."""
    right = ax.inset_axes((1.01, 0, 0.07, 1), sharey=ax)
    places = np.arange(plan.shape[0]) + 0.5
    right.barh(places, plan.sum(1) / plan.sum(1).max(), color=GREY, height=0.8)
    top = ax.inset_axes((0, 1.01, 1, 0.07), sharex=ax)
    places = np.arange(plan.shape[1]) + 0.5
    top.bar(places, plan.sum(0) / plan.sum(0).max(), color=GREY, width=0.8)
    for side in (right, top):
        side.set_axis_off()
