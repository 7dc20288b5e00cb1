"""Losses by epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.mt_maps.figures.parts import (
    COLOURS,
    TASKS,
    main_arms,
    measured,
)
from replicortex.core import tables
from replicortex.plotting.look import legend_above, rows
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DASHES = {"pretrained": (1, 0), "continue": (4, 1.5), "restart": (1, 1.5)}


@styled
def draw(history: Path, measures: Path) -> Figure:
    """Losses by epoch."""
    losses, table = tables.read(history), measured(measures)
    figure = new_figure(2.7)
    axes = figure.subplots(1, 2)
    like_mt = sorted(set(table.loc[table["area"] == "MT", "layer"]))
    layer = next((f"spatial {name}" for name in like_mt if f"spatial {name}" in losses), None)
    means = rows(losses, arm=list(TASKS)).groupby(["arm", "network", "epoch"], as_index=False)
    means = means.mean(numeric_only=True)
    means["kind"] = means["network"].str.partition("_")[0]
    before = means["kind"] == "pretrained"
    wanted = means[before | means["network"].str.endswith("alpha0.25")]
    panels = [(axes[0], "task", wanted)]
    if layer:
        joint = means[~before].dropna(subset=layer)
        panels.append((axes[1], layer, joint))
        for (arm, network), own in joint.groupby(["arm", "network"]):
            axes[1].annotate(
                network.partition("alpha")[2],
                own[["epoch", layer]].iloc[-1],
                (3, 0),
                textcoords="offset points",
                fontsize=6,
                va="center",
                color=COLOURS[arm],
            )
    for ax, term, curves in panels:
        sns.lineplot(
            curves,
            x="epoch",
            y=term,
            hue="arm",
            palette=COLOURS,
            style="kind",
            dashes=DASHES,
            units="network",
            estimator=None,
            legend=False,
            ax=ax,
        )
        # A stage of one epoch is a point, where there is no line to see.
        alone = curves[~curves.duplicated(["arm", "network"], keep=False)]
        sns.scatterplot(
            alone, x="epoch", y=term, hue="arm", palette=COLOURS, s=12, legend=False, ax=ax
        )
    axes[0].set(xlabel="Epoch of the stage", ylabel="InfoNCE (nats)")
    axes[1].set(xlabel="Epoch of the stage", ylabel=f"Spatial loss, {(layer or ' ').split(' ')[1]}")
    for ax, mark in zip(axes, "ab", strict=True):
        letter(ax, mark, "")
    legend_above(
        figure,
        main_arms(table).values(),
        [
            ("pre-training", {"color": GREY}),
            ("continued", {"color": GREY, "dashes": DASHES["continue"]}),
            ("restarted", {"color": GREY, "dashes": DASHES["restart"]}),
        ],
    )
    return note(
        figure, "Mean over seeds. Numbers beside curves: α. Panel a: α = 0.25 for joint training."
    )
