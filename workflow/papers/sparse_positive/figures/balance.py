"""E6: the Lasso at the paper's alpha, at equal sparsity and unit count, and at equal reliability."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from papers.sparse_positive.figures.parts import (
    MATCHES,
    SIGNS,
    THETA,
    R,
    fixed_alpha,
    groups,
    legend,
    marks,
    over,
)
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import PALE, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EQUAL = ("equal sparsity\nand units", "and reliability")
SYMBOLS = {"signed": "±", "positive": "+"}


@styled
def draw(scores: Path, balanced: Path) -> Figure:
    """E6: the Lasso at the paper's alpha, at equal sparsity and unit count, and at equal reliability.

    `scores`: of `encode.encode`; `balanced`: of `aggregate.balanced`. Marks: mean and s.d. over
    seeds.
    """
    fixed = rows(tables.read(scores), chosen="fixed", model="lasso").drop(columns="r")
    equal = tables.read(balanced)
    names = (fixed_alpha(fixed), *EQUAL)
    arms = (
        fixed.rename(columns={"r_dead_0": "r"}),
        rows(equal, reliability="all"),
        rows(equal, reliability="paired"),
    )
    each = pd.concat(
        [table.assign(arm=name) for name, table in zip(names, arms, strict=True)], ignore_index=True
    )
    each = each.assign(place=each["arm"] + each["weights"])
    order = [arm + sign for arm in names for sign in SIGNS]
    parts = groups(rows(each, match=list(MATCHES)))
    figure = new_figure(0.7 + 2.7 * len(parts))
    axes = figure.subplots(len(parts), 2, squeeze=False)
    for line, (words, part) in zip(axes, parts.items(), strict=True):
        for ax, value, label in zip(line, ("r", "theta"), (R, THETA), strict=True):
            marks(ax, part, value, "match", MATCHES, order, x="place")
            ax.set_xticks(range(len(order)), [SYMBOLS[sign] for _ in names for sign in SIGNS])
            for number, arm in enumerate(names):
                ax.annotate(
                    arm, (2 * number + 0.5, 0), xycoords=("data", "axes fraction"),
                    xytext=(0, -18), textcoords="offset points", ha="center", va="top", fontsize=6,
                )  # fmt: skip
                if number:
                    ax.axvline(2 * number - 0.5, color=PALE, linewidth=0.5)
            ax.set_xlim(-0.5, len(order) - 0.5)
            ax.set_ylabel(label)
        if len(parts) > 1:
            line[0].set_title(words)
    legend(figure, MATCHES.values())
    over_what = "; ".join(f"{words}: over {over(part)}" for words, part in parts.items())
    return note(
        figure,
        f"Lasso, signed (±) and positive (+), mean and s.d. ({over_what}).",
    )
