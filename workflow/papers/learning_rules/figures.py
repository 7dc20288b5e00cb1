"""Figures of the learning-rules paper, from its tidy tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from replicortex.core import tables
from replicortex.core.errors import StudyError, nearest
from replicortex.plotting.labels import DISPLACEMENT, IMAGE_SIZE, RHO
from replicortex.plotting.style import (
    GREY,
    PALE,
    PALETTE,
    WIDTH,
    epoch_axis,
    finish,
    letter,
    new_figure,
    note,
    style,
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
    "stdp_pair": Condition("STDP, stated sign", PALETTE["purple"], "X", (0, (4, 1, 1, 1)), True),
}
FAMILIES = {False: "As the author coded them", True: "Faithful versions"}
LAYERS = ("conv1", "conv2", "conv3", "fc1", "best")
WEIGHTS = ("conv1", "conv2", "conv3", "fc1", "fc2")
FIXED_LAYER = "conv1"  # the layer that stands for early cortex where none is chosen [paper 4]
POOLINGS = {"global": "averaged\nover space", "grid": "4 × 4\ngrid", "full": "whole\nmap"}
BN_MODES = {"running": "running statistics\n(repaired)", "batch": "batch statistics\n(published)"}
AREAS = {"EVC": "Early visual cortex (EVC)", "IT": "Inferior temporal cortex (IT)"}

# What the published curves share.
WHISKERS = 1.15  # ratio between the places of whiskers on a logarithmic axis
PUBLISHED_PX = 224
PUBLISHED = {"layer": "best", "arm": "native", "bn": "running", "pooling": "global"}


def figures(
    *,
    curves: Path,
    best_over_seeds: Path,
    noise: Path,
    displacement: Path,
    intervals: Path | None = None,
    tests: Path | None = None,
    history: Path | None = None,
    partial: Path | None = None,
    matched: Path | None = None,
    aliases: dict[str, Any],
    evaluation: dict[str, Any],
) -> dict[str, Figure]:
    """Draw every figure of the paper.

    Parameters
    ----------
    curves, best_over_seeds, noise, displacement
        Tidy tables that `statistics` and `brain` wrote.
    intervals, tests, history, partial, matched
        Tables that no figure draws yet; accepted so that one may.
    aliases
        `roi`: which region counts as early and which as late.
    evaluation
        Section `evaluation` of the configuration; its `px` (train, large) is used.

    Raises
    ------
    StudyError
        When a table lacks a column or has no known learning rule.
    """
    scores, best, bounds, moved = map(tables.read, (curves, best_over_seeds, noise, displacement))
    cell = ["rule", "epoch", "px", "arm", "bn", "pooling", "roi", "rho"]
    _need(scores, curves, [*cell, "seed", "layer"])
    _need(best, best_over_seeds, cell)
    _need(bounds, noise, ["roi", "pairs", "bound", "value"])
    _need(moved, displacement, ["rule", "seed", "epoch", "layer", "displacement"])
    early, px = aliases["roi"]["early"], evaluation["px"]
    with style():
        drawn = {
            "early_area": early_area(scores, bounds, early, px),
            "all_rois": all_rois(best, bounds, px["large"]),
            "change": change(best, scores, px["large"]),
            "resolution": resolution(scores, early),
            "controls": controls(scores, early, px),
            "displacement": displacements(moved),
        }
        return {name: finish(figure) for name, figure in drawn.items()}


# --- Tables --------------------------------------------------------------------------------------


def _need(table: pd.DataFrame, path: Path, columns: Iterable[str]) -> None:
    for column in columns:
        if column not in table.columns:
            raise StudyError(f"{path}: no column '{column}'{nearest(column, table.columns)}")
    if "rule" in table.columns and not present(table):
        rules = ", ".join(sorted(table["rule"].astype(str).unique()))
        raise StudyError(f"{path}: none of its rules ({rules}) is among {', '.join(CONDITIONS)}")


def where(table: pd.DataFrame, **selection: Any) -> pd.DataFrame:
    """Rows of a table whose columns have the given values; a list admits each of its values."""
    for column, value in selection.items():
        wanted = value if isinstance(value, (list, tuple)) else [value]
        table = table[table[column].isin(wanted)]
    return table


def present(table: pd.DataFrame, faithful: bool | None = None) -> list[str]:
    """Known rules of a table in their order, all of them or one family."""
    known = set(table["rule"])
    return [
        rule
        for rule, condition in CONDITIONS.items()
        if rule in known and faithful in (None, condition.faithful)
    ]


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


def over_seeds(table: pd.DataFrame, x: str, value: str) -> pd.DataFrame:
    """Mean, s.d. and number of seeds of `value` at each `x` (NaN s.d. for one seed)."""
    return table.groupby(x)[value].agg(["mean", "std", "count"])


def seed_note(table: pd.DataFrame, what: str = "Lines: mean over seeds; bands") -> str:
    """The sentence that says what spread is drawn over how many seeds."""
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


def _area(roi: str) -> str:
    return AREAS.get(roi, roi)


# --- Parts of a figure ---------------------------------------------------------------------------


def draw_lines(
    ax: Axes, table: pd.DataFrame, rules: Sequence[str], x: str, value: str = "rho"
) -> Axes:
    """Draw one line per rule: mean over seeds with a band of ±1 s.d., or the values themselves."""
    for rule in rules:
        rows = where(table, rule=rule)
        if rows.empty:
            continue
        look = CONDITIONS[rule]
        points = over_seeds(rows, x, value)
        ax.plot(
            points.index,
            points["mean"],
            color=look.colour,
            marker=look.marker,
            linestyle=look.line,
            markerfacecolor="white" if look.faithful else look.colour,
            label=look.label,
            zorder=3,
            clip_on=False,
        )
        if points["std"].notna().any():
            spread = points["std"].fillna(0)
            ax.fill_between(
                points.index,
                points["mean"] - spread,
                points["mean"] + spread,
                color=look.colour,
                alpha=0.13,
                linewidth=0,
                zorder=2,
            )
    return ax


def limits_with_noise(
    lowest: float, highest: float, bounds: Mapping[str, float]
) -> tuple[float, float]:
    """Limits of an axis that shows 0, the data, and the noise bounds that lie near them."""
    bottom, top = 1.06 * min(lowest, 0), 1.06 * max(highest, 0)
    for bound in (bounds["lower"], bounds["upper"]):
        if bound <= 2 * top:
            top = max(top, 1.05 * bound)
    if bounds["upper"] > top:
        top += 0.1 * (top - bottom)  # for the words that name it
    return bottom, top


def draw_noise(ax: Axes, bounds: Mapping[str, float]) -> Axes:
    """Shade the noise bounds behind the data; a bound above the axis is named at its edge."""
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
    """Legend entries of the rules."""
    from matplotlib.lines import Line2D

    return [
        Line2D(
            [],
            [],
            color=look.colour,
            marker=look.marker,
            linestyle=look.line,
            markerfacecolor="white" if look.faithful else look.colour,
            label=look.label,
        )
        for look in (CONDITIONS[rule] for rule in rules)
    ]


def legend_above(figure: Figure, rules: Sequence[str], extra: Sequence[Any] = ()) -> None:
    """One legend for all panels, above them, where it covers no data."""
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


def _no_data(ax: Axes) -> Axes:
    ax.text(0.5, 0.5, "not measured at this scale", transform=ax.transAxes, ha="center", color=GREY)
    return ax


# --- Figures -------------------------------------------------------------------------------------


def early_area(
    curves: pd.DataFrame, noise: pd.DataFrame, early: str, px: Mapping[str, int]
) -> Figure:
    """Alignment with early cortex over training: the published measure, at both sizes of image."""
    table = where(curves, roi=early, **PUBLISHED)
    families = [family for family in FAMILIES if present(table, family)]
    sizes = {
        "large": "as published" if px["large"] == PUBLISHED_PX else "large",
        "train": "training size",
    }
    figure = new_figure(4.9, WIDTH if len(families) > 1 else 0.6 * WIDTH)
    axes = figure.subplots(2, len(families), squeeze=False, sharey=True)
    for row, (size, words) in enumerate(sizes.items()):
        for column, family in enumerate(families):
            ax = axes[row, column]
            rows = where(table, px=px[size])
            rules = present(rows, family)
            if family and "bp" in present(rows):
                rules = ["bp", *rules]
            draw_lines(ax, rows, rules, "epoch")
            epoch_axis(ax, table["epoch"].unique())
            title = f"{FAMILIES[family]}, {px[size]} px images ({words})"
            letter(ax, "abcd"[row * len(families) + column], title)
            if not column:
                ax.set_ylabel(f"{RHO.axis} with {early}")
    bounds = noise_of(noise, early)
    shown = where(table, px=list(px.values()))["rho"]
    axes[0, 0].set_ylim(limits_with_noise(shown.min(), shown.max(), bounds))
    for ax in axes.flat:
        draw_noise(ax, bounds)
        if ax.get_ylim()[0] < 0:
            zero_line(ax)
    legend_above(figure, present(table), [noise_handle()])
    note(
        figure,
        f"{_area(early)}. Best of four layers in each seed, running BatchNorm statistics. "
        f"{seed_note(table)}",
    )
    return figure


def all_rois(best: pd.DataFrame, noise: pd.DataFrame, px: int) -> Figure:
    """Alignment with every region over training; layers chosen after averaging over seeds."""
    selection = {key: value for key, value in PUBLISHED.items() if key != "layer"}
    table = where(best, px=px, **selection)
    figure, axes = _by_region(table)
    for ax, roi in zip(axes, regions(table), strict=True):
        rows = where(table, roi=roi)
        draw_lines(ax, rows, present(rows), "epoch")
        epoch_axis(ax, table["epoch"].unique())
        bounds = noise_of(noise, roi)
        ax.set_ylim(limits_with_noise(rows["rho"].min(), rows["rho"].max(), bounds))
        draw_noise(ax, bounds)
        if ax.get_ylim()[0] < 0:
            zero_line(ax)
    axes[0].figure.supylabel(RHO.axis, fontsize=7)
    legend_above(figure, present(table), [noise_handle()])
    note(
        figure,
        f"Images of {px} px. Best of four layers after averaging over people and seeds (the "
        "paper's convention for this figure). Each panel has its own scale.",
    )
    return figure


def change(best: pd.DataFrame, curves: pd.DataFrame, px: int) -> Figure:
    """Change of alignment since epoch 0 in every region, on one scale."""
    selection = {key: value for key, value in PUBLISHED.items() if key != "layer"}
    lines = since_start(where(best, px=px, **selection))
    seeds = since_start(where(curves, px=px, **PUBLISHED))
    figure, axes = _by_region(lines, sharey=True)
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
        f"Images of {px} px. Lines: best layer after averaging over seeds (the paper's convention).\n"
        + seed_note(seeds, "Bars on the right: mean of the best layer per seed"),
    )
    return figure


def _whisker(ax: Axes, rule: str, rules: Sequence[str], values: pd.Series, last: int) -> None:
    look = CONDITIONS[rule]
    place = last * WHISKERS ** (rules.index(rule) + 1.5)
    ax.errorbar(
        place,
        values.mean(),
        yerr=values.std(ddof=1),
        color=look.colour,
        marker=look.marker,
        markersize=2.4,
        markerfacecolor="white" if look.faithful else look.colour,
        elinewidth=0.9,
        capsize=0,
    )


def _by_region(table: pd.DataFrame, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    rois = regions(table)
    columns = min(len(rois), 3)
    rows = -(-len(rois) // columns)
    figure = new_figure(0.9 + 1.75 * rows if columns > 2 else 3.2)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    for ax in grid.flat[len(rois) :]:
        ax.remove()
    axes = list(grid.flat[: len(rois)])
    for mark, ax, roi in zip("abcdefghijkl", axes, rois, strict=False):
        letter(ax, mark, _area(roi))
    return figure, axes


def resolution(curves: pd.DataFrame, early: str) -> Figure:
    """Alignment of one fixed layer against the size of the images, sharp and blurred."""
    shared = {**PUBLISHED, "layer": FIXED_LAYER}
    del shared["arm"]
    table = where(curves, roi=early, **shared)
    last = int(table["epoch"].max())
    swept = set(where(table, arm="upsampled")["px"]) or set(table["px"])
    table = where(table, px=sorted(swept), epoch=[0, last])
    arms = {
        "native": "Full detail",
        "upsampled": f"Reduced to {min(swept)} px, then enlarged",
    }
    figure = new_figure(4.9)
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    rules = present(table)
    for column, (arm, title) in enumerate(arms.items()):
        top, bottom = axes[:, column]
        rows = where(table, arm=arm)
        letter(top, "ab"[column], f"{title}: alignment")
        letter(bottom, "cd"[column], f"{title}: change by training")
        if rows.empty:
            _no_data(top), _no_data(bottom)
            continue
        draw_lines(top, where(rows, epoch=last), rules, "px")
        _draw_untrained(top, where(rows, epoch=0, rule=rules[0]))
        draw_lines(bottom, where(since_start(rows), epoch=last), rules, "px")
        for ax in (top, bottom):
            zero_line(ax)
            ax.set_xticks(sorted(swept))
        bottom.set_xlabel(IMAGE_SIZE.axis)
    axes[0, 0].set_ylabel(f"{RHO.axis} with {early}")
    axes[1, 0].set_ylabel(f"{RHO.change().axis} since epoch 0")
    legend_above(figure, rules, [_untrained_handle(rules[0])])
    note(
        figure,
        f"{_area(early)}, {FIXED_LAYER} averaged over space, after {last} epochs. "
        f"{seed_note(table)}",
    )
    return figure


def _draw_untrained(ax: Axes, table: pd.DataFrame) -> None:
    points = over_seeds(table, "px", "rho")
    ax.plot(points.index, points["mean"], color=GREY, linestyle=":", linewidth=1.6, zorder=2.5)


def _untrained_handle(rule: str) -> Any:
    from matplotlib.lines import Line2D

    label = f"untrained ({CONDITIONS[rule].label})"
    return Line2D([], [], color=GREY, linestyle=":", linewidth=1.6, label=label)


def controls(curves: pd.DataFrame, early: str, px: Mapping[str, int]) -> Figure:
    """The four controls of the published drop, in one grammar: hollow before, filled after."""
    table = where(curves, roi=early, arm="native")
    rules = present(table, faithful=False) or present(table)
    table = where(table, rule=rules)
    last = int(table["epoch"].max())
    large = where(table, px=px["large"])
    fixed = where(large, layer=FIXED_LAYER, pooling="global")
    figure = new_figure(5.6)
    axes = figure.subplots(2, 2, sharey=True, width_ratios=(1, 1.15))
    pooled = where(table, layer=FIXED_LAYER, bn="running", px=px["train"])
    layered = where(large, bn="running", pooling="global")
    panels = [
        ("bn", BN_MODES, fixed, "Does the mode of BatchNorm decide the loss?"),
        None,
        ("pooling", POOLINGS, pooled, "Does the spatial layout of the features decide it?"),
        (
            "layer",
            {layer: layer for layer in LAYERS},
            layered,
            "Does the choice of layer decide it?",
        ),
    ]
    for mark, ax, panel in zip("abcd", axes.flat, panels, strict=True):
        if panel is None:
            letter(ax, mark, "Does BatchNorm lower it without any learning?")
            draw_filling(ax, where(large, layer="best", pooling="global"), rules)
            continue
        column, groups, rows, title = panel
        letter(ax, mark, title)
        draw_before_after(ax, rows, rules, column, groups, last)
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{RHO.axis} with {early}")
    bottom, top = axes[0, 0].get_ylim()
    # From 0, and with room for the words in panel b.
    axes[0, 0].set_ylim(min(bottom, -0.02 * top), top + 0.08 * (top - bottom))
    for ax in axes.flat:
        zero_line(ax)
    axes[0, 0].set_xlabel(f"{FIXED_LAYER}, {px['large']} px")
    axes[0, 1].set_xlabel(f"best of four layers, {px['large']} px")
    axes[1, 0].set_xlabel(f"{FIXED_LAYER}, {px['train']} px")
    axes[1, 1].set_xlabel(f"averaged over space, {px['large']} px")
    legend_above(figure, rules, _before_after_handles(last))
    note(
        figure,
        f"{_area(early)}. If only learning mattered, every pair of a rule would look the same in "
        "all groups of a panel.\n" + seed_note(table, "Marks: mean over seeds; whiskers"),
    )
    return figure


def draw_before_after(
    ax: Axes,
    table: pd.DataFrame,
    rules: Sequence[str],
    column: str,
    groups: Mapping[str, str],
    last: int,
) -> Axes:
    """Per group of `column` and per rule: hollow mark at epoch 0, filled mark at the last epoch."""
    shown = {key: words for key, words in groups.items() if key in set(table[column])}
    step = 0.72 / max(len(rules), 1)
    for place, key in enumerate(shown):
        for position, rule in enumerate(rules):
            rows = where(table, rule=rule, **{column: key})
            x = place + (position - (len(rules) - 1) / 2) * step
            _pair(ax, x, rows, rule, last)
        if place:
            ax.axvline(place - 0.5, color=PALE, linewidth=0.8, zorder=0)
    ax.set_xticks(range(len(shown)), list(shown.values()))
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, len(shown) - 0.5)
    return ax


def _pair(ax: Axes, x: float, rows: pd.DataFrame, rule: str, last: int) -> None:
    look, ends = CONDITIONS[rule], []
    for epoch, face in ((0, "white"), (last, look.colour)):
        values = where(rows, epoch=epoch)["rho"]
        if values.empty:
            continue
        ends.append(values.mean())
        ax.errorbar(
            x,
            values.mean(),
            yerr=values.std(ddof=1) if len(values) > 1 else None,
            color=look.colour,
            marker=look.marker,
            markersize=4.2,
            markerfacecolor=face,
            elinewidth=0.7,
            zorder=3,
        )
    if len(ends) == 2:
        ax.plot([x, x], ends, color=look.colour, linewidth=1.6, alpha=0.45, zorder=2)


def draw_filling(ax: Axes, table: pd.DataFrame, rules: Sequence[str]) -> Axes:
    """Untrained, statistics filled without learning, then trained: one line per rule."""
    trained = sorted(epoch for epoch in table["epoch"].unique() if epoch > 0)
    steps = {"untrained": (0, "running"), "statistics\nfilled,\nnot trained": (0, "filled")}
    for epoch in dict.fromkeys([*trained[:1], *trained[-1:]]):
        steps[f"trained\n{epoch} epoch{'s' if epoch != 1 else ''}"] = (epoch, "running")
    for rule in rules:
        look, points = CONDITIONS[rule], []
        for x, (epoch, bn) in enumerate(steps.values()):
            values = where(table, rule=rule, epoch=epoch, bn=bn)["rho"]
            if len(values):
                points.append((x, values.mean(), values.std(ddof=1) if len(values) > 1 else 0.0))
        shift = (rules.index(rule) - (len(rules) - 1) / 2) * 0.07
        ax.plot(
            [x + shift for x, _, _ in points],
            [mean for _, mean, _ in points],
            color=look.colour,
            linestyle=look.line,
            linewidth=1,
            alpha=0.7,
            zorder=2,
        )
        for x, mean, sd in points:
            ax.errorbar(
                x + shift,
                mean,
                yerr=sd or None,
                color=look.colour,
                marker=look.marker,
                markersize=4.2,
                markerfacecolor="white" if x < 2 else look.colour,
                elinewidth=0.7,
                zorder=3,
            )
    ax.set_xticks(range(len(steps)), list(steps))
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.4, len(steps) - 0.6)
    ax.axvspan(-0.4, 1.5, color="#F4F4F4", linewidth=0, zorder=0)
    ax.annotate(
        "no learning",
        (0.55, 0.97),
        xycoords=("data", "axes fraction"),
        ha="center",
        va="top",
        color="#555555",
        fontsize=6.5,
    )
    return ax


def _before_after_handles(last: int) -> list[Any]:
    from matplotlib.lines import Line2D

    look = {"color": "#555555", "marker": "o", "linestyle": "none", "markersize": 4.2}
    return [
        Line2D([], [], markerfacecolor="white", label="hollow: no learning yet", **look),
        Line2D([], [], label=f"filled: trained ({last} epochs)", **look),
    ]


def displacements(table: pd.DataFrame) -> Figure:
    """How far training moves each layer's weights, in per cent of their initial norm."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    layers = [layer for layer in WEIGHTS if layer in set(table["layer"])]
    table = table.assign(percent=100 * table["displacement"])
    rules = present(table)
    figure = new_figure(3.1)
    axes = figure.subplots(1, len(layers), sharey=True, squeeze=False)[0]
    for mark, ax, layer in zip("abcde", axes, layers, strict=False):
        draw_lines(ax, where(table, layer=layer), rules, "epoch", "percent")
        ax.set_yscale("symlog", linthresh=0.01, linscale=0.5)
        epoch_axis(ax, table["epoch"].unique())
        letter(ax, mark, layer)
    highest = float(table["percent"].max())
    ticks = [0, *(10.0**power for power in range(-2, 5) if 10.0**power <= 3 * highest)]
    axes[0].set_ylim(-0.004, max(1.6 * highest, 0.02))
    axes[0].yaxis.set_major_locator(FixedLocator(ticks))
    axes[0].yaxis.set_minor_locator(NullLocator())
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0].set_ylabel(DISPLACEMENT.axis)
    legend_above(figure, rules)
    note(
        figure,
        "Norm of the difference from the initial weights over the norm of the initial weights; "
        f"logarithmic above 0.01 %. {seed_note(table)}",
    )
    return figure
