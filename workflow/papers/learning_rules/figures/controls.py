"""The four controls of the published drop, in one grammar: hollow before, filled after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers.learning_rules.figures.parts import (
    CONDITIONS,
    FIXED_LAYER,
    SCORES,
    area_label,
    legend_above,
    present,
    seed_note,
    table_of,
    zero_line,
)
from replicortex.plotting.labels import RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import (
    PALE,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LAYERS = ("conv1", "conv2", "conv3", "fc1", "best")


POOLINGS = {"global": "averaged\nover space", "grid": "4 × 4\ngrid", "full": "whole\nmap"}


BN_MODES = {"running": "running statistics\n(repaired)", "batch": "batch statistics\n(published)"}


@styled
def draw(curves: Path, early: str, px: dict[str, int]) -> Figure:
    """The four controls of the published drop, in one grammar: hollow before, filled after."""
    scores = table_of(curves, SCORES)
    table = where(scores, roi=early, arm="native")
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
        f"{area_label(early)}. If only learning mattered, every pair of a rule would look the same in "
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
