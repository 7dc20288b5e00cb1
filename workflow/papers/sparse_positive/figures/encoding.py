"""Figure 2: r and reorientation of eight regressions, fixed alpha."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.sparse_positive.figures.parts import (
    MATCHES,
    SETS,
    TARGETS,
    THETA,
    R,
    models_and_signs,
    over_seeds,
    space_label,
    title_of,
)
from replicortex.core import tables
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(scores: pd.DataFrame, rank: int) -> Figure:
    """Figure 2: r and reorientation of eight regressions, fixed alpha.

    `rank`: 0 shows the first network of each target, 1 the second where there is one.
    """
    fixed = scores[scores.chosen == "fixed"]
    columns = []
    for target in TARGETS:
        of_target = fixed[fixed.target == target]
        spaces = list(dict.fromkeys(of_target.space))
        if len(spaces) > rank:
            space = spaces[rank]
            regions = dict.fromkeys(of_target[of_target.space == space].region)
            columns += [(target, space, region) for region in regions]
    if not columns:
        return note(new_figure(1.2), "One network a target: see the figure of encoding.")
    figure = new_figure(4.6)
    axes = figure.subplots(2, len(columns), sharex=True, sharey="row", squeeze=False)
    for column, (target, space, region) in enumerate(columns):
        part = fixed[(fixed.target == target) & (fixed.space == space) & (fixed.region == region)]
        groups = SETS if region == "V4" else MATCHES
        key = "units" if region == "V4" else "match"
        for row, value in enumerate(("r_dead_0", "theta")):
            ax = axes[row][column]
            for number, (group, (_, colour, marker)) in enumerate(groups.items()):
                for place, (model, sign) in enumerate(models_and_signs()):
                    cell = part[
                        (part[key] == group) & (part.model == model) & (part.weights == sign)
                    ]
                    over_seeds(ax, cell, value, place + 0.22 * (number - 0.5), colour, marker)
            ax.axvline(3.5, color=GREY, linewidth=0.5)
            if row == 0 and np.isfinite(part.ceiling.iloc[0]):
                ax.axhline(part.ceiling.mean(), color=GREY, linestyle=":")
        axes[0][column].set_title(f"{TARGETS[target]}\n{region}", fontsize=7)
        axes[1][column].set_xticks(
            range(8), [title_of(*cell) for cell in models_and_signs()], rotation=90, fontsize=6
        )
    axes[0][0].set_ylabel(R)
    axes[1][0].set_ylabel(THETA)
    marks = {**MATCHES, **(SETS if any(c[2] == "V4" for c in columns) else {})}
    handles = [
        axes[0][0].plot([], [], marker, color=colour, label=label, markersize=3.5)[0]
        for label, colour, marker in marks.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=6)
    used = "; ".join(
        f"{TARGETS[t]}: {space_label(s)}"
        for t, s in dict.fromkeys((t, s) for t, s, _ in columns)
        if s not in ("planted", "table")
    )
    return note(
        figure,
        f"Test images, alpha 0.1, mean and s.d. over seeds; a dead voxel has r = 0 and no Θ. "
        f"Dotted: noise ceiling. {used}. Planted and semi-real regions are no brains.",
    )


@styled
def draw(scores: Path) -> Figure:
    """Figure 2: r and reorientation of eight regressions, fixed alpha.

    `rank`: 0 shows the first network of each target, 1 the second where there is one.
    """
    return figure_of(tables.read(scores), 0)
