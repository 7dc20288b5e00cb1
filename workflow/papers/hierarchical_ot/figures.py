"""Figures of hierarchical optimal transport, from its tidy tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replicortex.plotting.style import GREY, PALETTE, finish, new_figure, note, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RULES = {
    "hot": ("HOT", "vermillion", "o"),
    "random": ("Random", "black", "x"),
    "single_best": ("Single best", "purple", "v"),
    "pairwise_best": ("Pairwise best", "blue", "s"),
    "uniform": ("Uniform", "green", "D"),
    "top_k": ("Greedy top-k", "sky", "^"),
    "staircase": ("Staircase", "orange", "P"),
    "softmax": ("Softmax", "black", "+"),
}
SCORE = "Held-out score (correlation)"


def figures(
    scores: Path, plans: Path, structure: Path, curves: Path, history: Path, checkpoints: Path
) -> dict[str, Figure]:
    """Draw every figure of the paper."""
    read = pd.read_csv
    with style():
        drawn = {
            "plans": plans_figure(read(plans)),
            "scores": scores_figure(read(scores)),
            "rotation": rotation(read(curves)),
            "checkpoints": checkpoints_figure(read(checkpoints)),
            "subsampling": subsampling(read(curves)),
        }
        return {name: finish(figure) for name, figure in drawn.items()}


def label(pair: str, rotate: str) -> str:
    """Return the name of a comparison as it is printed."""
    return pair.replace("_", " ").replace("cortex", "sim. cortex, noise") + (
        " +R" if rotate == "yes" else ""
    )


def shown(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (pair, rotate), of simulated subjects the first couple of each noise only."""
    keys = table[["pair", "rotate"]].drop_duplicates().itertuples(index=False)
    return [(k.pair, k.rotate) for k in keys if "cortex" not in k.pair or k.pair.endswith(" 1-2")]


