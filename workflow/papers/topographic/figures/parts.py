"""What several figures of the paper share: looks of conditions, selections of rows, legends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replicortex.core import tables
from replicortex.plotting.look import Look, rows, seeds_note
from replicortex.plotting.look import curve as over_seeds
from replicortex.plotting.style import (
    GREY,
    PALETTE,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# The order of legends and panels.
OBJECTIVES = {
    "ce": Look("cross-entropy", PALETTE["black"], "o"),
    "margin": Look("margin (animacy)", PALETTE["orange"], "^"),
    "supcon": Look("SupCon", PALETTE["blue"], "s"),
    "simclr": Look("SimCLR", PALETTE["vermillion"], "v"),
}


RHO_AXIS = "Topographic strength ρ (ratio of gradients)"


def rho_axis(ax: Axes, rhos: Sequence[float]) -> Axes:
    """Give `ax` evenly spaced strengths, as they are factors of five apart, and 0."""
    ax.set_xticks(range(len(rhos)), [f"{rho:g}" for rho in rhos])
    ax.set_xlim(-0.35, len(rhos) - 0.65)
    return ax


def curve(
    ax: Axes,
    table: pd.DataFrame,
    rhos: Sequence[float],
    look: Look,
    line: str = "-",
    published: Sequence[tuple[float, float]] = (),
    filled: bool = True,
) -> None:
    """Draw mean and s.d. over seeds against rho, and published values as open diamonds."""
    over_seeds(ax, table, "rho", rhos, look, line, filled)
    known = [(rhos.index(rho), value) for rho, value in published if rho in rhos]
    if known:
        ax.plot(
            *zip(*known, strict=True),
            color=look.colour,
            marker="D",
            markerfacecolor="none",
            markersize=5.5,
            markeredgewidth=0.7,
            linestyle="none",
        )


def measured(measures: Path) -> pd.DataFrame:
    """Return the table of measures, "" where a measure has no parameter."""
    table = tables.read(measures)
    table["parameter"] = table["parameter"].astype("string").fillna("")
    return table


def pick(table: pd.DataFrame, measure: str, arm: str = "main", parameter: str = "") -> pd.DataFrame:
    """Return the rows of one measure of one arm."""
    return rows(table, measure=measure, arm=arm, parameter=parameter)


PUBLISHED_MARK = (
    "published",
    {"color": GREY, "marker": "D", "markerfacecolor": "none", "linestyle": "none"},
)


def over(table: pd.DataFrame) -> str:
    """Say what marks and bars are, and over how many seeds of the arm "main"."""
    return seeds_note(rows(table, arm="main").groupby(["objective", "rho"])["seed"].nunique())


def strengths(table: pd.DataFrame) -> list[float]:
    """Return the rhos in their order."""
    return sorted(set(table["rho"]))


def shades_of(count: int) -> list:
    """Return a colour for each strength, from none to the largest."""
    import matplotlib

    return list(matplotlib.colormaps["viridis"](np.linspace(0, 0.85, count)))
