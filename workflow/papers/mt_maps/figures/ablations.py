"""Every ablation and control, with the nulls of each map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.mt_maps.figures.parts import (
    ARMS,
    TASKS,
    label_of,
    main_arms,
    measured,
    pick,
)
from replicortex.core import tables
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import GREY, PALE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# The same where a panel is narrow.
SHORT = {
    "dsi_a": "DSI\n1 − null / pref.",
    "g": "Null-lobe gain\ng",
    "smoothness": "Smoothness S\ndirection",
    "smoothness_axis": "Smoothness S\naxis",
    "density": "Pinwheel density\nper Λ²",
    "fractures": "Fracture length\n(mm per mm²)",
}


SHARES = ("dsi_a", "g", "smoothness", "smoothness_axis")  # about 0 to 1


@styled
def draw(measures: Path, fits: Path) -> Figure:
    """Every ablation and control, with the nulls of each map."""
    table, fitted = measured(measures), tables.read(fits)
    sources = dict(zip(fitted["arm"], fitted["source"], strict=True))
    rows = _conditions(table)
    figure = new_figure(0.75 + 0.185 * len(rows))
    panels = ("dsi_a", "g", "smoothness", "smoothness_axis", "density", "fractures")
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, measure, mark in zip(axes, panels, "abcdef", strict=True):
        mapped = measure not in ("dsi_a", "g")
        where = {"stimulus": "gratings"} | (
            {"positions": "own"} if mapped else {"curve": "averaged", "area": "MT"}
        )
        for place, (arm, network, alpha, _) in enumerate(rows):
            look = TASKS.get(sources.get(arm, ""))
            colour = look.colour if look else "black"
            own = pick(table, measure, arm=arm, network=network, **where)
            values = own[own["alpha"] == alpha]["value"].dropna()
            ax.plot(values, [place] * len(values), "o", color=colour, markersize=2.8)
            if measure == "density":
                other = pick(table, "density_tdann", arm=arm, network=network, **where)
                other = other[other["alpha"] == alpha]["value"].dropna()
                ax.plot(other, [place] * len(other), "|", color=colour, markersize=4)
            for null, shade in (("phase", PALE), ("shuffle", "#BBBBBB")):
                drawn = pick(table, measure, arm=arm, network=network, null=null, **where)
                drawn = drawn[drawn["alpha"] == alpha]
                if len(drawn):
                    ends = drawn["lower"].mean(), drawn["upper"].mean()
                    ax.plot(
                        ends,
                        [place] * 2,
                        color=shade,
                        linewidth=3.2,
                        zorder=0,
                        solid_capstyle="butt",
                    )
        if measure == "density":
            ax.axvline(np.pi, color=GREY, linewidth=0.6)
        ax.set_xlabel(SHORT[measure], fontsize=6.5)
        if measure in SHARES:
            low, high = ax.get_xlim()
            ax.set(xlim=(min(low, -0.05), max(high, 1.05)), xticks=[0, 0.5, 1])
        else:
            ax.locator_params(axis="x", nbins=3, steps=[1, 2, 5, 10])
        ax.tick_params(axis="y", length=0)
        letter(ax, mark, "")
    axes[0].set_yticks(range(len(rows)), [label for *_, label in rows], fontsize=6)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    legend_above(
        figure,
        main_arms(table).values(),
        [
            ("phase-scrambled", {"color": PALE, "linewidth": 4}),
            ("units shuffled", {"color": "#BBBBBB", "linewidth": 4}),
            ("pinwheels by TDANN's rules", {"color": GREY, "marker": "|", "linestyle": "none"}),
        ],
    )
    return note(
        figure,
        "MT layer, drifting gratings; a mark is a seed. Grey: 95 % of the nulls, mean over seeds. Line: π, "
        "the density of any narrow-band random map.",
    )


def _conditions(table: pd.DataFrame) -> list[tuple[str, str, float, str]]:
    """Return (arm, network, alpha, label) in the order of the ablation figure."""
    found = table[["arm", "network", "alpha"]].drop_duplicates().itertuples(index=False)
    here = [tuple(row) for row in found]
    order = {"motion_energy": -1} | {arm: k for k, arm in enumerate(TASKS)}
    stages = ["reference", "random", "pretrained", "continue", "restart"]

    def place(row: tuple[str, str, float]) -> tuple:
        arm, network, alpha = row
        later = [key for key, _ in ARMS]
        return (
            order.get(arm, 10 + (later.index(arm) if arm in later else 99)),
            stages.index(network),
            alpha,
        )

    rows = []
    for arm, network, alpha in sorted(here, key=place):
        label = label_of(arm, network, alpha)
        if arm in TASKS:
            label = f"{label} ({arm})"
        rows.append((arm, network, alpha, label))
    return rows
