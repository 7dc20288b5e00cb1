"""What several figures of the paper share: looks of conditions, selections of rows, legends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import seaborn as sns

from replicortex.core import tables
from replicortex.core.errors import StudyError, nearest
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import (
    GREY,
    PALE,
    PALETTE,
    WIDTH,
    letter,
    new_figure,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Condition(NamedTuple):
    """How a learning rule is named and drawn."""

    label: str
    colour: str
    marker: str
    line: str
    faithful: bool = False


# The order of this mapping is the order of every legend. Faithful versions are dashed.
CONDITIONS = {
    "bp": Condition("backpropagation", PALETTE["black"], "o", "-"),
    "fa": Condition("feedback alignment", PALETTE["blue"], "s", "-"),
    "pc": Condition("predictive coding", PALETTE["vermillion"], "^", "-"),
    "stdp": Condition("spike timing (STDP)", PALETTE["green"], "D", "-"),
    "fa_all": Condition("feedback alignment, every layer", PALETTE["sky"], "P", "--", True),
    "pc_supervised": Condition(
        "predictive coding, supervised", PALETTE["orange"], "v", (0, (3, 1)), True
    ),
    "stdp_pair": Condition(
        "STDP, pairs, winner-take-all", PALETTE["purple"], "X", (0, (4, 1, 1, 1)), True
    ),
    "stdp_stated": Condition("STDP as stated", "#7A9A01", "<", (0, (1, 1)), True),
    "bp_relu_first": Condition("backpropagation, STDP's layout", "#8C564B", ">", (0, (5, 2)), True),
}


FIXED_LAYER = "conv1"  # the layer that stands for early cortex where none is chosen [paper 4]


AREAS = {"EVC": "Early visual cortex (EVC)", "IT": "Inferior temporal cortex (IT)"}


PUBLISHED = {"layer": "best", "arm": "native", "pooling": "global"}


# What BatchNorm used when the paper's scores were taken; running statistics in all other rules [code].
BN_PUBLISHED = {"pc": "batch", "stdp": "batch"}
BN_NOTE = "BatchNorm as published: batch statistics in predictive coding and STDP, running ones elsewhere."


CELL = ("rule", "epoch", "px", "arm", "bn", "pooling", "roi", "rho")
SCORES = (*CELL, "seed", "layer")
BOUNDS = ("roi", "pairs", "bound", "value")
MOVED = ("rule", "seed", "epoch", "layer", "displacement")


def table_of(path: Path, columns: Iterable[str]) -> pd.DataFrame:
    """Read a table that has these columns, and known learning rules where it has any.

    Raises
    ------
    StudyError
        When a table lacks a column or has no known learning rule.
    """
    table = tables.read(path)
    for column in columns:
        if column not in table.columns:
            raise StudyError(f"{path}: no column '{column}'{nearest(column, table.columns)}")
    if "rule" in table.columns and not present(table):
        rules = ", ".join(sorted(table["rule"].astype(str).unique()))
        raise StudyError(f"{path}: none of its rules ({rules}) is among {', '.join(CONDITIONS)}")
    return table


def present(table: pd.DataFrame, faithful: bool | None = None) -> list[str]:
    """Known rules of a table in their order, all of them or one family."""
    known = set(table["rule"])
    return [
        rule
        for rule, condition in CONDITIONS.items()
        if rule in known and faithful in (None, condition.faithful)
    ]


def as_published(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table in the BatchNorm mode in which each rule was published; tables have "rule", "bn"."""
    mode = table["rule"].map(BN_PUBLISHED).fillna("running")
    return table[table["bn"] == mode]


def regions(table: pd.DataFrame) -> list[str]:
    """Regions in the order of the table, which is the order of the visual hierarchy."""
    return list(dict.fromkeys(table["roi"]))


def since_start(table: pd.DataFrame, value: str = "rho") -> pd.DataFrame:
    """The table with `value` replaced by its difference from epoch 0 of the same condition."""
    keys = [
        column
        for column in ("rule", "seed", "px", "arm", "bn", "pooling", "layer", "roi")
        if column in table.columns
    ]
    start = table[table["epoch"] == 0].set_index(keys)[value].rename("_start")
    joined = table.join(start, on=keys, validate="many_to_one")
    return joined.assign(**{value: joined[value] - joined["_start"]}).drop(columns="_start")


