"""E6: permuted weights, measured responses, folded, and a rotated basis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.sparse_positive.figures.parts import (
    REGRESSIONS,
    SIGNS,
    THETA,
    R,
    groups,
    marks,
    over,
    title_of,
    with_regression,
)
from replicortex.core import tables
from replicortex.plotting.look import Look, rows
from replicortex.plotting.style import GREY, PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {
    "theta": Look(THETA, PALETTE["blue"], "o"),
    "theta_observed": Look("against measured responses", PALETTE["orange"], "D"),
    "theta_permuted": Look("permuted weights", GREY, "x"),
    "folded": Look("folded", PALETTE["green"], "s"),
}
BASES = {
    "units": Look("units' basis", PALETTE["blue"], "o"),
    "rotated": Look("rotated basis", PALETTE["vermillion"], "^"),
}


@styled
def draw(scores: Path, rotation: Path) -> Figure:
    """E6: permuted weights, measured responses, folded, and a rotated basis.

    `scores`, `rotation`: tables of `encode.encode`. Marks: mean and s.d. over seeds.
    """
    fixed = groups(with_regression(rows(tables.read(scores), chosen="fixed", match="matched")))
    turned = groups(with_regression(tables.read(rotation)))
    order = [title_of(model, sign) for sign in SIGNS for model in ("ridge", "lasso")]
    figure = new_figure(0.7 + 2.7 * len(fixed))
    axes = figure.subplots(len(fixed), 2, width_ratios=[1.6, 1], squeeze=False)
    marked = iter("abcdef")
    for (left, right), (words, part) in zip(axes, fixed.items(), strict=True):
        tail = f": {words}" if len(fixed) > 1 else ""
        each = part.melt(["regression", "seed"], list(KINDS), var_name="kind", value_name=THETA)
        marks(left, each, THETA, "kind", KINDS, REGRESSIONS, dodge=0.48)
        _name(left, KINDS, columns=2, room=0.35)
        letter(left, next(marked), f"Matched units{tail}")
        marks(right, turned[words], "r_dead_0", "basis", BASES, order)
        right.set_ylabel(R)
        _name(right, BASES, columns=1, room=0.25)
        letter(right, next(marked), f"Rotated basis{tail}")
    each = "; ".join(f"{words}: over {over(part)}" for words, part in fixed.items())
    return note(figure, f"Mean and s.d. ({each}); targets and regions of a row averaged.")


def _name(ax: Axes, looks: Mapping[str, Look], columns: int, room: float) -> None:
    """Name the conditions above the marks, where `room` (share of the axis) is made for it."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="none", color=look.colour, marker=look.marker, label=look.label)
        for look in looks.values()
    ]
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + room * (high - low))
    ax.legend(handles=handles, fontsize=6, ncols=columns, loc="upper right")
    ax.tick_params(axis="x", labelrotation=90)
