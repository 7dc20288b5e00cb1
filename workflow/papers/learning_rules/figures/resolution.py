"""Alignment of one fixed layer against the size of the images, sharp and blurred."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import seaborn as sns

from papers.learning_rules.figures.parts import (
    CONDITIONS,
    FIXED_LAYER,
    SCORES,
    area_label,
    draw_lines,
    legend_above,
    present,
    seed_note,
    since_start,
    table_of,
    zero_line,
)
from replicortex.plotting.labels import IMAGE_SIZE, RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import (
    GREY,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _no_data(ax: Axes) -> Axes:
    ax.text(0.5, 0.5, "not measured at this scale", transform=ax.transAxes, ha="center", color=GREY)
    return ax


@styled
def draw(curves: Path, early: str) -> Figure:
    """Draw alignment of one fixed layer against the size of the images, sharp and blurred.

    Parameters
    ----------
    curves
        The table of this name.
    early
        The region that counts as early.
    """
    scores = table_of(curves, SCORES)
    # On a grid: averaged over space conv1 does not differ from 0 on some data.
    table = where(scores, roi=early, layer=FIXED_LAYER, bn="running", pooling="grid")
    if table.empty:
        figure = new_figure(1.6)
        _no_data(figure.subplots())
        return note(figure, f"{FIXED_LAYER} on a grid: evaluation.poolings has no 'grid'.")
    last = int(table["epoch"].max())
    swept = set(where(table, arm="upsampled")["px"]) or set(table["px"])
    table = where(table, px=sorted(swept), epoch=[0, last])
    arms = {
        "native": "Full detail",
        "upsampled": f"Reduced to {min(swept)} px, then enlarged",
    }
    figure = new_figure(4.9)
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    rules = present(table)
    for column, (arm, title) in enumerate(arms.items()):
        top, bottom = axes[:, column]
        rows = where(table, arm=arm)
        letter(top, "ab"[column], f"{title}: alignment")
        letter(bottom, "cd"[column], f"{title}: change by training")
        if rows.empty:
            _no_data(top), _no_data(bottom)
            continue
        draw_lines(top, where(rows, epoch=last), rules, "px")
        _draw_untrained(top, where(rows, epoch=0, rule=rules[0]))
        draw_lines(bottom, where(since_start(rows), epoch=last), rules, "px")
        for ax in (top, bottom):
            zero_line(ax)
            ax.set_xticks(sorted(swept))
        bottom.set_xlabel(IMAGE_SIZE.axis)
    axes[0, 0].set_ylabel(f"{RHO.axis} with {early}")
    axes[1, 0].set_ylabel(f"{RHO.change().axis} since epoch 0")
    legend_above(figure, rules, [_untrained_handle(rules[0])])
    note(
        figure,
        f"{area_label(early)}, {FIXED_LAYER} on a 4 × 4 grid, running BatchNorm statistics, after {last} "
        f"epochs. {seed_note(table)}",
    )
    return figure


def _draw_untrained(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the mean over seeds of one rule's untrained network against the size of the images."""
    sns.lineplot(
        x=table["px"].to_numpy(),
        y=table["rho"].to_numpy(),
        errorbar=None,
        color=GREY,
        linestyle=":",
        linewidth=1.6,
        zorder=2.5,
        legend=False,
        ax=ax,
    )


def _untrained_handle(rule: str) -> Any:
    from matplotlib.lines import Line2D

    label = f"untrained ({CONDITIONS[rule].label})"
    return Line2D([], [], color=GREY, linestyle=":", linewidth=1.6, label=label)
