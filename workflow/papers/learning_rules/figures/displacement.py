"""How far training moves each layer's weights, in per cent of their initial norm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.learning_rules.figures.parts import (
    MOVED,
    draw_lines,
    legend_above,
    present,
    seed_note,
    table_of,
)
from replicortex.plotting.labels import DISPLACEMENT
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import (
    epoch_axis,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WEIGHTS = ("conv1", "conv2", "conv3", "fc1", "fc2")


@styled
def draw(displacement: Path) -> Figure:
    """Draw how far training moves each layer's weights, in per cent of their initial norm.

    `displacement` is the table of this name.
    """
    table = table_of(displacement, MOVED)
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    layers = [layer for layer in WEIGHTS if layer in set(table["layer"])]
    table = table.assign(percent=100 * table["displacement"])
    rules = present(table)
    figure = new_figure(3.1)
    axes = figure.subplots(1, len(layers), sharey=True, squeeze=False)[0]
    for mark, ax, layer in zip("abcde", axes, layers, strict=False):
        draw_lines(ax, where(table, layer=layer), rules, "epoch", "percent")
        epoch_axis(ax, table["epoch"].unique())
        letter(ax, mark, layer)
    # After all lines: the panels share the scale, and means are of plain values.
    axes[0].set_yscale("symlog", linthresh=0.01, linscale=0.5)
    highest = float(table["percent"].max())
    ticks = [0, *(10.0**power for power in range(-2, 5) if 10.0**power <= 3 * highest)]
    axes[0].set_ylim(-0.004, max(1.6 * highest, 0.02))
    axes[0].yaxis.set_major_locator(FixedLocator(ticks))
    axes[0].yaxis.set_minor_locator(NullLocator())
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0].set_ylabel(DISPLACEMENT.axis)
    legend_above(figure, rules)
    note(
        figure,
        "Norm of the difference from the initial weights over the norm of the initial weights; "
        f"logarithmic above 0.01 %. {seed_note(table)}",
    )
    return figure
