"""Mismatched against matched units with intervals over splits and voxels."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns

from papers.sparse_positive.figures.parts import (
    REGRESSIONS,
    TARGETS,
    THETA,
    R,
    fixed_alpha,
    legend,
    space_label,
    with_regression,
)
from replicortex.core import tables
from replicortex.plotting.look import Look, hues, rows
from replicortex.plotting.style import GREY, PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = (
    ("theta_difference", f"{THETA}, mismatched less matched", 0),
    ("r_ratio", f"{R}, mismatched / matched", 1),
)
# Colour and marker of each target, space and region, in turn.
MARKS = [
    (PALETTE[colour], marker)
    for marker in "o^sD"
    for colour in ("blue", "vermillion", "green", "orange", "purple")
]


@styled
def draw(intervals: Path, scores: Path) -> Figure:
    """Mismatched against matched units with intervals over splits and voxels.

    `intervals`: of `aggregate.intervals`, the source of values and whiskers alike; `scores`: of
    `encode.encode`, for its alpha.
    """
    table = with_regression(tables.read(intervals))
    cells = zip(table["target"], table["region"], table["space"], strict=True)
    table = table.assign(cell=[_cell_name(*cell) for cell in cells])
    looks = {
        name: Look(name, *mark)
        for name, mark in zip(dict.fromkeys(table["cell"]), cycle(MARKS), strict=False)
    }
    figure = new_figure(4.2)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (value, label, still) in zip(axes, PANELS, strict=True):
        _intervals(ax, table, value, looks)
        ax.axvline(still, color=GREY, linewidth=0.8)
        ax.set(xlabel=label, ylabel="")
    axes[1].set_xlim(-0.6, 2.1)
    axes[0].set_ylim(7.6, -0.6)
    legend(figure, looks.values(), ncols=3)
    units = "splits (of NSD: people)" if "nsd" in set(table["target"]) else "splits"
    return note(
        figure,
        f"95 % percentile intervals over resampled {units} and voxels; {fixed_alpha(tables.read(scores))}. "
        "Ratios beyond the axis are cut.",
    )


def _intervals(ax: Axes, table: pd.DataFrame, value: str, looks: dict[str, Look]) -> None:
    """Draw values and their intervals of the table, the targets of a regression below each other.

    `value`: the column; `_lower` and `_upper` beside it. `looks`: of each cell, in their order.
    """
    width = min(0.1 * (len(looks) - 1), 0.8)
    sns.pointplot(
        table,
        x=value,
        y="regression",
        hue="cell",
        order=REGRESSIONS,
        **hues(looks),
        dodge=width,
        errorbar=None,
        linestyle="none",
        markersize=3,
        markeredgewidth=0.8,
        legend=False,
        ax=ax,
    )
    for number, (name, look) in enumerate(looks.items()):
        own = rows(table, cell=name)
        shift = width * (number / max(len(looks) - 1, 1) - 0.5)
        y = own["regression"].map(REGRESSIONS.index) + shift
        ax.hlines(y, own[f"{value}_lower"], own[f"{value}_upper"], colors=look.colour, linewidth=1)


def _cell_name(target: str, region: str, space: str) -> str:
    """What is predicted in words, and from which space where there are several."""
    tail = "" if space in ("planted", "table") else f", {space_label(space)}"
    return f"{TARGETS[target]} {region}{tail}"
