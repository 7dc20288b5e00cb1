"""Specification curves as figures: numbers in their order, and which choices made each."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from replicortex.plotting.style import GREY, PALE, PALETTE, new_figure, note, styled
from replicortex.report.specifications import AGAINST, FOR, NEITHER, Curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {FOR: PALETTE["blue"], AGAINST: PALETTE["vermillion"], NEITHER: GREY}
DPI = 130
ROW = 0.135  # inches of a choice


@styled
def draw(curve: Curve, title: str) -> Figure:
    """Draw a specification curve.

    Parameters
    ----------
    curve
        With at least one specification.
    title
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Above, each specification's number with its 95 % interval, sorted; below, a row for each value of a
        switch with a mark under each specification that has it.
    """
    table = curve.table.sort_values("estimate", kind="stable").reset_index(drop=True)
    rows = [
        (switch, value) for switch in curve.switches for value in dict.fromkeys(curve.table[switch])
    ]
    rows = [(switch, value) for switch, value in rows if curve.table[switch].nunique() > 1]
    figure = new_figure(2.3 + ROW * len(rows) + 0.5, dpi=DPI)
    top, below = figure.subplots(
        2, sharex=True, gridspec_kw={"height_ratios": [2.0, max(ROW * len(rows), ROW)]}
    )
    x = np.arange(len(table))
    width = 1.2 if len(table) < 120 else 0.5
    for side, colour in COLOURS.items():
        here = (table["side"] == side).to_numpy()
        top.vlines(
            x[here], table["lower"][here], table["upper"][here], color=colour, linewidth=width
        )
        retrained = (table["kind"] == "retrained").to_numpy()
        for chosen, marker, size in ((here & ~retrained, "o", 5), (here & retrained, "D", 16)):
            top.scatter(
                x[chosen], table["estimate"][chosen], s=size, color=colour, marker=marker, zorder=3
            )
    top.axhline(curve.claim.nothing, color="black", linewidth=0.7)
    top.axhline(curve.claim.boundary, color="black", linewidth=0.7, linestyle=":")
    unit = curve.claim.published.unit if curve.claim.published else ""
    measure = curve.claim.measure
    name = str(measure.select.get("measure", measure.value)).replace("_", " ")
    top.set_ylabel(unit or measure.unit or name)
    top.set_ylim(*_limits(table["estimate"], curve.claim.boundary))
    figure.suptitle("\n".join(wrap(title, 120)), x=0.014, ha="left", fontsize=7.5)
    for place, (switch, value) in enumerate(rows):
        here = (table[switch] == value).to_numpy()
        colours = [COLOURS[side] for side in table["side"][here]]
        below.scatter(
            x[here], np.full(here.sum(), place), s=6, marker="|", color=colours, linewidth=0.8
        )
        if place and rows[place - 1][0] != switch:
            below.axhline(place - 0.5, color=PALE, linewidth=0.6)
    below.set_yticks(range(len(rows)), [f"{switch}: {value}" for switch, value in rows], fontsize=6)
    below.set_ylim(len(rows) - 0.5, -0.5)
    below.set_xlim(-1, len(table))
    below.set_xticks([])
    below.set_xlabel("specifications, in the order of their number")
    return note(
        figure,
        "Lines are 95 % intervals over units, cut at the panel's edge. Blue: the interval lies on the "
        "claimed side of nothing (solid line); red: on the other; grey: neither. Dotted: the smallest effect "
        "that matters. Diamonds: switches that need a training. Paper, code, both or neither has a value.",
    )


def _limits(numbers: object, boundary: float) -> tuple[float, float]:
    """Return limits that show all numbers, and cut intervals that would hide them."""
    values = np.append(np.asarray(numbers, dtype=float), [boundary, 0.0])
    low, high = float(values.min()), float(values.max())
    room = 0.35 * (high - low or 1.0)
    return low - room, high + room
