"""How much HOT scores above each rule, seed by seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.hierarchical_ot.figures.parts import RULES, by_seed, label, shown
from replicortex.core import tables
from replicortex.plotting.style import GREY, PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """How much HOT scores above each rule, seed by seed."""
    keys = [key for key in shown(table) if "v4" not in key[0]][::-1]
    figure = new_figure(0.19 * len(keys) + 1.2)
    axes = figure.subplots(1, 4, sharey=True)
    hot = by_seed(table, "hot", keys)
    for ax, mark, rule in zip(
        axes, "abcd", ("pairwise_best", "random", "uniform", "top_k"), strict=True
    ):
        name, colour, _ = RULES[rule]
        # Series: the seed says which scores are subtracted from each other.
        gaps = [(a - b).to_numpy() for a, b in zip(hot, by_seed(table, rule, keys), strict=True)]
        for place, gap in enumerate(gaps):
            ax.plot(gap, np.full(len(gap), place), ".", color=PALETTE[colour], markersize=3)
        ax.plot(
            [gap.mean() for gap in gaps],
            np.arange(len(keys)),
            "|",
            color=PALETTE["black"],
            markersize=6,
        )
        ax.axvline(0, color=GREY, linewidth=0.6)
        letter(ax, mark, f"HOT − {name.partition(' (')[0].removesuffix('-Best')}")
        ax.set_xlabel("Difference of scores")
    axes[0].set_yticks(range(len(keys)), [label(*key) for key in keys], fontsize=6)
    axes[0].set_ylim(-0.6, len(keys) - 0.4)
    return note(
        figure,
        "Points: seeds (or splits, between systems that are not trained here); bars: their mean. Right "
        "of the line HOT is better. The uniform plan aligns nothing. Related, distinct: simulated "
        "subjects.",
    )


@styled
def draw(scores: Path) -> Figure:
    """How much HOT scores above each rule, seed by seed."""
    return figure_of(tables.read(scores))
