"""How much HOT scores above each rule, seed by seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns

from papers.hierarchical_ot.figures.parts import RULES, compared
from replicortex.core import tables
from replicortex.plotting.style import GREY, PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Rule -> its name beside HOT's.
AGAINST = {
    "pairwise_best": "Pairwise",
    "random": "Random",
    "uniform": "Uniform",
    "top_k": "Greedy top-k",
}


def gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Return HOT's score less each rule's, as columns by rule: a row for each label and seed (or split)."""
    wide = table.pivot(index=["label", "seed"], columns="rule", values="score")
    return pd.DataFrame({rule: wide["hot"] - wide[rule] for rule in AGAINST}).reset_index()


@styled
def draw(scores: Path) -> Figure:
    """How much HOT scores above each rule, seed by seed.

    Parameters
    ----------
    scores
        The table: a panel for each rule of `AGAINST`, a row for each comparison of systems of more than
        one layer.
    """
    table = compared(tables.read(scores))
    # A system of one layer leaves nothing to choose.
    table = table[(table["layers"] > 1) & (table["target_layers"] > 1)]
    names = table["label"].cat.remove_unused_categories().cat.categories
    found = gaps(table)
    figure = new_figure(0.19 * len(names) + 1.2)
    axes = figure.subplots(1, len(AGAINST), sharey=True)
    for ax, mark, (rule, name) in zip(axes, "abcd", AGAINST.items(), strict=True):
        where = {"x": rule, "y": "label", "order": names, "legend": False, "ax": ax}
        sns.stripplot(found, color=RULES[rule].colour, jitter=False, size=2.5, **where)
        sns.pointplot(
            found,
            color=PALETTE["black"],
            marker="|",
            markersize=6,
            markeredgewidth=0.8,
            linestyle="none",
            errorbar=None,
            **where,
        )
        ax.axvline(0, color=GREY, linewidth=0.6)
        letter(ax, mark, f"HOT − {name}")
        ax.set(xlabel="Difference of scores", ylabel="")
    axes[0].tick_params(axis="y", labelsize=6)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    return note(
        figure,
        "Points: seeds (or splits, between systems that are not trained here); bars: their mean. Right "
        "of the line HOT is better. The uniform plan aligns nothing. Related, distinct: simulated "
        "subjects.",
    )
