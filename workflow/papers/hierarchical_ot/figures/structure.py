"""Depth correlation beside its null, share of mass on the diagonal, hubness."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.hierarchical_ot.figures.parts import label, shown, simulated
from replicortex.core import tables
from replicortex.plotting.style import PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(table: pd.DataFrame) -> Figure:
    """Depth correlation beside its null, share of mass on the diagonal, hubness."""
    figure = new_figure(3.6)
    left, right = figure.subplots(1, 2)
    keys = [
        key
        for key in shown(table)
        if len(_values(table, key, "depth correlation")) and not simulated(key[0])
    ][::-1]
    for place, key in enumerate(keys):
        limit = _values(table, key, "depth null 97.5 %").mean()
        left.barh(place, 2 * limit, left=-limit, height=0.8, color="#E4E4E4")
        for measure, colour, marker in (
            ("depth correlation of greedy", "blue", "s"),
            ("depth correlation", "vermillion", "o"),
        ):
            values = _values(table, key, measure)
            left.plot(
                values.mean(),
                place,
                marker,
                color=PALETTE[colour],
                markersize=4 if marker == "o" else 3.5,
                markerfacecolor="none" if marker == "s" else PALETTE[colour],
            )
    left.set_yticks(range(len(keys)), [label(*key) for key in keys], fontsize=6)
    left.set_xlim(-1.05, 1.05)
    left.set_xlabel("Depth correlation")
    letter(left, "a", "Order of the layers")
    left.plot([], [], "o", color=PALETTE["vermillion"], label="HOT")
    left.plot([], [], "s", color=PALETTE["blue"], markerfacecolor="none", label="Pairwise-Best")
    left.barh(0, 0, color="#E4E4E4", label="Random costs, 95 %")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    square = [key for key in table["pair"].unique() if len(_values(table, (key, "no"), "trace"))]
    groups: dict[str, list[str]] = {}
    for pair in square:
        kind, noise = [*pair.split(), ""][:2]
        kind = f"{kind},\nnoise {noise}" if simulated(pair) else ""
        kind = "NSD" if pair.startswith("nsd_") else kind
        if kind:
            groups.setdefault(kind, []).append(pair)
    for place, pairs in enumerate(groups.values()):
        for shift, measure, colour, marker in (
            (-0.12, "trace", "vermillion", "o"),
            (0.12, "trace of greedy", "blue", "s"),
        ):
            values = np.concatenate([_values(table, (p, "no"), measure) for p in pairs])
            right.errorbar(
                place + shift,
                values.mean(),
                yerr=values.std(),
                color=PALETTE[colour],
                marker=marker,
                markersize=4,
            )
    right.set_xticks(range(len(groups)), list(groups), fontsize=6)
    right.set_xlim(-0.5, len(groups) - 0.5)
    right.set_ylim(0, 1.05)
    right.set_ylabel("Share of mass on the diagonal")
    letter(right, "b", "Regions that find themselves")
    return note(
        figure,
        "(a) Mean over seeds; greedy is left out where it chose one target layer alone. Grey: 95 % of plans "
        "under random costs, taken as symmetric. (b) Mean and standard deviation over pairs of subjects "
        "and seeds; 1/7 by chance. Related: each region follows from the one before; distinct: most of its "
        "variance is its own.",
    )


def _values(table: pd.DataFrame, key: tuple[str, str], measure: str) -> np.ndarray:
    own = (table["pair"] == key[0]) & (table["rotate"] == key[1]) & (table["measure"] == measure)
    return table.loc[own, "value"].to_numpy()


@styled
def draw(structure: Path) -> Figure:
    """Depth correlation beside its null, share of mass on the diagonal, hubness."""
    return figure_of(tables.read(structure))
