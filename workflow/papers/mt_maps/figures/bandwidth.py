"""FWHM against circular SD, and their ratio against g, with the curves that theory gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns

from papers.mt_maps.figures.parts import (
    COLOURS,
    MARKERS,
    NAMES,
    TASKS,
    main_arms,
    measured,
)
from papers.mt_maps.tuning import two_lobes
from replicortex.core import tables
from replicortex.plotting.look import legend_above, rows
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


THEORY = ((1, ":"), (2, "-"), (4, "--"))


@styled
def draw(fits: Path, measures: Path) -> Figure:
    """FWHM against circular SD, and their ratio against g, with the curves that theory gives."""
    fitted = tables.read(fits)
    figure = new_figure(3.0)
    axes = figure.subplots(1, 3)
    own = rows(fitted, stimulus="gratings", arm=list(TASKS), network="continue", alpha=0.25)
    own = own[own["accepted"]].assign(ratio=own["circ_sd"] / own["fwhm"])
    look = {"hue": "arm", "hue_order": list(TASKS), "palette": COLOURS, "legend": False}
    for ax, (x, y) in zip(axes, (("fwhm", "circ_sd"), ("g", "ratio")), strict=False):
        sns.scatterplot(
            own,
            x=x,
            y=y,
            style="arm",
            markers=MARKERS,
            s=9,
            linewidth=0,
            alpha=0.6,
            ax=ax,
            **look,
        )
    sns.histplot(
        own,
        x="g",
        bins=np.linspace(0, 1, 21),
        stat="probability",
        common_norm=False,
        element="step",
        fill=False,
        ax=axes[2],
        **look,
    )
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
        main_arms(measured(measures)).values(),
        [(f"theory, κ = {k}", {"color": GREY, "linestyle": s}) for k, s in THEORY],
    )
    return note(
        figure,
        "A mark is a channel whose fit explains enough (α = 0.25, continued; gratings; all seeds). Grey: two "
        "lobes without a baseline; the second widens the circular SD and leaves the first's width alone.",
    )


def _theory(kappa: float, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return FWHM and circular SD (deg) of two lobes without baseline."""
    theta = np.linspace(0, 2 * np.pi, 3601)[:-1]
    widths, spreads = [], []
    for share in g:
        curve = two_lobes(theta, kappa, share)
        below = curve[:1801] < curve[0] / 2
        widths.append(2 * np.rad2deg(theta[below.argmax()]) if below.any() else np.nan)
        length = np.abs((curve * np.exp(1j * theta)).sum()) / curve.sum()
        spreads.append(np.rad2deg(np.sqrt(-2 * np.log(length))))
    return np.array(widths), np.array(spreads)
