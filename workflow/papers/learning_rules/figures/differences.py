"""Each rule less backpropagation in early cortex: as published, and in one mode, over both units sampled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from papers.learning_rules.figures.parts import (
    CONDITIONS,
    PUBLISHED,
    SCORES,
    area_label,
    legend_above,
    present,
    table_of,
)
from replicortex.analysis.intervals import t_interval
from replicortex.plotting.labels import RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DRAWN = (
    "rule",
    "epoch",
    "px",
    "arm",
    "bn",
    "pooling",
    "layer",
    "roi",
    "quantity",
    "lower",
    "upper",
)
# Modes of the rule and of backpropagation, and where the table says so.
MODES = {
    "as published\n(batch less running)": ("batch", "running", "_running"),
    "running\nless running": ("running", "running", ""),
    "batch\nless batch": ("batch", "batch", ""),
}
PANELS = {"After training": ("minus_bp", False), "Change since epoch 0": ("change_minus_bp", True)}
RULES = ("pc", "stdp")
APART = 0.16  # from one mark to the next at one place


@styled
def draw(curves: Path, intervals: Path, early: str, px: dict[str, int]) -> Figure:
    """Draw each rule less backpropagation in early cortex, over seeds and over stimuli and people.

    Parameters
    ----------
    curves, intervals
        Tables of these names.
    early
        The region that counts as early.
    px
        Sides of the stimuli, pixels; the large one is drawn.
    """
    place = {**PUBLISHED, "roi": early, "px": px["large"]}
    scores = where(table_of(curves, SCORES), **place)
    known = where(table_of(intervals, DRAWN), **place)
    last = int(scores["epoch"].max())
    rules = [rule for rule in RULES if rule in present(scores) and "bp" in present(scores)]
    figure = new_figure(3.3)
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for mark, ax, (title, (quantity, change)) in zip("ab", axes, PANELS.items(), strict=True):
        letter(ax, mark, title)
        for position, rule in enumerate(rules):
            for number, (bn, bn_of_bp, ending) in enumerate(MODES.values()):
                seeds = _by_seed(scores, rule, bn, last, change)
                seeds = (seeds - _by_seed(scores, "bp", bn_of_bp, last, change)).dropna()
                stated = where(known, rule=rule, bn=bn, epoch=last, quantity=quantity + ending)
                at = number + APART * (2 * position - len(rules) + 0.5)
                _draw_two(ax, rule, at, seeds, stated)
        ax.set_xticks(range(len(MODES)), list(MODES))
        ax.tick_params(axis="x", length=0)
        ax.set_xlim(-0.5, len(MODES) - 0.5)
        ax.axhline(0, color=GREY, linewidth=0.6, zorder=1)
    axes[0].set_ylabel(f"{RHO.axis} with {early}: rule less BP")
    legend_above(figure, rules, _handles())
    note(
        figure,
        f"{area_label(early)}, images of {px['large']} px, best of four layers, {last} epochs. Bars: 95 % "
        f"intervals (n = {scores['seed'].nunique()} seeds).",
    )
    return figure


def _by_seed(table: pd.DataFrame, rule: str, bn: str, last: int, change: bool) -> pd.Series:
    """Return rho after the last epoch by seed, or its change."""
    rows = where(table, rule=rule, bn=bn)
    end, start = (where(rows, epoch=epoch).set_index("seed")["rho"] for epoch in (last, 0))
    return end - start if change else end


def _draw_two(ax: Axes, rule: str, at: float, seeds: pd.Series, stated: pd.DataFrame) -> None:
    """Draw the mean with its interval over seeds, and beside it that over stimuli and people."""
    look, values = CONDITIONS[rule], seeds.to_numpy()
    if not len(values):
        return
    mean = float(values.mean())
    ends = t_interval(values) if len(values) > 1 else (np.nan, np.nan)
    drawn = [(at, *ends, "-", look.colour)]
    drawn += [(at + APART, *one, ":", "white") for one in stated[["lower", "upper"]].to_numpy()]
    for x, lower, upper, line, face in drawn:
        ax.vlines(x, lower, upper, color=look.colour, linewidth=1.2, linestyle=line, zorder=2)
        ax.plot(
            [x],
            [mean],
            marker=look.marker,
            color=look.colour,
            markerfacecolor=face,
            markersize=4.2,
            zorder=3,
        )


def _handles() -> list[Any]:
    from matplotlib.lines import Line2D

    look = {"color": "#555555", "marker": "o", "markersize": 4.2}
    return [
        Line2D([], [], label="over seeds", **look),
        Line2D(
            [], [], linestyle=":", markerfacecolor="white", label="over stimuli and people", **look
        ),
    ]
