"""Units that pass all five tests, by feature space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.sparse_positive.figures.parts import SETS, space_label
from replicortex.core import tables
from replicortex.plotting.style import new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """Units that pass all five tests, by feature space."""
    spaces = list(dict.fromkeys(table.space))
    figure = new_figure(min(1.2 + 0.13 * len(spaces), 9))
    ax = figure.subplots()
    for units, shift in (("face", -0.18), ("scene", 0.18)):
        label, colour, marker = SETS[units]
        part = table[table.units == units].set_index("space").loc[spaces]
        y = np.arange(len(spaces)) + shift
        ax.plot(part.passing, y, marker, color=colour, markersize=3.5, label=label)
        ax.plot(part.passing_permuted, y, "x", color=colour, markersize=2.5, alpha=0.7)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(-0.2, max(table.passing.max() * 1.5, 10))
    ax.set_yticks(range(len(spaces)), [space_label(name) for name in spaces], fontsize=5.5)
    ax.set_ylim(len(spaces) - 0.5, -0.5)
    ax.set_xlabel("Units that pass all five comparisons (count)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return note(figure, "Crosses: the same with permuted labels. Benjamini-Yekutieli, q = 0.05.")


@styled
def draw(localizer: Path) -> Figure:
    """Units that pass all five tests, by feature space."""
    return figure_of(tables.read(localizer))
