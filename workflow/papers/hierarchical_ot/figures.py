"""Figures of hierarchical optimal transport, from its tidy tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replicortex.core import tables
from replicortex.plotting.style import GREY, PALETTE, finish, letter, new_figure, note, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Rule -> name, colour, marker.
RULES = {
    "hot": ("HOT", "vermillion", "o"),
    "random": ("Random", "black", "x"),
    "single_best": ("Single-Best", "purple", "v"),
    "pairwise_best": ("Pairwise-Best", "blue", "s"),
    "uniform": ("Uniform (control)", "green", "D"),
    "top_k": ("Greedy top-k (control)", "sky", "^"),
    "staircase": ("Staircase (control)", "orange", "P"),
    "softmax": ("Softmax (control)", "black", "+"),
}
SCORE = "Held-out correlation"
# Other ways to match layers -> colour, marker.
METHODS = {
    "soft matching": ("vermillion", "o"),
    "CKA": ("blue", "s"),
    "RSA": ("sky", "^"),
    "Procrustes": ("green", "D"),
    "ridge": ("purple", "v"),
    "all units": ("black", "x"),
}
# Kind of simulated subjects -> name.
SIMULATED = {"related": "Related", "distinct": "Distinct"}
# Pair -> name. A pair that is not named here goes by its key.
NAMES = {
    "cnn": "CNN, shallow → deep",
    "resnet": "ResNet, shallow → deep",
    "vit": "ViT, shallow → deep",
    "vit_back": "ViT, deep → shallow",
    "resnet_to_vit": "ResNet shallow → ViT deep",
    "cnn_to_resnet": "CNN deep → ResNet deep",
    "resnet_untrained": "ResNet, untrained",
    "vit_untrained": "ViT, untrained",
    "resnet_20_56": "ResNet-20 → ResNet-56",
    "lm": "LM, 4 → 8 blocks",
    "lm_back": "LM, 8 → 4 blocks",
    "lm_to_stories": "LM 4 → TinyStories",
    "v4": "V4 day 1 → day 2",
    "resnet_to_v4": "ResNet shallow → V4",
    "v4_to_resnet": "V4 → ResNet shallow",
    "nsd_to_resnet": "NSD 1 → ResNet deep",
    "nsd_to_dinov2": "NSD 1 → DINOv2-L",
    "dinov2_s_l": "DINOv2-S → L",
    "dinov2_s_g": "DINOv2-S → g",
    "mae_b_dinov2_g": "MAE-B → DINOv2-g",
    "mae_b_l": "MAE-B → L",
    "mae_b_h": "MAE-B → H",
    "llama_1b_3b": "Llama 1B → 3B",
    "qwen_05b_3b": "Qwen 0.5B → 3B",
    "qwen_05b_llama_3b": "Qwen 0.5B → Llama 3B",
    "llama_1b_qwen_3b": "Llama 1B → Qwen 3B",
    "llama_3b_qwen_3b": "Llama 3B → Qwen 3B",
}


def figures(
    scores: Path,
    plans: Path,
    structure: Path,
    curves: Path,
    alternatives: Path,
    history: Path,
    checkpoints: Path,
) -> dict[str, Figure]:
    """Draw every figure of the paper."""
    read = tables.read
    with style():
        drawn = {
            "plans": plans_figure(read(plans), read(structure)),
            "scores": scores_figure(read(scores)),
            "advantage": advantage(read(scores)),
            "structure": structure_figure(read(structure)),
            "rotation": rotation(read(curves)),
            "checkpoints": checkpoints_figure(read(checkpoints)),
            "subsampling": subsampling(read(curves)),
            "alternatives": alternatives_figure(read(alternatives)),
        }
        return {name: finish(figure) for name, figure in drawn.items()}


def label(pair: str, rotate: str = "no") -> str:
    """Return the name of a comparison as it is printed."""
    kind, _, rest = pair.partition(" ")
    if kind in SIMULATED:
        noise, _, couple = rest.partition(" ")
        name = f"{SIMULATED[kind]} {couple.replace('-', ' → ')}, noise {noise}"
    elif pair.startswith("nsd_") and pair not in NAMES:
        name = f"NSD {pair[4:].replace('_', ' → ')}"
    else:
        name = NAMES.get(pair, pair)
    return f"{name} +R" if rotate == "yes" else name


def simulated(pair: str) -> bool:
    """Whether a pair is one of simulated subjects."""
    return pair.partition(" ")[0] in SIMULATED


def shown(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (pair, rotate) in order, of simulated subjects the first couple of each noise only."""
    keys = table[["pair", "rotate"]].drop_duplicates()
    found = [
        (pair, rotate)
        for pair, rotate in zip(keys["pair"], keys["rotate"], strict=True)
        if not simulated(pair) or pair.endswith(" 1-2")
    ]
    order = [*NAMES, *sorted({pair for pair, _ in found} - set(NAMES))]
    return sorted(found, key=lambda key: (order.index(key[0]), key[1]))