def seed_note(table: pd.DataFrame, what: str = "Lines: mean over seeds; bands") -> str:
    """Return the sentence that says what spread is drawn, over how many seeds, and what is left out.

    Parameters
    ----------
    table
        What is drawn: with the columns "rule" and "seed", and "rho" where scores may be empty.
    what
        Begins the sentence.
    """
    counts = table.groupby("rule")["seed"].nunique()
    n = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    several = counts.max() > 1
    text = f"{what}: ±1 s.d. (n = {n} seeds)." if several else "One seed: no spread shown."
    silent = int(table["rho"].isna().sum()) if "rho" in table else 0
    if silent:
        text += (
            f" Left out: {silent} of {len(table)} scores of layers that answer all images alike."
        )
    return text


def noise_of(noise: pd.DataFrame, roi: str) -> dict[str, float]:
    """Lower and upper noise bound of a region, from cross-run pairs where there are any."""
    rows = where(noise, roi=roi)
    if "cross_run" in set(rows["pairs"]):
        rows = where(rows, pairs="cross_run")
    return dict(zip(rows["bound"], rows["value"], strict=True))


def area_label(roi: str) -> str:
    """Return a region's name in print."""
    return AREAS.get(roi, roi)


def face(look: Condition) -> str:
    """Return the colour of a condition's marks inside: those of faithful versions are open."""
    return "white" if look.faithful else look.colour


def draw_lines(
    ax: Axes, table: pd.DataFrame, rules: Sequence[str], x: str, value: str = "rho"
) -> Axes:
    """Draw one line per rule: mean over seeds with a band of ±1 s.d., or the values themselves.

    The axes must have linear scales yet: seaborn would average on the scale that it finds.
    """
    for rule in rules:
        rows, look = where(table, rule=rule), CONDITIONS[rule]
        sns.lineplot(
            # Arrays, not columns: seaborn would write their names beside the axes.
            x=rows[x].to_numpy(),
            y=rows[value].to_numpy(),
            errorbar="sd" if rows[x].duplicated().any() else None,
            err_kws={"alpha": 0.13, "linewidth": 0, "zorder": 2},
            color=look.colour,
            marker=look.marker,
            linestyle=look.line,
            markerfacecolor=face(look),
            markeredgecolor=look.colour,
            label=look.label,
            legend=False,
            zorder=3,
            clip_on=False,
            ax=ax,
        )
    return ax


def draw_marks(
    ax: Axes,
    table: pd.DataFrame,
    x: str,
    places: Sequence[Any],
    rules: Sequence[str],
    width: float,
    filled: bool = True,
    joined: bool = False,
) -> None:
    """Draw mean and ±1 s.d. of rho over seeds for every place of a categorical axis and every rule.

    Parameters
    ----------
    ax
        Places stand at 0, 1, ... on its x.
    table
        Rows of all seeds, with the columns `x`, "rule" and "rho".
    places
        Values of `x` in their order.
    width
        From the first rule to the last at one place.
    filled
        Whether marks are: open ones say that nothing was learned.
    joined
        Whether a line runs through a rule's marks.
    """
    looks = [CONDITIONS[rule] for rule in rules]
    inside = {} if filled else {"markerfacecolor": "white"}
    sns.pointplot(
        x=table[x].to_numpy(),
        y=table["rho"].to_numpy(),
        hue=table["rule"].to_numpy(),
        order=list(places),
        hue_order=list(rules),
        palette=[look.colour for look in looks],
        markers=[look.marker for look in looks],
        linestyles=[look.line if joined else "none" for look in looks],
        dodge=width if len(rules) > 1 else False,
        errorbar="sd",
        err_kws={"linewidth": 0.7, "zorder": 2.5},  # behind what is inside an open mark
        linewidth=1,
        markersize=4.2,
        markeredgewidth=0.8,
        zorder=3,
        legend=False,
        ax=ax,
        **inside,
    )


