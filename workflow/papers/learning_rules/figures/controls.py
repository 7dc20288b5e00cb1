"""The four controls of the published drop, in one grammar: hollow before, filled after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from papers.learning_rules.figures.parts import (
    CONDITIONS,
    FIXED_LAYER,
    SCORES,
    area_label,
    draw_marks,
    legend_above,
    offsets,
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


POOLINGS = {"global": "averaged\nover space", "grid": "4 × 4\ngrid"}


SPREAD = 0.72  # share of a group's width in which its rules stand


BN_MODES = {
    "running": "running statistics\n(published for BP, FA)",
    "batch": "batch statistics\n(published for PC, STDP)",
}


@styled
def draw(curves: Path, early: str, px: dict[str, int]) -> Figure:
    """Draw the four controls of the published drop, in one grammar: open before, filled after.

    Parameters
    ----------
    curves
        The table of this name.
    early
        The region that counts as early.
    px
        Sides of the stimuli, pixels.
    """
    scores = table_of(curves, SCORES)
    table = where(scores, roi=early, arm="native")
    rules = present(table, faithful=False) or present(table)
    table = where(table, rule=rules)
    last = int(table["epoch"].max())
    large = where(table, px=px["large"])
    best = where(large, layer="best", pooling="global")
    figure = new_figure(5.6)
    axes = figure.subplots(2, 2, sharey=True, width_ratios=(1, 1.15))
    pooled = where(large, layer=FIXED_LAYER, bn="running")
    layered = where(large, bn="running", pooling="global")
    panels = [
        ("bn", BN_MODES, best, "Does the mode of BatchNorm decide the loss?"),
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
            draw_filling(ax, best, rules)
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
    axes[0, 0].set_xlabel(f"best of four layers, {px['large']} px")
    axes[0, 1].set_xlabel(f"best of four layers, {px['large']} px")
    axes[1, 0].set_xlabel(f"{FIXED_LAYER}, {px['large']} px")
    axes[1, 1].set_xlabel(f"averaged over space, {px['large']} px")
    legend_above(figure, rules, before_after_handles(last))
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
    """Draw, per group of `column` and per rule, open marks at epoch 0 and filled ones at the last.

    Parameters
    ----------
    table
        Rows of all seeds and epochs, with the columns `column`, "rule", "epoch" and "rho".
    groups
        Words below the axis by value of `column`; values that the table lacks are left out.
    """
    values = [key for key in groups if key in set(table[column])]
    width = SPREAD * (len(rules) - 1) / len(rules)
    table = where(table, epoch=[0, last], **{column: values})
    _draw_changes(ax, table, rules, column, values, width)
    for epoch in (0, last):
        rows = where(table, epoch=epoch)
        draw_marks(ax, rows, column, values, rules, width, filled=epoch > 0)
    for place in range(1, len(values)):
        ax.axvline(place - 0.5, color=PALE, linewidth=0.8, zorder=0)
    return _name_places(ax, [groups[key] for key in values], 0.5)


def _draw_changes(
    ax: Axes,
    table: pd.DataFrame,
    rules: Sequence[str],
    column: str,
    values: Sequence[str],
    width: float,
) -> None:
    """Join each rule's means before and after by a bar: seaborn joins along the axis alone.

    Parameters
    ----------
    table
        Rows of two epochs, with the columns `column`, "rule", "epoch" and "rho".
    values
        Values of `column` at the places 0, 1, ...
    width
        From the first rule to the last at one place.
    """
    means = table.groupby(["rule", column, "epoch"])["rho"].mean().unstack("epoch")
    for rule, offset in zip(rules, offsets(rules, width), strict=True):
        ends = means.loc[rule].reindex(values)
        ax.vlines(
            np.arange(len(values)) + offset,
            ends.min(axis=1, skipna=False),
            ends.max(axis=1, skipna=False),
            color=CONDITIONS[rule].colour,
            linewidth=1.6,
            alpha=0.45,
            zorder=2,
        )


def draw_filling(ax: Axes, table: pd.DataFrame, rules: Sequence[str]) -> Axes:
    """Draw each rule untrained, with statistics filled without learning, then trained: one line.

    Parameters
    ----------
    table
        Rows of all seeds, with the columns "rule", "epoch", "bn" and "rho".
    """
    trained = sorted(epoch for epoch in table["epoch"].unique() if epoch > 0)
    steps = {(0, "running"): "untrained", (0, "filled"): "statistics\nfilled,\nnot trained"}
    for epoch in dict.fromkeys([*trained[:1], *trained[-1:]]):
        steps[epoch, "running"] = f"trained\n{epoch} epoch{'s' if epoch != 1 else ''}"
    chosen = [steps.get(view) for view in zip(table["epoch"], table["bn"], strict=True)]
    table, places = table.assign(step=chosen).dropna(subset="step"), list(steps.values())
    width = 0.07 * (len(rules) - 1)
    draw_marks(ax, table, "step", places, rules, width, filled=False, joined=True)
    draw_marks(ax, where(table, step=places[2:]), "step", places, rules, width)
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
    return _name_places(ax, places, 0.4)


def _name_places(ax: Axes, words: Sequence[str], margin: float) -> Axes:
    """Write words below the places 0, 1, ..., with a margin on both sides."""
    ax.set_xticks(range(len(words)), words)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-margin, len(words) - 1 + margin)
    return ax


def before_after_handles(last: int) -> list[Any]:
    """Return legend entries of the marks of `draw_before_after`; `last`: epochs of the training."""
    from matplotlib.lines import Line2D

    look = {"color": "#555555", "marker": "o", "linestyle": "none", "markersize": 4.2}
    return [
        Line2D([], [], markerfacecolor="white", label="hollow: no learning yet", **look),
        Line2D([], [], label=f"filled: trained ({last} epochs)", **look),
    ]
