"""Depth correlation beside its null, and share of mass on the diagonal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import seaborn as sns

from papers.hierarchical_ot.figures.parts import NSD, RULES, compared, marks, named
from replicortex.core import tables
from replicortex.plotting.look import hues, legend_above, rows
from replicortex.plotting.style import PALE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOT, GREEDY = RULES["hot"], RULES["pairwise_best"]
# The later is drawn above the other.
DEPTHS = {"depth correlation of greedy": GREEDY, "depth correlation": HOT}
TRACES = {"trace": HOT, "trace of greedy": GREEDY}
NULL = ("depth permuted mean", "depth permuted 97.5 %")


@styled
def draw(structure: Path) -> Figure:
    """Depth correlation beside its null, and share of mass on the diagonal.

    Parameters
    ----------
    structure
        The table. Depth correlations are those of real systems, the diagonal is that of pairs of subjects,
        simulated or of NSD.
    """
    table = tables.read(structure)
    real = table[table["noise_sd"].isna()]
    lines = len(rows(real, measure="depth correlation")[["pair", "rotate"]].drop_duplicates())
    figure = new_figure(max(3.6, 0.12 * lines + 1.2))
    left, right = figure.subplots(1, 2)
    right.set_box_aspect(0.9)
    right.set_anchor("N")
    _order(left, real)
    _diagonal(right, table)
    legend_above(
        figure,
        (),
        [
            *marks([HOT, GREEDY]),
            ("Stimuli permuted", {"color": PALE, "linewidth": 6, "solid_capstyle": "butt"}),
        ],
    )
    return note(
        figure,
        "(a) Mean over seeds; greedy is left out where it chose one target layer alone. Grey: plans between "
        "the same layers, the target's stimuli permuted, from their mean to 97.5 % of them. (b) Mean and "
        "standard deviation over pairs of subjects and seeds; 1/7 by chance. Related: each region follows "
        "from the one before; distinct: most of its variance is its own.",
    )


def _order(ax: Axes, table: pd.DataFrame) -> None:
    """Draw depth correlations of the plan and of greedy choice over those without correspondence.

    `table` has rows of "structure" of real systems.
    """
    own = rows(compared(table), measure=[*DEPTHS, *NULL])
    # One seed without a number leaves the mean without one.
    means = own.groupby(["label", "measure"], observed=True)["value"].agg(
        lambda values: values.mean(skipna=False)
    )
    means = means.unstack().reindex(columns=[*DEPTHS, *NULL])  # not every pair has a null
    mean, limit = (means[measure] for measure in NULL)
    ax.barh(range(len(means)), limit - mean, left=mean, height=0.8, color=PALE)
    for measure, look in DEPTHS.items():
        sns.stripplot(
            x=means[measure].to_numpy(),
            y=means.index.astype(str).to_numpy(),
            color=look.colour,
            marker=look.marker,
            # The square, a little larger, stays to be seen under the dot.
            size=5 if look is GREEDY else 3.5,
            jitter=False,
            ax=ax,
        )
    ax.tick_params(axis="y", labelsize=6)
    ax.set(xlim=(-1.05, 1.05), ylim=(len(means) - 0.5, -0.5), xlabel="Depth correlation")
    letter(ax, "a", "Order of the layers")


def _diagonal(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the share of mass between corresponding regions, over all couples of subjects.

    `table` has rows of "structure"; pairs of NSD are one group, simulated ones a group for each noise.
    """
    own = rows(table, measure=list(TRACES), rotate="no")
    own = own[own["noise_sd"].notna() | own["pair"].isin(NSD)]
    names = named(own["pair"])
    own = own.assign(place=own["pair"].map(list(names).index)).sort_values(["place", "noise_sd"])
    kinds = [
        "NSD" if pair in NSD else f"{names[pair]},\nnoise {noise:g}"
        for pair, noise in zip(own["pair"], own["noise_sd"], strict=True)
    ]
    order = list(dict.fromkeys(kinds))
    sns.pointplot(
        x=kinds,
        y=own["value"].to_numpy(),
        hue=own["measure"].to_numpy(),
        order=order,
        **hues(TRACES),
        errorbar="sd",
        dodge=0.24,
        linestyle="none",
        markersize=4,
        err_kws={"linewidth": 1},
        legend=False,
        ax=ax,
    )
    ax.tick_params(axis="x", labelsize=6, labelrotation=90)
    ax.set(xlim=(-0.5, len(order) - 0.5), ylim=(0, 1.05), ylabel="Share of mass on the diagonal")
    letter(ax, "b", "Regions that find themselves")
