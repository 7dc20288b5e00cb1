"""Costs between checkpoints of two trainings, the third plan, and greedy matching."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(checkpoints: Path) -> Figure:
    """Costs between checkpoints of two trainings, the third plan, and greedy matching.

    Parameters
    ----------
    checkpoints
        The table: its measures "cost", "plan" (by cost, by score) and "greedy" by epochs are a panel each.
    """
    table = tables.read(checkpoints)
    figure = new_figure(2.3)
    axes = figure.subplots(1, 4)
    panels = (
        ("cost", "cost", "Two-level cost", "Outer cost"),
        ("cost", "plan", "Third-level plan", "Share of its mass"),
        ("score", "plan", "Plan by 1 - score", "Share of its mass"),
        ("cost", "greedy", "Pairwise-Best", "Share of its mass"),
    )
    for ax, mark, (by, what, title, label) in zip(axes, "abcd", panels, strict=True):
        own = rows(table, basis=by, measure=what)
        grid = own.pivot_table(index="row", columns="column", values="value")
        letter(ax, mark, title)
        if grid.empty:
            ax.set(xticks=[], yticks=[])
            ax.text(0.5, 0.5, "one seed: no other to match", ha="center", color=GREY)
            continue
        is_cost = what == "cost"
        sns.heatmap(
            grid if is_cost else len(grid) * grid,
            cmap="cividis",
            **({} if is_cost else {"vmin": 0, "vmax": 1}),
            square=True,
            rasterized=True,
            cbar_kws={"label": label, "shrink": 0.75},
            ax=ax,
        )
        ax.invert_yaxis()
        ax.tick_params(axis="y", rotation=0)
        ax.set(xlabel="Epoch, other seed", ylabel="")
    axes[0].set_ylabel("Epoch, one seed")
    return note(figure, "Mean over all pairs of seeds. Epoch 0 is before training.")
