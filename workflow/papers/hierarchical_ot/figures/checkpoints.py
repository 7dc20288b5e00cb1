"""Costs between checkpoints of two trainings, the third plan, and greedy matching."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from replicortex.core import tables
from replicortex.plotting.style import letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """Costs between checkpoints of two trainings, the third plan, and greedy matching."""
    figure = new_figure(2.7)
    axes = figure.subplots(1, 3)
    panels = (
        ("cost", "Two-level cost", "Outer cost (correlation distance)"),
        ("plan", "Third-level plan", "Share of a checkpoint's mass"),
        ("greedy", "Pairwise-Best", "Share of a checkpoint's mass"),
    )
    for ax, mark, (what, title, told) in zip(axes, "abc", panels, strict=True):
        own = table[table["measure"] == what]
        grid = own.pivot_table(index="row", columns="column", values="value")
        values = grid.to_numpy() * (1 if what == "cost" else len(grid))
        limits = {} if what == "cost" else {"vmin": 0, "vmax": 1}
        image = ax.imshow(values, cmap="cividis", origin="lower", aspect="equal", **limits)
        figure.colorbar(image, ax=ax, label=told, shrink=0.75)
        ax.set_xticks(range(grid.shape[1]), grid.columns)
        ax.set_yticks(range(grid.shape[0]), grid.index)
        ax.set_xlabel("Epoch, other seed")
        letter(ax, mark, title)
    axes[0].set_ylabel("Epoch, one seed")
    return note(figure, "Mean over pairs of seeds. Epoch 0 is before training.")


@styled
def draw(checkpoints: Path) -> Figure:
    """Costs between checkpoints of two trainings, the third plan, and greedy matching."""
    return figure_of(tables.read(checkpoints))