def plans_figure(table: pd.DataFrame, structure: pd.DataFrame) -> Figure:
    """Outer plans with their marginals, mean over splits and seeds."""
    keys = [
        key
        for key in shown(table)
        if table[(table["pair"] == key[0]) & (table["rotate"] == key[1])]["row"].max() > 0
        and table[(table["pair"] == key[0]) & (table["rotate"] == key[1])]["column"].max() > 0
    ]
    columns = 6
    rows = -(-len(keys) // columns)
    figure = new_figure(1.35 * rows + 0.7)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(keys) :]:
        ax.set_axis_off()
    image = None
    depths = structure[structure["measure"] == "depth correlation"]
    for number, (ax, (pair, rotate)) in enumerate(zip(axes, keys, strict=False)):
        own = table[(table["pair"] == pair) & (table["rotate"] == rotate)]
        plan = own.pivot_table(index="row", columns="column", values="plan").to_numpy()
        share = len(plan) * plan
        image = ax.imshow(share, cmap="cividis", vmin=0, vmax=1, aspect="auto", origin="lower")
        depth = depths[(depths["pair"] == pair) & (depths["rotate"] == rotate)]["value"].mean()
        turned = "+R, " if rotate == "yes" else ""
        ax.set_title(f"{label(pair)}\n{turned}{_size(plan)}, r = {depth:.2f}", fontsize=5.5)
        ax.set_xticks([])
        ax.set_yticks([])
        marginals(ax, plan)
        if number % columns == 0:
            ax.set_ylabel("Source layer")
        if number >= len(keys) - columns:
            ax.set_xlabel("Target layer")
    if image is not None:
        figure.colorbar(
            image,
            ax=list(axes),
            label="Share of the source layer's mass",
            location="bottom",
            shrink=0.4,
            aspect=30,
        )
    return note(
        figure,
        "First layers at the lower left; mean over splits and seeds. Bars: row sums (right) and column "
        "sums (top) of the plan, relative to the largest; all are equal, as they must be. r: depth "
        "correlation. Systems of one layer are left out, as their plan is forced. Related, distinct: "
        "simulated subjects.",
    )


def _size(plan: np.ndarray) -> str:
    return f"{plan.shape[0]} × {plan.shape[1]}"


def marginals(ax: Axes, plan: np.ndarray) -> None:
    """Draw the sums of rows and columns as bars beside the plan."""
    right = ax.inset_axes((1.01, 0, 0.07, 1), sharey=ax)
    right.barh(np.arange(len(plan)), plan.sum(1) / plan.sum(1).max(), color=GREY, height=0.8)
    top = ax.inset_axes((0, 1.01, 1, 0.07), sharex=ax)
    top.bar(np.arange(plan.shape[1]), plan.sum(0) / plan.sum(0).max(), color=GREY, width=0.8)
    for side in (right, top):
        side.set_axis_off()


