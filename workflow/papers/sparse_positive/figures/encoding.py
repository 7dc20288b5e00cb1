"""Figure 2: r and reorientation of eight regressions, fixed alpha."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.sparse_positive.figures.parts import (
    MATCHES,
    REGRESSIONS,
    SETS,
    TARGETS,
    THETA,
    R,
    fixed_alpha,
    legend,
    marks,
    space_label,
    with_regression,
)
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(scores: Path) -> Figure:
    """Figure 2: r and reorientation of eight regressions, of the first network of each target."""
    return of_network(scores, 0)


def of_network(scores: Path, rank: int, more: str = "") -> Figure:
    """Draw r and reorientation of one network of each target, in a column a region.

    Parameters
    ----------
    scores
        Table of `encode.encode`.
    rank
        0: the first network of each target; 1: the second where there is one.
    more
        What else the caption says.
    """
    fixed = with_regression(rows(tables.read(scores), chosen="fixed"))
    columns = _columns(fixed, rank)
    if not columns:
        return note(new_figure(1.2), "One network a target: see the figure of encoding.")
    figure = new_figure(4.6)
    axes = figure.subplots(2, len(columns), sharex=True, sharey="row", squeeze=False)
    for column, (target, space, region) in enumerate(columns):
        part = rows(fixed, target=target, space=space, region=region)
        by, looks = ("units", SETS) if region == "V4" else ("match", MATCHES)
        for ax, value in zip(axes[:, column], ("r_dead_0", "theta"), strict=True):
            marks(ax, part, value, by, looks, REGRESSIONS)
            ax.axvline(3.5, color=GREY, linewidth=0.5)
            ax.tick_params(axis="x", labelrotation=90, labelsize=6)
        if np.isfinite(part["ceiling"].iloc[0]):
            axes[0][column].axhline(part["ceiling"].mean(), color=GREY, linestyle=":")
        axes[0][column].set_title(f"{TARGETS[target]}\n{region}", fontsize=7)
    axes[0][0].set_ylabel(R)
    axes[1][0].set_ylabel(THETA)
    looks = {**MATCHES, **(SETS if any(region == "V4" for _, _, region in columns) else {})}
    legend(figure, looks.values())
    used = "; ".join(
        f"{TARGETS[target]}: {space_label(space)}"
        for target, space in dict.fromkeys((target, space) for target, space, _ in columns)
        if space not in ("planted", "table")
    )
    units = "splits (of NSD: people)" if any(one == "nsd" for one, _, _ in columns) else "splits"
    return note(
        figure,
        f"Test images, {fixed_alpha(fixed)}, mean and s.d. over {units}; a dead voxel has r = 0 and no Θ. "
        f"Dotted: noise ceiling. {used}. Planted, semi-real and ImageNet regions are no brains.{more}",
    )


def _columns(fixed: pd.DataFrame, rank: int) -> list[tuple[str, str, str]]:
    """Return target, space and region of each column of panels."""
    columns = []
    for target in TARGETS:
        of_target = rows(fixed, target=target)
        spaces = list(dict.fromkeys(of_target["space"]))
        if len(spaces) > rank:
            regions = dict.fromkeys(rows(of_target, space=spaces[rank])["region"])
            columns += [(target, spaces[rank], region) for region in regions]
    return columns
