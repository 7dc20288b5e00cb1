"""Change of alignment since epoch 0 in every region, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import seaborn as sns

from papers.learning_rules.figures.parts import (
    BN_NOTE,
    CELL,
    CONDITIONS,
    PUBLISHED,
    SCORES,
    as_published,
    draw_lines,
    face,
    legend_above,
    panels_by_region,
    present,
    regions,
    seed_note,
    since_start,
    table_of,
    zero_line,
)
from replicortex.plotting.labels import RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import (
    epoch_axis,
    note,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# What the published curves share.
WHISKERS = 1.15  # ratio between the places of whiskers on a logarithmic axis


@styled
def draw(best_over_seeds: Path, curves: Path, px: dict[str, int]) -> Figure:
    """Draw the change of alignment since epoch 0 in every region, on one scale.

    Parameters
    ----------
    best_over_seeds, curves
        Tables of these names: lines, and the spread over seeds beside them.
    px
        Sides of the stimuli, pixels; the large one is drawn.
    """
    best, scores = table_of(best_over_seeds, CELL), table_of(curves, SCORES)
    selection = {key: value for key, value in PUBLISHED.items() if key != "layer"}
    lines = since_start(as_published(where(best, px=px["large"], **selection)))
    seeds = since_start(as_published(where(scores, px=px["large"], **PUBLISHED)))
    figure, axes = panels_by_region(lines, sharey=True)
    for ax, roi in zip(axes, regions(lines), strict=True):
        rows = where(lines, roi=roi)
        draw_lines(ax, rows, present(rows), "epoch")
        for rule in present(rows):
            last = where(seeds, roi=roi, rule=rule, epoch=int(seeds["epoch"].max()))["rho"]
            if len(last) > 1:
                _whisker(ax, rule, present(rows), last, int(seeds["epoch"].max()))
        epoch_axis(ax, lines["epoch"].unique())
        ax.set_xlim(right=lines["epoch"].max() * WHISKERS ** (len(present(lines)) + 1.5))
        zero_line(ax)
    figure.supylabel(RHO.change().axis + " since epoch 0", fontsize=7)
    legend_above(figure, present(lines))
    note(
        figure,
        f"Images of {px['large']} px. Lines: best layer after averaging over seeds (the paper's "
        f"convention). {BN_NOTE}\n"
        + seed_note(seeds, "Bars on the right: mean of the best layer per seed"),
    )
    return figure


def _whisker(ax: Axes, rule: str, rules: Sequence[str], values: pd.Series, last: int) -> None:
    """Draw mean and ±1 s.d. over seeds on the right of the last epoch, each rule at its own place.

    Parameters
    ----------
    rules
        In the order of their places.
    values
        The rule's change by seed.
    last
        The last epoch.
    """
    look = CONDITIONS[rule]
    sns.lineplot(
        x=np.full(len(values), last * WHISKERS ** (rules.index(rule) + 1.5)),
        y=values.to_numpy(),
        errorbar="sd",
        err_style="bars",
        err_kws={"elinewidth": 0.9},
        color=look.colour,
        marker=look.marker,
        markersize=2.4,
        markerfacecolor=face(look),
        markeredgecolor=look.colour,
        legend=False,
        ax=ax,
    )