def _by_seed(table: pd.DataFrame, rule: str, keys: list[tuple[str, str]]) -> list[pd.Series]:
    """Return a rule's scores of each pair, indexed by seed (or split)."""
    groups = table[table["rule"] == rule].groupby(["pair", "rotate"])
    found = {key: part.set_index("seed")["score"] for key, part in groups}
    return [found[key] for key in keys]


def scores_figure(table: pd.DataFrame) -> Figure:
    """Held-out scores of HOT, the paper's baselines and the controls."""
    keys = shown(table)[::-1]
    figure = new_figure(0.27 * len(keys) + 1.2)
    ax = figure.subplots()
    shifts = np.linspace(0.34, -0.34, len(RULES))
    for shift, (rule, (name, colour, marker)) in zip(shifts, RULES.items(), strict=True):
        values = [scores.to_numpy() for scores in _by_seed(table, rule, keys)]
        ax.errorbar(
            [v.mean() for v in values],
            np.arange(len(keys)) + shift,
            xerr=[v.std(ddof=1) if len(v) > 1 else 0 for v in values],
            color=PALETTE[colour],
            marker=marker,
            markersize=3,
            linestyle="none",
            elinewidth=0.6,
            label=name,
        )
    for place in range(len(keys)):
        ax.axhline(place + 0.5, color=GREY, linewidth=0.3)
    ax.set_yticks(range(len(keys)), [label(*key) for key in keys], fontsize=6.5)
    ax.set_ylim(-0.5, len(keys) - 0.5)
    ax.set_xlabel(SCORE)
    figure.legend(loc="outside upper left", ncols=4)
    return note(
        figure,
        "Mean and standard deviation over seeds (each the mean over splits); between systems that are "
        "not trained here, over splits. Related, distinct: simulated subjects, first couple of each noise.",
    )


def advantage(table: pd.DataFrame) -> Figure:
    """How much HOT scores above each rule, seed by seed."""
    keys = [key for key in shown(table) if "v4" not in key[0]][::-1]
    figure = new_figure(0.19 * len(keys) + 1.2)
    axes = figure.subplots(1, 4, sharey=True)
    hot = _by_seed(table, "hot", keys)
    for ax, mark, rule in zip(
        axes, "abcd", ("pairwise_best", "random", "uniform", "top_k"), strict=True
    ):
        name, colour, _ = RULES[rule]
        # Series: the seed says which scores are subtracted from each other.
        gaps = [(a - b).to_numpy() for a, b in zip(hot, _by_seed(table, rule, keys), strict=True)]
        for place, gap in enumerate(gaps):
            ax.plot(gap, np.full(len(gap), place), ".", color=PALETTE[colour], markersize=3)
        ax.plot(
            [gap.mean() for gap in gaps],
            np.arange(len(keys)),
            "|",
            color=PALETTE["black"],
            markersize=6,
        )
        ax.axvline(0, color=GREY, linewidth=0.6)
        letter(ax, mark, f"HOT − {name.partition(' (')[0].removesuffix('-Best')}")
        ax.set_xlabel("Difference of scores")
    axes[0].set_yticks(range(len(keys)), [label(*key) for key in keys], fontsize=6)
    axes[0].set_ylim(-0.6, len(keys) - 0.4)
    return note(
        figure,
        "Points: seeds (or splits, between systems that are not trained here); bars: their mean. Right "
        "of the line HOT is better. The uniform plan aligns nothing. Related, distinct: simulated "
        "subjects.",
    )


def structure_figure(table: pd.DataFrame) -> Figure:
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


