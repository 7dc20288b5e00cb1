"""FWHM against circular SD, and their ratio against g, with the curves that theory gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from papers.mt_maps.figures.parts import (
    NAMES,
    TASKS,
    main_arms,
    of_network,
)
from replicortex.core import tables
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


THEORY = ((1, ":"), (2, "-"), (4, "--"))


@styled
def draw(fits: Path) -> Figure:
    """FWHM against circular SD, and their ratio against g, with the curves that theory gives."""
    fitted = tables.read(fits)
    figure = new_figure(3.0)
    axes = figure.subplots(1, 3)
    part = fitted[fitted["stimulus"] == "gratings"]
    for arm, look in TASKS.items():
        own = of_network(part, arm, "continue", 0.25)
        axes[0].plot(
            own["fwhm"], own["circ_sd"], look.marker, color=look.colour, markersize=2.6, alpha=0.6
        )
        axes[1].plot(
            own["g"],
            own["circ_sd"] / own["fwhm"],
            look.marker,
            color=look.colour,
            markersize=2.6,
            alpha=0.6,
        )
        values = own["g"].dropna()
        if len(values):
            edges = np.linspace(0, 1, 21)
            shares, _ = np.histogram(values, edges, weights=np.full(len(values), 1 / len(values)))
            axes[2].stairs(shares, edges, color=look.colour)
    for kappa, line in THEORY:
        g = np.linspace(0, 0.95, 40)
        widths, spreads = _theory(kappa, g)
        axes[0].plot(widths, spreads, line, color=GREY, linewidth=0.9)
        axes[1].plot(g, spreads / widths, line, color=GREY, linewidth=0.9)
    axes[0].set(xlabel=NAMES["fwhm"], ylabel=NAMES["circ_sd"])
    axes[1].set(xlabel=NAMES["g"], ylabel="Circular SD / FWHM", ylim=(0, 3))
    axes[2].set(xlabel=NAMES["g"], ylabel="Channels (share)")
    for ax, mark in zip(axes, "abc", strict=True):
        letter(ax, mark, "")
    legend_above(
        figure,
        main_arms(part).values(),
        [(f"theory, κ = {k}", {"color": GREY, "linestyle": s}) for k, s in THEORY],
    )
    return note(
        figure,
        "A mark is a channel, all seeds (α = 0.25, continued; gratings). Grey: two lobes without a "
        "baseline; the second lobe widens the circular SD and leaves the width of the first alone.",
    )


def _theory(kappa: float, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return FWHM and circular SD (deg) of two lobes without baseline."""
    theta = np.linspace(0, 2 * np.pi, 3601)[:-1]
    widths, spreads = [], []
    for share in g:
        curve = np.exp(kappa * (np.cos(theta) - 1)) + share * np.exp(kappa * (-np.cos(theta) - 1))
        below = curve[:1801] < curve[0] / 2
        widths.append(2 * np.rad2deg(theta[below.argmax()]) if below.any() else np.nan)
        length = np.abs((curve * np.exp(1j * theta)).sum()) / curve.sum()
        spreads.append(np.rad2deg(np.sqrt(-2 * np.log(length))))
    return np.array(widths), np.array(spreads)
