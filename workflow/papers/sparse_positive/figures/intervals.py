"""Mismatched against matched units with intervals over splits and voxels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.sparse_positive.figures.parts import (
    TARGETS,
    THETA,
    R,
    models_and_signs,
    space_label,
    title_of,
)
from replicortex.core import tables
from replicortex.plotting.style import GREY, PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CELLS = [
    (PALETTE[colour], marker)
    for marker in "o^sD"
    for colour in ("blue", "vermillion", "green", "orange", "purple")
]


def figure_of(table: pd.DataFrame) -> Figure:
    """Mismatched against matched units with intervals over splits and voxels."""
    cells = [
        (target, space, region)
        for target, space, region in dict.fromkeys(
            zip(table.target, table.space, table.region, strict=True)
        )
    ]
    figure = new_figure(4.2)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, value, label, still in zip(
        axes, ("theta_difference", "r_ratio"),
        (f"{THETA}, mismatched less matched", f"{R}, mismatched / matched"), (0, 1), strict=True,
    ):  # fmt: skip
        for number, (target, space, region) in enumerate(cells):
            part = table[
                (table.target == target) & (table.space == space) & (table.region == region)
            ]
            colour, marker = CELLS[number % len(CELLS)]
            for place, (model, sign) in enumerate(models_and_signs()):
                one = part[(part.model == model) & (part.weights == sign)]
                if one.empty or not np.isfinite(one[value].iloc[0]):
                    continue
                y = place + 0.1 * (number - (len(cells) - 1) / 2)
                low, high = one[f"{value}_lower"].iloc[0], one[f"{value}_upper"].iloc[0]
                ax.plot([low, high], [y, y], color=colour, linewidth=1)
                ax.plot(one[value].iloc[0], y, marker, color=colour, markersize=3)
        ax.axvline(still, color=GREY, linewidth=0.8)
        ax.set_xlabel(label)
    axes[1].set_xlim(-0.6, 2.1)
    axes[0].set_yticks(range(8), [title_of(*cell) for cell in models_and_signs()])
    axes[0].set_ylim(7.6, -0.6)
    handles = [
        axes[0].plot([], [], marker, color=colour, markersize=3, label=_cell_name(*cell))[0]
        for cell, (colour, marker) in zip(cells, CELLS * 9, strict=False)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=5.5)
    return note(
        figure,
        "95 % percentile intervals over resampled splits and voxels; alpha 0.1. "
        "Ratios beyond the axis are cut.",
    )


def _cell_name(target: str, space: str, region: str) -> str:
    tail = "" if space in ("planted", "table") else f", {space_label(space)}"
    return f"{TARGETS[target]} {region}{tail}"


@styled
def draw(intervals: Path) -> Figure:
    """Mismatched against matched units with intervals over splits and voxels."""
    return figure_of(tables.read(intervals))
