"""A network of ImageNet and its untrained twins, block by block, beside networks that were trained here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from papers.learning_rules.figures.controls import before_after_handles, draw_before_after
from papers.learning_rules.figures.parts import (
    BOUNDS,
    SCORES,
    area_label,
    draw_noise,
    legend_above,
    limits_with_noise,
    noise_handle,
    noise_of,
    present,
    seed_note,
    table_of,
    zero_line,
)
from replicortex.plotting.labels import RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import GREY, PALE, PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DRAWN = ("network", "source", "twin", "pooling", "layer", "roi", "rho")
RESAMPLED = ("quantity", "pooling", "layer", "roi", "estimate", "lower", "upper")
NETWORKS = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "efficientnet_lite1": "EfficientNet-Lite1",
    "efficientnet_lite2": "EfficientNet-Lite2",
    "mobilenet_v2": "MobileNetV2",
}
POOLINGS = {"global": "averaged over space", "grid": "4 × 4 grid", "full": "whole maps"}
SMALL = {layer: layer for layer in ("conv1", "conv2", "conv3", "fc1")}
COLOUR = PALETTE["blue"]
# Colour, line and words of the untrained networks.
TWINS = {
    "untrained": (GREY, ":", "its untrained twins"),
    "filled": (PALETTE["orange"], "--", "twins, statistics filled"),
}
BESIDE = "bp"  # the rule whose small networks stand beside


@styled
def draw(
    reference: Path,
    reference_intervals: Path,
    curves: Path,
    noise: Path,
    early: str,
    late: str,
    px: dict[str, int],
) -> Figure:
    """Draw rho by block of a network, trained and untrained, and of a small one before and after training.

    Parameters
    ----------
    reference, reference_intervals, curves, noise
        Tables of these names.
    early, late
        The regions that count as such.
    px
        Sides of the stimuli, pixels; small networks see the large ones.
    """
    table = table_of(reference, DRAWN)
    resampled = table_of(reference_intervals, RESAMPLED)
    scores, bounds = table_of(curves, SCORES), table_of(noise, BOUNDS)
    rule = BESIDE if BESIDE in present(scores) else present(scores)[0]
    small = where(scores, rule=rule, px=px["large"], arm="native", bn="running", layer=list(SMALL))
    last = int(small["epoch"].max())
    rois = list(dict.fromkeys((early, late)))
    poolings = [name for name in POOLINGS if name in set(table["pooling"])]
    figure = new_figure(1.3 + 2.0 * len(rois))
    axes = figure.subplots(
        len(rois),
        2 * len(poolings),
        squeeze=False,
        sharey="row",
        width_ratios=(2.6, 1) * len(poolings),
    )
    marks = iter("abcdefghijkl")
    for row, roi in zip(axes, rois, strict=True):
        for number, pooling in enumerate(poolings):
            blocks, beside = row[2 * number : 2 * number + 2]
            one = where(table, roi=roi, pooling=pooling)
            letter(blocks, next(marks), f"{roi}, {POOLINGS[pooling]}")
            _draw_blocks(blocks, one, where(resampled, roi=roi, pooling=pooling))
            own = where(small, roi=roi, pooling=pooling)
            if own.empty:
                beside.text(0.5, 0.5, "–", transform=beside.transAxes, ha="center", color=GREY)
            else:
                draw_before_after(beside, own, [rule], "layer", SMALL, last)
                beside.tick_params(axis="x", rotation=90)
        drawn = [where(table, roi=roi)["rho"], where(small, roi=roi)["rho"]]
        drawn += [where(resampled, roi=roi, quantity="trained")[end] for end in ("lower", "upper")]
        bound = noise_of(bounds, roi)
        ends = min(part.min() for part in drawn), max(part.max() for part in drawn)
        row[0].set_ylim(limits_with_noise(*ends, bound))
        for place, ax in enumerate(row):
            if place == 0:
                draw_noise(ax, bound)
            else:
                ax.axhspan(bound["lower"], bound["upper"], color=PALE, linewidth=0, zorder=0)
            zero_line(ax)
        row[0].set_ylabel(f"{RHO.axis} with {roi}")
    for ax in axes[-1, ::2]:
        ax.set_xlabel("Block")
    for ax in axes[-1, 1::2]:
        ax.set_xlabel("Small network")
    name = NETWORKS.get(str(table["network"].iloc[0]), str(table["network"].iloc[0]))
    twins = int(table["twin"].nunique())
    legend_above(figure, [rule], [*_handles(name), *before_after_handles(last), noise_handle()])
    note(
        figure,
        f"{'; '.join(area_label(roi) for roi in rois)}. Trained: one network, band: 95 % over stimuli and "
        f"people. Twins: mean, band: ±1 s.d. over {twins} draws of the weights. Filled: BatchNorm has "
        f"statistics of the stimuli, no weight was changed. Beside: a small "
        f"network at {px['large']} px. {seed_note(small, 'Marks: mean over seeds; whiskers')}",
    )
    return figure


def _draw_blocks(ax: Axes, table: pd.DataFrame, resampled: pd.DataFrame) -> None:
    """Draw the trained network and the twins of one region and layout against the number of the block."""
    blocks = [layer for layer in table["layer"].unique() if str(layer).startswith("block")]
    x = np.arange(1, len(blocks) + 1)
    for source, (colour, line, _) in TWINS.items():
        by_twin = where(table, source=source).pivot(index="layer", columns="twin", values="rho")
        by_twin = by_twin.loc[blocks]
        mean = by_twin.mean(axis=1).to_numpy()
        spread = by_twin.std(axis=1, ddof=1).to_numpy() if by_twin.shape[1] > 1 else 0 * mean
        ends = mean - spread, mean + spread
        ax.fill_between(x, *ends, color=colour, alpha=0.3, linewidth=0, zorder=2)
        ax.plot(x, mean, color=colour, linestyle=line, linewidth=1.6, zorder=2.5)
    trained = where(table, source="trained").set_index("layer").loc[blocks, "rho"]
    ends = where(resampled, quantity="trained").set_index("layer").loc[blocks]
    ax.fill_between(
        x, ends["lower"], ends["upper"], color=COLOUR, alpha=0.13, linewidth=0, zorder=2
    )
    ax.plot(x, trained.to_numpy(), color=COLOUR, marker="o", markersize=3, zorder=3)
    ax.set_xticks([1, *range(5, len(blocks) + 1, 5)])
    ax.set_xlim(0.5, len(blocks) + 0.5)


def _handles(name: str) -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=COLOUR, marker="o", markersize=3, label=f"{name}, trained"),
        *(
            Line2D([], [], color=colour, linestyle=line, linewidth=1.6, label=words)
            for colour, line, words in TWINS.values()
        ),
    ]