def rotation(table: pd.DataFrame) -> Figure:
    """A network against itself and against its rotated self, plain and with rotation."""
    own = table[table["what"].isin(["itself", "rotated self"])]
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
                    [values["itself"], values["rotated self"]],
                    color=PALETTE[colour],
                    marker="os"[number],
                    label=name if seed == part["seed"].min() else None,
                )
        ax.set_xticks([0, 1], ["itself", "rotated"])
        ax.set_xlim(-0.3, 1.3)
        ax.set_title(label(pair).partition(" →")[0], fontsize=7)
    axes[0].set_ylabel(SCORE)
    axes[0].set_ylim(0, 1.05)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return note(
        figure,
        "The source network against itself, every layer turned at random. One line per seed.",
    )


def checkpoints_figure(table: pd.DataFrame) -> Figure:
    """Costs between checkpoints of two trainings, the third plan, and greedy matching."""
    figure = new_figure(2.7)
    axes = figure.subplots(1, 3)
    panels = (
        ("cost", "Two-level cost", "Outer cost (correlation distance)"),
        ("plan", "Third-level plan", "Share of a checkpoint's mass"),
        ("greedy", "Pairwise-Best", "Share of a checkpoint's mass"),
    )
    for ax, mark, (what, title, told) in zip(axes, "abc", panels, strict=True):
        own = table[table["measure"] == what]
        grid = own.pivot_table(index="row", columns="column", values="value")
        values = grid.to_numpy() * (1 if what == "cost" else len(grid))
        limits = {} if what == "cost" else {"vmin": 0, "vmax": 1}
        image = ax.imshow(values, cmap="cividis", origin="lower", aspect="equal", **limits)
        figure.colorbar(image, ax=ax, label=told, shrink=0.75)
        ax.set_xticks(range(grid.shape[1]), grid.columns)
        ax.set_yticks(range(grid.shape[0]), grid.index)
        ax.set_xlabel("Epoch, other seed")
        letter(ax, mark, title)
    axes[0].set_ylabel("Epoch, one seed")
    return note(figure, "Mean over pairs of seeds. Epoch 0 is before training.")


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
        ax.set_title(label(pair), fontsize=7)
        ax.set_xlabel("Units kept (%)")
        ax.set_xticks(sorted(100 * own["x"].unique()))
    axes[0].set_ylabel(SCORE)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    return note(
        figure, "One split, one draw of units for each seed; bars: standard deviation over seeds."
    )


def alternatives_figure(table: pd.DataFrame) -> Figure:
    """Layers matched by other similarities: scores through HOT's units, own scores, order."""
    pairs = [pair for pair in NAMES if pair in set(table["pair"])]
    figure = new_figure(2.7)
    axes = figure.subplots(1, 3, sharey=True)
    panels = (
        ("score", "Plan by the method", SCORE),
        ("own score", "The method's own prediction", SCORE),
        ("depth correlation", "Order of the plan", "Depth correlation"),
    )
    shifts = dict(zip(METHODS, np.linspace(0.3, -0.3, len(METHODS)), strict=True))
    for ax, mark, (column, title, told) in zip(axes, "abc", panels, strict=True):
        for method, (colour, marker) in METHODS.items():
            for place, pair in enumerate(pairs[::-1]):
                own = table[(table["pair"] == pair) & (table["method"] == method)][column].dropna()
                ax.errorbar(
                    [own.mean()] if len(own) else [],
                    [place + shifts[method]] if len(own) else [],
                    xerr=[own.std() if len(own) > 1 else 0] if len(own) else None,
                    color=PALETTE[colour],
                    marker=marker,
                    markersize=3.5,
                    linestyle="none",
                    elinewidth=0.6,
                    label=method if column == "score" and not place else None,
                )
        ax.set_xlabel(told)
        letter(ax, mark, title)
    axes[0].set_yticks(range(len(pairs)), [label(pair) for pair in pairs[::-1]])
    axes[0].set_ylim(-0.5, len(pairs) - 0.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=6)
    return note(
        figure,
        "Mean and standard deviation over seeds, one split each. (a) The plan comes from each method's "
        "similarities, units are matched as by HOT. (b) Ridge: regression on the layer that it chose; all "
        "units: one transport between all units of both networks.",
    )
