"""Tuning curves of single channels, from the smallest to the largest opposite lobe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.mt_maps.figures.parts import (
    of_network,
)
from papers.mt_maps.tuning import two_lobes
from replicortex.core import tables
from replicortex.plotting.style import PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(curves: Path, fits: Path) -> Figure:
    """Tuning curves of single channels, from the smallest to the largest opposite lobe."""
    tuned, fitted = tables.read(curves), tables.read(fits)
    here = [(arm, net, a) for arm, net, a in ROWS_OF_TUNING if _has(tuned, arm, net, a)]
    figure = new_figure(0.5 + 1.15 * len(here))
    axes = figure.subplots(len(here), EXAMPLES, squeeze=False, sharex=True)
    for row, (arm, network, alpha) in zip(axes, here, strict=True):
        fits = of_network(fitted, arm, network, alpha)
        fits = fits[(fits["stimulus"] == "gratings") & (fits["seed"] == tuned["seed"].min())]
        fits = fits.sort_values("g")
        places = np.linspace(0, len(fits) - 1, EXAMPLES).round().astype(int)
        for ax, place in zip(row, places, strict=True):
            one = fits.iloc[place]
            own = of_network(tuned, arm, network, alpha)
            own = own[own["channel"] == one["channel"]].sort_values("direction")
            peak = own["response"].max()
            ax.plot(
                own["direction"],
                own["response"] / peak,
                "o",
                color=PALETTE["black"],
                markersize=2.5,
            )
            theta = np.linspace(0, 360, 181)
            fit = two_lobes(np.deg2rad(theta - one["mean"]), one["kappa"], one["g"])
            ax.plot(
                theta, (one["baseline"] + one["amplitude"] * fit) / peak, color=PALETTE["orange"]
            )
            title = f"g = {one['g']:.2f}" if one["accepted"] else "fit not accepted"
            ax.set_title(title, fontsize=6.5)
            ax.set(xlim=(0, 360), ylim=(0, 1.08), xticks=[0, 180, 360], yticks=[0, 1])
        row[0].set_ylabel(f"{arm}\n{ROW_NAMES[network]}", fontsize=6.5)
    for ax in axes[-1]:
        ax.set_xlabel("Direction (deg)")
    return note(
        figure,
        "Channels of the MT layer, first seed, in order of g; gratings, mean over cycles and speeds, "
        "as a share of the peak. Dots: measured; line: fit of two von Mises lobes.",
    )


EXAMPLES = 6


ROW_NAMES = {"random": "random weights", "pretrained": "MoCo only", "continue": "MoCo + spatial"}


ROWS_OF_TUNING = (
    ("clips", "random", 0.0),
    ("clips", "pretrained", 0.0),
    ("clips", "continue", 0.25),
    ("stills", "pretrained", 0.0),
    ("stills", "continue", 0.25),
)


def _has(table: pd.DataFrame, arm: str, network: str, alpha: float) -> bool:
    return len(of_network(table, arm, network, alpha)) > 0
