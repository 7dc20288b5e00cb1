"""How a condition is named and drawn, and its curve over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Look(NamedTuple):
    """Label of the legend, colour and marker."""

    label: str
    colour: str
    marker: str


def curve(
    ax: Axes,
    table: pd.DataFrame,
    by: str,
    places: Sequence,
    look: Look,
    line: str = "-",
    filled: bool = True,
) -> None:
    """Draw mean and s.d. of the column "value" over seeds against the column `by`.

    `places` are all values of `by` along the axis, evenly spaced.
    """
    grouped = table.groupby(by)["value"]
    mean, sd = grouped.mean(), grouped.std().fillna(0)
    ax.errorbar(
        [places.index(value) for value in mean.index],
        mean,
        sd,
        color=look.colour,
        marker=look.marker,
        linestyle=line,
        elinewidth=0.8,
        markerfacecolor=look.colour if filled else "white",
    )