def offsets(rules: Sequence[str], width: float) -> list[float]:
    """Return how far each rule's mark stands from its place, from -width / 2 to width / 2."""
    last = max(len(rules) - 1, 1)
    return [width * (position / last - 0.5) if width else 0.0 for position in range(len(rules))]


def limits_with_noise(
    lowest: float, highest: float, bounds: Mapping[str, float]
) -> tuple[float, float]:
    """Return limits of an axis that shows 0, the data, and the noise bounds that lie near them.

    Parameters
    ----------
    lowest, highest
        Of the data.
    bounds
        "lower" and "upper", in the data's unit.
    """
    bottom, top = 1.06 * min(lowest, 0), 1.06 * max(highest, 0)
    for bound in (bounds["lower"], bounds["upper"]):
        if bound <= 2 * top:
            top = max(top, 1.05 * bound)
    if bounds["upper"] > top:
        top += 0.1 * (top - bottom)  # for the words that name it
    return bottom, top


def draw_noise(ax: Axes, bounds: Mapping[str, float]) -> Axes:
    """Shade the noise bounds behind the data; a bound above the axis is named at its edge.

    `ax` keeps its limits.
    """
    low, high = bounds["lower"], bounds["upper"]
    bottom, top = ax.get_ylim()
    ax.axhspan(low, high, color=PALE, linewidth=0, zorder=0)
    ax.axhline(low, color=GREY, linewidth=0.7, linestyle=(0, (1, 1.5)), zorder=1)
    ax.set_ylim(bottom, top)
    if high > top:
        words = f"upper noise bound {high:.3g} ↑"
        if low > top:
            words = f"noise bounds {low:.3g} and {high:.3g} ↑"
        ax.annotate(
            words,
            (0.99, 0.985),
            xycoords="axes fraction",
            ha="right",
            va="top",
            color="#555555",
            fontsize=6.5,
        )
    return ax


def zero_line(ax: Axes) -> Axes:
    """Mark 0 where the axis shows it."""
    ax.axhline(0, color=GREY, linewidth=0.6, zorder=1)
    return ax


def rule_handles(rules: Sequence[str]) -> list[Any]:
    """Return legend entries of the rules, drawn as their lines are."""
    from matplotlib.lines import Line2D

    return [
        Line2D(
            [],
            [],
            color=look.colour,
            marker=look.marker,
            linestyle=look.line,
            markerfacecolor=face(look),
            label=look.label,
        )
        for look in (CONDITIONS[rule] for rule in rules)
    ]


def legend_above(figure: Figure, rules: Sequence[str], extra: Sequence[Any] = ()) -> None:
    """Draw one legend for all panels, above them, where it covers no data.

    Parameters
    ----------
    rules
        In their order, which rows of the legend keep.
    extra
        Further entries, after the rules'.
    """
    handles = [*rule_handles(rules), *extra]
    columns = min(len(handles), 4 if figure.get_figwidth() > 0.8 * WIDTH else 2)
    # Matplotlib fills columns downwards; readers read rows.
    rows = -(-len(handles) // columns)
    order = [
        row * columns + column
        for column in range(columns)
        for row in range(rows)
        if row * columns + column < len(handles)
    ]
    figure.legend(
        handles=[handles[position] for position in order],
        loc="outside upper left",
        ncols=columns,
    )


def noise_handle() -> Any:
    """Legend entry of the noise bounds."""
    from matplotlib.patches import Patch

    return Patch(facecolor=PALE, edgecolor=GREY, label="noise bounds of the brain data")


def panels_by_region(table: pd.DataFrame, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure and its panels, lettered, one for each region of a table in its order."""
    rois = regions(table)
    columns = min(len(rois), 3)
    rows = -(-len(rois) // columns)
    figure = new_figure(0.9 + 1.75 * rows if columns > 2 else 3.2)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    for ax in grid.flat[len(rois) :]:
        ax.remove()
    axes = list(grid.flat[: len(rois)])
    for mark, ax, roi in zip("abcdefghijkl", axes, rois, strict=False):
        letter(ax, mark, area_label(roi))
    return figure, axes
