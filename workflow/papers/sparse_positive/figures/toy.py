"""Figure 1C: units coloured by weight, and reorientation over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.sparse_positive.figures.parts import THETA, models_and_signs, title_of
from replicortex.core import tables
from replicortex.plotting.style import GREY, PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(toy: pd.DataFrame, arrows: pd.DataFrame, shown: int) -> Figure:
    """Figure 1C: units coloured by weight, and reorientation over seeds."""
    figure = new_figure(5.2)
    grid = figure.subplot_mosaic([list("abcd"), list("efgh"), [*"iiij"]], height_ratios=[1, 1, 1.1])
    notebook = toy[(toy.part == "notebook") & (toy.intercept == 0)]
    limit = 0.03
    for key, (model, sign) in zip("abcdefgh", models_and_signs(), strict=True):
        ax = grid[key]
        one = arrows[(arrows.model == model) & (arrows.weights == sign)].sort_values(
            "weight", key=abs
        )
        origin = np.zeros(len(one))
        drawn = ax.quiver(
            origin, origin, one.x, one.y, one.weight, cmap="RdBu_r", angles="xy",
            scale_units="xy", scale=1, width=0.006, clim=(-limit, limit),
        )  # fmt: skip
        ax.plot(3, 2.5, "*", color=PALETTE["green"], markersize=8)
        row = notebook[
            (notebook.seed == shown) & (notebook.model == model) & (notebook.weights == sign)
        ]
        ax.set_title(f"{title_of(model, sign)}: Θ = {row.theta.iloc[0]:.3f}")
        ax.set(xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xticks=[-5, 0, 5], yticks=[-5, 0, 5])
    grid["a"].set_ylabel("image 2")
    grid["e"].set(ylabel="image 2", xlabel="image 1")
    bar = figure.colorbar(drawn, ax=[grid[key] for key in "dh"], label="weight", extend="both")
    bar.set_ticks([-limit, 0, limit])
    ax = grid["i"]
    for place, (model, sign) in enumerate(models_and_signs()):
        part = notebook[(notebook.model == model) & (notebook.weights == sign)]
        spread = (part.seed % 20 - 9.5) / 40
        ax.plot(
            place + spread, part.theta, "o", color=GREY, markersize=1.8, alpha=0.6, rasterized=True
        )
        mine = part[part.seed == shown]
        ax.plot(place, mine.theta, "D", color=PALETTE["vermillion"], markersize=5)
    ax.set_xticks(range(8), [title_of(*cell) for cell in models_and_signs()])
    ax.set(ylabel=THETA, ylim=(-0.05, 2.1))
    ax.tick_params(axis="x", labelsize=5.5)
    sweep = toy[toy.part == "sweep"].groupby("alpha").theta
    grid["j"].errorbar(
        sweep.mean().index, sweep.mean(), sweep.std(), fmt="o", color=GREY, markersize=3
    )
    mine = toy[(toy.part == "sweep") & (toy.seed == shown)]
    grid["j"].plot(mine.alpha, mine.theta, "D", color=PALETTE["vermillion"], markersize=3)
    grid["j"].set(xscale="log", xlabel="Alpha, positive Lasso", ylabel=THETA, ylim=(0, None))
    seeds = toy[toy.part == "sweep"].seed.nunique()
    return note(
        figure,
        f"Star: target. Below: {notebook.seed.nunique()} seeds (grey), seed {shown} (diamonds); "
        f"the positive Lasso over alpha, mean and s.d. of {seeds} seeds.",
    )


@styled
def draw(toy: Path, arrows: Path, shown: int) -> Figure:
    """Figure 1C: units coloured by weight, and reorientation over seeds."""
    return figure_of(tables.read(toy), tables.read(arrows), shown)
