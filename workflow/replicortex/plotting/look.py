"""How conditions are named and drawn: rows of one, its curve over seeds, its legend and small print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Look(NamedTuple):
    """Label of the legend, colour and marker."""

    label: str
    colour: str
    marker: str


def hues(looks: Mapping[str, Look]) -> dict[str, list[str]]:
    """Return what seaborn is told of a hue: its values in order, their colours and marks."""
    return {
        "hue_order": list(looks),
        "palette": [look.colour for look in looks.values()],
        "markers": [look.marker for look in looks.values()],
    }


def curve(
    ax: Axes,
    table: pd.DataFrame,
    by: str,
    places: Sequence[Any],
    look: Look,
    line: str = "-",
    filled: bool = True,
) -> None:
    """Draw mean and s.d. of the column "value" over seeds against the column `by`.

    `places` are all values of `by` along the axis, evenly spaced.
    """
    import seaborn as sns

    # Arrays, not columns: seaborn would write their names beside the axes.
    sns.lineplot(
        x=table[by].map(list(places).index).to_numpy(),
        y=table["value"].to_numpy(),
        errorbar="sd",
        err_style="bars",
        err_kws={"elinewidth": 0.8},
        color=look.colour,
        marker=look.marker,
        linestyle=line,
        markerfacecolor=look.colour if filled else "white",
        markeredgecolor=look.colour,
        legend=False,
        ax=ax,
    )


def rows(table: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """Return the rows whose columns hold the given values; a list or tuple admits each of its own."""
    for column, value in where.items():
        wanted = value if isinstance(value, (list, tuple)) else [value]
        table = table[table[column].isin(wanted)]
    return table


def legend_above(
    figure: Figure,
    looks: Iterable[Look],
    extra: Iterable[tuple[str, Mapping[str, Any]]] = (),
    ncols: int = 5,
) -> None:
    """Name conditions above the panels, then what else is drawn: a label, and how its line looks."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, label=look.label) for look in looks
    ]
    handles += [Line2D([], [], label=label, **how) for label, how in extra]
    figure.legend(handles=handles, loc="outside upper left", ncols=ncols)


def seeds_note(counts: Iterable[int], words: str = "Marks: mean over seeds; bars") -> str:
    """Return the sentence that says what spread is drawn, over how many seeds a condition."""
    counts = sorted(set(counts))
    n = " to ".join(dict.fromkeys((str(counts[0]), str(counts[-1]))))
    return f"{words}: ±1 s.d. (n = {n} seeds)."
