"""Figure 1C: units coloured by weight, and reorientation over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import seaborn as sns

from papers.sparse_positive.figures.parts import (
    REGRESSIONS,
    THETA,
    models_and_signs,
    title_of,
    with_regression,
)
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, PALE, PALETTE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.quiver import Quiver

LIMIT = 0.03  # of the colours of weights
NOTEBOOK = {"color": PALETTE["vermillion"], "marker": "D", "linestyle": "none"}


@styled
def draw(toy: Path, arrows: Path, shown: int) -> Figure:
    """Figure 1C: units coloured by weight, and reorientation over seeds.

    `toy`, `arrows`: tables of `simulate.simulate`; `shown`: the seed of the notebook.
    """
    table, weights = tables.read(toy), tables.read(arrows)
    figure = new_figure(5.2)
    grid = figure.subplot_mosaic([list("abcd"), list("efgh"), [*"iiij"]], height_ratios=[1, 1, 1.1])
    notebook = with_regression(rows(table, part="notebook", intercept=0))
    theta = rows(notebook, seed=shown).set_index("regression")["theta"]
    for key, (model, sign) in zip("abcdefgh", models_and_signs(), strict=True):
        drawn = _units(grid[key], rows(weights, model=model, weights=sign))
        title = title_of(model, sign)
        grid[key].set_title(f"{title}: Θ = {theta[title]:.3f}")
    grid["a"].set_ylabel("image 2")
    grid["e"].set(ylabel="image 2", xlabel="image 1")
    bar = figure.colorbar(drawn, ax=[grid[key] for key in "dh"], label="weight", extend="both")
    bar.set_ticks([-LIMIT, 0, LIMIT])
    _seeds(grid["i"], notebook, theta)
    sweep = rows(table, part="sweep")
    _sweep(grid["j"], sweep, shown)
    return note(
        figure,
        f"Star: target. Below: {notebook['seed'].nunique()} seeds (dashed: quartiles), "
        f"seed {shown} (diamonds); the positive Lasso over alpha, mean and s.d. of "
        f"{sweep['seed'].nunique()} seeds.",
    )


def _units(ax: Axes, weights: pd.DataFrame) -> Quiver:
    """Draw the answers of the units to two images as arrows, the largest weights on top."""
    one = weights.sort_values("weight", key=abs)
    origin = np.zeros(len(one))
    drawn = ax.quiver(
        origin, origin, one["x"], one["y"], one["weight"], cmap="RdBu_r", angles="xy",
        scale_units="xy", scale=1, width=0.006, clim=(-LIMIT, LIMIT),
    )  # fmt: skip
    ax.plot(3, 2.5, "*", color=PALETTE["green"], markersize=8)
    ax.set(xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xticks=[-5, 0, 5], yticks=[-5, 0, 5])
    return drawn


def _seeds(ax: Axes, notebook: pd.DataFrame, theta: pd.Series) -> None:
    """Draw theta over seeds for each regression, and that of the shown seed."""
    sns.violinplot(
        notebook,
        x="regression",
        y="theta",
        order=REGRESSIONS,
        color=PALE,
        linecolor=GREY,
        linewidth=0.7,
        inner="quart",
        density_norm="width",
        cut=0,
        saturation=1,
        ax=ax,
    )
    ax.plot(range(len(REGRESSIONS)), theta[REGRESSIONS], **NOTEBOOK, markersize=5)
    ax.set(xlabel="", ylabel=THETA, ylim=(-0.05, 2.1))
    ax.tick_params(axis="x", labelsize=5.5)


def _sweep(ax: Axes, sweep: pd.DataFrame, shown: int) -> None:
    """Draw theta of the positive Lasso over alpha."""
    sns.lineplot(
        sweep,
        x="alpha",
        y="theta",
        errorbar="sd",
        err_style="bars",
        color=GREY,
        marker="o",
        markersize=3,
        markeredgewidth=0,
        linestyle="none",
        ax=ax,
    )
    mine = rows(sweep, seed=shown)
    ax.plot(mine["alpha"], mine["theta"], **NOTEBOOK, markersize=3)
    ax.set(xscale="log", xlabel="Alpha, positive Lasso", ylabel=THETA, ylim=(0, None))
