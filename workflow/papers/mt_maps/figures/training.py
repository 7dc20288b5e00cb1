"""Losses by epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.mt_maps.figures.parts import (
    TASKS,
    main_arms,
)
from replicortex.core import tables
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(history: Path) -> Figure:
    """Losses by epoch."""
    losses = tables.read(history)
    figure = new_figure(2.7)
    axes = figure.subplots(1, 2)
    spatial = [name for name in losses if name.startswith("spatial ")]
    layer = sorted(spatial)[-2:][0] if spatial else None
    for arm, look in TASKS.items():
        own = losses[losses["arm"] == arm]
        for network, group in own.groupby("network"):
            kind = network.split("_")[0]
            line = {"pretrained": "-", "continue": "--", "restart": ":"}[kind]
            mean = group.groupby("epoch")["task"].mean()
            if kind == "pretrained" or network.endswith("alpha0.25"):
                axes[0].plot(mean.index, mean, line, color=look.colour)
            if layer and kind != "pretrained" and group[layer].notna().any():
                shown = group.groupby("epoch")[layer].mean()
                axes[1].plot(shown.index, shown, line, color=look.colour)
                axes[1].annotate(
                    network.split("alpha")[1],
                    (shown.index[-1], shown.iloc[-1]),
                    (3, 0),
                    textcoords="offset points",
                    fontsize=6,
                    va="center",
                    color=look.colour,
                )
    axes[0].set(xlabel="Epoch of the stage", ylabel="InfoNCE (nats)")
    axes[1].set(xlabel="Epoch of the stage", ylabel=f"Spatial loss, {(layer or ' ').split(' ')[1]}")
    for ax, mark in zip(axes, "ab", strict=True):
        letter(ax, mark, "")
    legend_above(
        figure,
        main_arms(losses).values(),
        [
            ("pre-training", {"color": GREY}),
            ("continued", {"color": GREY, "linestyle": "--"}),
            ("restarted", {"color": GREY, "linestyle": ":"}),
        ],
    )
    return note(
        figure, "Mean over seeds. Numbers beside curves: α. Panel a: α = 0.25 for joint training."
    )
