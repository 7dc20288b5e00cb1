"""Every ablation and control, with the nulls of each map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.mt_maps.figures.parts import (
    ARMS,
    COLOURS,
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
    from matplotlib.axes import Axes
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


NULLS = {"phase": PALE, "shuffle": "#BBBBBB"}  # shades of their bars
SHARES = ("dsi_a", "g", "smoothness", "smoothness_axis")  # about 0 to 1


@styled
def draw(measures: Path, fits: Path) -> Figure:
    """Every ablation and control, with the nulls of each map."""
    table, fitted = measured(measures), tables.read(fits)
    sources = dict(zip(fitted["arm"], fitted["source"], strict=True))
    rows = _conditions(table)
    places = {row[:3]: place for place, row in enumerate(rows)}
    keys = zip(table["arm"], table["network"], table["alpha"], strict=True)
    placed = table.assign(place=[places[key] for key in keys], task=table["arm"].map(sources))
    figure = new_figure(0.75 + 0.185 * len(rows))
    panels = ("dsi_a", "g", "smoothness", "smoothness_axis", "density", "fractures")
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, measure, mark in zip(axes, panels, "abcdef", strict=True):
        mapped = measure not in ("dsi_a", "g")
        where = (
            {"stimulus": "dots", "positions": "own"}
            if mapped
            else {"stimulus": "gratings", "curve": "averaged", "area": "MT"}
        )
        own = pick(placed, measure, **where)
        _marks(ax, own, len(rows), "o", 3.2)
        if measure == "density":
            _marks(ax, pick(placed, "density_tdann", **where), len(rows), "|", 5)
        for null, shade in NULLS.items():
            drawn = pick(placed, measure, null=null, **where)
            ends = drawn.groupby("place")[["lower", "upper"]].mean()
            ax.hlines(
                ends.index, ends["lower"], ends["upper"], color=shade, linewidth=3.2, zorder=0
            )
        if measure == "density":
            ax.axvline(np.pi, color=GREY, linewidth=0.6)
        ax.set_xlabel(SHORT[measure], fontsize=6.5)
        ax.set_ylabel("")
        if measure in SHARES:
            low, high = ax.get_xlim()
            ax.set(xlim=(min(low, -0.05), max(high, 1.05)), xticks=[0, 0.5, 1])
        else:
            ax.locator_params(axis="x", nbins=2, steps=[1, 2, 5, 10])
        ax.tick_params(axis="y", length=0)
        letter(ax, mark, "")
    axes[0].set_yticks(range(len(rows)), [label for *_, label in rows], fontsize=6)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    legend_above(
        figure,
        main_arms(table).values(),
        [
            ("phase-scrambled", {"color": NULLS["phase"], "linewidth": 4}),
            ("units shuffled", {"color": NULLS["shuffle"], "linewidth": 4}),
            ("pinwheels by TDANN's rules", {"color": GREY, "marker": "|", "linestyle": "none"}),
        ],
        ncols=3,
    )
    return note(
        figure,
        "MT layer; tuning to gratings, maps to dots, which swaps never saw; a mark is a seed. Grey: 95 % of "
        "the nulls, mean over seeds. Pinwheels and fractures away from the sheet's edge. Line: π, the "
        "density of any narrow-band random map.",
    )


def _marks(ax: Axes, own: pd.DataFrame, conditions: int, marker: str, size: float) -> None:
    """Mark each seed's value at the place of its condition, in the colour of its task."""
    import seaborn as sns

    palette = {**COLOURS, "": "black"}
    sns.stripplot(
        own.assign(task=own["task"].where(own["task"].isin(COLOURS), "")),
        x="value",
        y="place",
        hue="task",
        order=range(conditions),
        hue_order=list(palette),
        palette=palette,
        marker=marker,
        size=size,
        linewidth=0.9 if marker == "|" else 0,  # a stroke has no face
        jitter=False,
        orient="h",
        legend=False,
        ax=ax,
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