def plans_figure(table: pd.DataFrame) -> Figure:
    """Outer plans with their marginals, mean over splits and seeds."""
    keys = shown(table)
    columns = 5
    rows = -(-len(keys) // columns)
    figure = new_figure(1.6 * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(keys) :]:
        ax.set_axis_off()
    image = None
    for ax, (pair, rotate) in zip(axes, keys, strict=False):
        own = table[(table["pair"] == pair) & (table["rotate"] == rotate)]
        plan = own.pivot_table(index="row", columns="column", values="plan").to_numpy()
        share = len(plan) * plan
        image = ax.imshow(share, cmap="cividis", vmin=0, vmax=1, aspect="auto", origin="lower")
        ax.set_title(label(pair, rotate), fontsize=6.5)
        ax.set_xticks(range(plan.shape[1]), [])
        ax.set_yticks(range(plan.shape[0]), [])
    axes[(rows - 1) * columns].set_xlabel("Target layer")
    for ax in axes[::columns]:
        ax.set_ylabel("Source layer")
    figure.colorbar(image, ax=list(axes), label="Share of a source layer", shrink=0.5)
    return note(
        figure,
        "First layers at the lower left. Mean over splits and seeds. Rows sum to 1; every column "
        "receives the same mass. A system with one layer forces the plan.",
    )


def scores_figure(table: pd.DataFrame) -> Figure:
    """Held-out scores of HOT, the paper's baselines and the controls."""
    keys = shown(table)[::-1]
    figure = new_figure(0.23 * len(keys) + 1.3)
    ax = figure.subplots()
    shifts = np.linspace(0.3, -0.3, len(RULES))
    for shift, (rule, (name, colour, marker)) in zip(shifts, RULES.items(), strict=True):
        own = table[table["rule"] == rule].groupby(["pair", "rotate"])[["score", "sd"]].mean()
        values = [own.loc[key] for key in keys]
        ax.errorbar(
            [v["score"] for v in values],
            np.arange(len(keys)) + shift,
            xerr=[v["sd"] for v in values],
            color=PALETTE[colour],
            marker=marker,
            markersize=3,
            linestyle="none",
            linewidth=0.6,
            label=name,
        )
    for place in range(len(keys)):
        ax.axhline(place + 0.5, color=GREY, linewidth=0.3)
    ax.set_yticks(range(len(keys)), [label(*key) for key in keys], fontsize=6.5)
    ax.set_ylim(-0.5, len(keys) - 0.5)
    ax.set_xlabel(SCORE)
    figure.legend(loc="outside upper left", ncols=4)
    return note(figure, "Mean over seeds; bars: standard deviation over splits, mean over seeds.")


def rotation(table: pd.DataFrame) -> Figure:
    """A network against itself and against its rotated self, plain and with rotation."""
    own = table[table["what"].isin(["itself", "itself, rotated"])]
    pairs = list(dict.fromkeys(own["pair"]))
    figure = new_figure(2.6)
    axes = figure.subplots(1, max(len(pairs), 1), sharey=True, squeeze=False)[0]
    for ax, pair in zip(axes, pairs, strict=True):
        for number, (rotate, colour, name) in enumerate(
            (("no", "blue", "HOT"), ("yes", "vermillion", "HOT+R"))
        ):
            part = own[(own["pair"] == pair) & (own["rotate"] == rotate)]
            for seed, one in part.groupby("seed"):
                values = one.set_index("what")["score"]
                ax.plot(
                    [0, 1],
                    [values["itself"], values["itself, rotated"]],
                    color=PALETTE[colour],
                    marker="os"[number],
                    label=name if seed == part["seed"].min() else None,
                )
        ax.set_xticks([0, 1], ["itself", "rotated"])
        ax.set_xlim(-0.3, 1.3)
        ax.set_title(pair.replace("_", " "))
    axes[0].set_ylabel(SCORE)
    axes[0].set_ylim(0, 1.05)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return note(
        figure,
        "The source network against itself, every layer turned at random. One line per seed.",
    )


def checkpoints_figure(table: pd.DataFrame) -> Figure:
    """Plan and costs between checkpoints of two trainings."""
    figure = new_figure(2.6)
    axes = figure.subplots(1, 2)
    for ax, what, title in zip(
        axes, ("cost", "plan"), ("Two-level cost", "Mass of the third plan"), strict=True
    ):
        own = table[table["measure"] == what]
        grid = own.pivot_table(index="row", columns="column", values="value")
        image = ax.imshow(grid.to_numpy(), cmap="cividis", origin="lower", aspect="auto")
        figure.colorbar(image, ax=ax)
        ax.set_xticks(range(grid.shape[1]), grid.columns)
        ax.set_yticks(range(grid.shape[0]), grid.index)
        ax.set_xlabel("Epoch, other seed")
        ax.set_title(title)
    axes[0].set_ylabel("Epoch, one seed")
    return note(figure, "Mean over pairs of seeds. Cost: correlation distance.")


def subsampling(table: pd.DataFrame) -> Figure:
    """Scores when units are left out."""
    own = table[table["what"].isin(["hot", "pairwise_best", "uniform"])]
    pairs = list(dict.fromkeys(own["pair"]))
    figure = new_figure(2.6)
    axes = figure.subplots(1, max(len(pairs), 1), sharey=True, squeeze=False)[0]
    for ax, pair in zip(axes, pairs, strict=True):
        for rule in ("hot", "pairwise_best", "uniform"):
            name, colour, marker = RULES[rule]
            part = own[(own["pair"] == pair) & (own["what"] == rule)].groupby("x")["score"]
            ax.errorbar(
                100 * part.mean().index,
                part.mean(),
                yerr=part.std(),
                color=PALETTE[colour],
                marker=marker,
                markersize=3,
                label=name,
            )
        ax.set_title(pair.replace("_", " "))
        ax.set_xlabel("Units kept (%)")
    axes[0].set_ylabel(SCORE)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return note(
        figure, "One split, one draw of units for each seed; bars: standard deviation over seeds."
    )
