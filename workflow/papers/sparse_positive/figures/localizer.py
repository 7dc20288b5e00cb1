"""Units that pass all five tests, by feature space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.sparse_positive.figures.parts import SETS, legend, listed, space_label
from replicortex.core import tables
from replicortex.plotting.style import GREY, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SELECTIVE = {units: SETS[units] for units in ("face", "scene")}


@styled
def draw(localizer: Path) -> Figure:
    """Units that pass all five tests, by feature space.

    `localizer`: a row per space and unit set, of `units.choose`. Crosses: permuted labels.
    """
    table = tables.read(localizer)
    spaces = list(dict.fromkeys(table["space"]))
    figure = new_figure(min(1.2 + 0.13 * len(spaces), 9))
    ax = figure.subplots()
    own = [look.marker for look in SELECTIVE.values()]
    permuted = {"markers": ["x", "x"], "markersize": 2.5, "alpha": 0.7}
    for column, how in (
        ("passing", {"markers": own, "markersize": 3.5}),
        ("passing_permuted", permuted),
    ):
        sns.pointplot(
            table,
            x=column,
            y="space",
            hue="units",
            order=spaces,
            hue_order=list(SELECTIVE),
            palette=[look.colour for look in SELECTIVE.values()],
            dodge=0.36,
            errorbar=None,
            linestyle="none",
            markeredgewidth=0.8,
            legend=False,
            ax=ax,
            **how,
        )
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(-0.2, max(table["passing"].max() * 1.5, 10))
    ax.set_yticks(range(len(spaces)), [space_label(name) for name in spaces], fontsize=5.5)
    ax.set_ylim(len(spaces) - 0.2, -0.8)  # room for the marks of the outer rows
    ax.set(xlabel="Units that pass all five comparisons (count)", ylabel="")
    crosses = ("permuted labels", {"color": GREY, "marker": "x", "markersize": 2.5})
    legend(figure, SELECTIVE.values(), [crosses])
    return note(figure, f"Benjamini-Yekutieli, q = {listed(table['q'])}.")
