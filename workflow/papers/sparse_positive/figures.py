"""Figures of the sparse-positive paper, from its tidy tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replicortex.plotting.style import GREY, PALETTE, finish, letter, new_figure, note, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODELS = {"ols": "OLS", "ridge": "ridge", "elastic_net": "elastic net", "lasso": "Lasso"}
SIGNS = ("signed", "positive")
MATCHES = {
    "matched": ("matched units", PALETTE["blue"], "o"),
    "mismatched": ("mismatched units", PALETTE["vermillion"], "^"),
}
SETS = {
    "face": ("face units", PALETTE["blue"], "o"),
    "scene": ("scene units", PALETTE["vermillion"], "^"),
    "random": ("random units", GREY, "s"),
}
THETA = "Reorientation Θ"
R = "Pearson's r"
TARGETS = {
    "planted": "planted",
    "semi_real": "semi-real",
    "macaque_v4": "macaque V4",
}


def figures(
    *,
    toy: Path,
    arrows: Path,
    localizer: Path,
    scores: Path,
    alphas: Path,
    spaces: Path,
    rotation: Path,
    shown: int,
) -> dict[str, Figure]:
    """Draw every figure from the tables of the same names; `shown`: the seed of figure 1C."""
    read = pd.read_csv
    with style():
        drawn = {
            "toy_figure": toy_figure(read(toy), read(arrows), shown),
            "localizer_figure": localizer_figure(read(localizer)),
            "encoding_figure": encoding_figure(read(scores)),
            "spaces_figure": spaces_figure(read(spaces)),
            "alphas_figure": alphas_figure(read(scores), read(alphas)),
            "controls_figure": controls_figure(read(scores), read(rotation)),
        }
        return {name: finish(figure) for name, figure in drawn.items()}


def _title(model: str, weights: str) -> str:
    return f"{MODELS[model]}{' (+)' if weights == 'positive' else ''}"


def _cells() -> list[tuple[str, str]]:
    return [(model, sign) for sign in SIGNS for model in MODELS]


def toy_figure(toy: pd.DataFrame, arrows: pd.DataFrame, shown: int) -> Figure:
    """Figure 1C: units coloured by weight, and reorientation over seeds."""
    figure = new_figure(5.2)
    grid = figure.subplot_mosaic([list("abcd"), list("efgh"), ["i"] * 4], height_ratios=[1, 1, 1.1])
    notebook = toy[(toy.part == "notebook") & (toy.intercept == 0)]
    limit = 0.03
    for key, (model, sign) in zip("abcdefgh", _cells(), strict=True):
        ax = grid[key]
        one = arrows[(arrows.model == model) & (arrows.weights == sign)].sort_values(
            "weight", key=abs
        )
        origin = np.zeros(len(one))
        drawn = ax.quiver(
            origin, origin, one.x, one.y, one.weight, cmap="RdBu_r", angles="xy",
            scale_units="xy", scale=1, width=0.006, clim=(-limit, limit),
        )  # fmt: skip
        ax.plot(3, 2.5, "*", color=PALETTE["green"], markersize=8)
        row = notebook[
            (notebook.seed == shown) & (notebook.model == model) & (notebook.weights == sign)
        ]
        ax.set_title(f"{_title(model, sign)}: Θ = {row.theta.iloc[0]:.3f}")
        ax.set(xlim=(-5, 5), ylim=(-5, 5), aspect="equal", xticks=[-5, 0, 5], yticks=[-5, 0, 5])
    grid["a"].set_ylabel("image 2")
    grid["e"].set(ylabel="image 2", xlabel="image 1")
    bar = figure.colorbar(drawn, ax=[grid[key] for key in "dh"], label="weight", extend="both")
    bar.set_ticks([-limit, 0, limit])
    ax = grid["i"]
    for place, (model, sign) in enumerate(_cells()):
        part = notebook[(notebook.model == model) & (notebook.weights == sign)]
        spread = (part.seed % 20 - 9.5) / 40
        ax.plot(place + spread, part.theta, "o", color=GREY, markersize=1.8, alpha=0.6)
        mine = part[part.seed == shown]
        ax.plot(place, mine.theta, "D", color=PALETTE["vermillion"], markersize=5)
    ax.set_xticks(range(8), [_title(*cell) for cell in _cells()])
    ax.set(ylabel=THETA, ylim=(-0.05, 2.1))
    return note(
        figure,
        f"Star: target. Below: {notebook.seed.nunique()} seeds (grey), seed {shown} (diamond).",
    )


def localizer_figure(table: pd.DataFrame) -> Figure:
    """Units that pass all five tests, by feature space."""
    figure = new_figure(4.6)
    ax = figure.subplots()
    spaces = list(dict.fromkeys(table.space))
    for units, shift in (("face", -0.18), ("scene", 0.18)):
        label, colour, marker = SETS[units]
        part = table[table.units == units].set_index("space").loc[spaces]
        y = np.arange(len(spaces)) + shift
        ax.plot(part.passing, y, marker, color=colour, label=label)
        ax.plot(part.passing_permuted, y, "x", color=colour, markersize=3, alpha=0.7)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(-0.2, max(table.passing.max() * 1.5, 10))
    ax.set_yticks(range(len(spaces)), [name.replace("_", " ") for name in spaces])
    ax.invert_yaxis()
    ax.set_xlabel("Units that pass all five comparisons (count)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return note(figure, "Crosses: the same with permuted labels. Benjamini-Yekutieli, q = 0.05.")


def _over_seeds(
    ax: Axes, part: pd.DataFrame, value: str, x: float, colour: str, marker: str
) -> None:
    means = part.groupby("seed")[value].mean().dropna()
    if len(means):
        ax.errorbar(x, means.mean(), means.std() if len(means) > 1 else 0, fmt=marker, color=colour)


def encoding_figure(scores: pd.DataFrame) -> Figure:
    """Figure 2: r and reorientation of eight regressions, fixed alpha."""
    fixed = scores[scores.chosen == "fixed"]
    columns = [
        (target, region)
        for target in TARGETS
        for region in ("FFA", "PPA", "V4")
        if len(fixed[(fixed.target == target) & (fixed.region == region)])
    ]
    figure = new_figure(4.4)
    axes = figure.subplots(2, len(columns), sharex=True, sharey="row", squeeze=False)
    for column, (target, region) in enumerate(columns):
        part = fixed[(fixed.target == target) & (fixed.region == region)]
        groups = SETS if region == "V4" else MATCHES
        key = "units" if region == "V4" else "match"
        for row, value in enumerate(("r_dead_0", "theta")):
            ax = axes[row][column]
            for number, (group, (label, colour, marker)) in enumerate(groups.items()):
                for place, (model, sign) in enumerate(_cells()):
                    cell = part[
                        (part[key] == group) & (part.model == model) & (part.weights == sign)
                    ]
                    _over_seeds(ax, cell, value, place + 0.22 * (number - 0.5), colour, marker)
                ax.plot([], [], marker, color=colour, label=label)
            ax.axvline(3.5, color=GREY, linewidth=0.5)
            if row == 0 and np.isfinite(part.ceiling.iloc[0]):
                ax.axhline(part.ceiling.iloc[0], color=GREY, linestyle=":")
        axes[0][column].set_title(f"{TARGETS[target]}\n{region}", fontsize=7)
        axes[1][column].set_xticks(range(8), [_title(*cell) for cell in _cells()], rotation=90)
        if region == "V4" or column == 0:
            axes[0][column].legend(
                fontsize=5.5, loc="lower left", bbox_to_anchor=(-0.05, 1.22), borderaxespad=0
            )
    axes[0][0].set_ylabel(R)
    axes[1][0].set_ylabel(THETA)
    return note(
        figure,
        "Test images, fixed alpha 0.1, mean and s.d. over seeds; a dead voxel has r = 0 and no Θ. "
        "Dotted: noise ceiling. Semi-real: real images, a second "
        "network as cortex. FFA and PPA are planted or another network's units, not brains.",
    )


def spaces_figure(spaces: pd.DataFrame) -> Figure:
    """Figure 3: matched against mismatched units over feature spaces, signed ridge."""
    figure = new_figure(3.6)
    axes = figure.subplots(1, 2)
    means = spaces.groupby(["region", "space", "match"])[["r", "theta"]].mean().unstack("match")
    for ax, value, label, mark in zip(axes, ("r", "theta"), (R, THETA), "ab", strict=True):
        for region, (_, colour, marker) in zip(("FFA", "PPA"), SETS.values(), strict=False):
            part = means.loc[region][value]
            for space, row in part.iterrows():
                ax.plot(
                    row["matched"], row["mismatched"], marker, color=colour,
                    fillstyle="full" if "_trained" in space else "none",
                )  # fmt: skip
            ax.plot([], [], marker, color=colour, label=region)
        low, high = means[value][["matched", "mismatched"]].stack().agg(["min", "max"])
        ax.plot([low, high], [low, high], color=GREY, linewidth=0.8)
        ax.set(xlabel=f"{label}, matched units", ylabel=f"{label}, mismatched units")
        letter(ax, mark, "Prediction" if value == "r" else "Reorientation")
        ax.legend(loc="lower right" if value == "r" else "best")
    return note(
        figure,
        f"{spaces.space.nunique()} feature spaces; filled: trained, hollow: untrained and random.",
    )


def alphas_figure(scores: pd.DataFrame, usable: pd.DataFrame) -> Figure:
    """Figure 4: fixed against chosen alpha, and how many of ten alphas are alive."""
    figure = new_figure(3.4)
    axes = figure.subplots(1, 3)
    part = scores[scores["match"].isin(MATCHES) & (scores.model != "ols")]
    cells = [cell for cell in _cells() if cell[0] != "ols"]
    names = [_title(*cell) for cell in cells]
    for ax, value, label, mark in zip(axes, ("r_dead_0", "theta"), (R, THETA), "ab", strict=False):
        for match, (label_, colour, marker) in MATCHES.items():
            for place, (model, sign) in enumerate(cells):
                cell = part[part["match"] == match]
                cell = cell[(cell.model == model) & (cell.weights == sign)]
                values = [cell[cell.chosen == how][value].mean() for how in ("fixed", "voxel")]
                x = place + (0.15 if match == "mismatched" else -0.15)
                ax.plot([x, x], values, "-", color=colour, linewidth=0.8)
                ax.plot(x, values[0], marker, color=colour, fillstyle="none")
                ax.plot(x, values[1], marker, color=colour)
            ax.plot([], [], marker, color=colour, label=label_)
        ax.set_xticks(range(len(cells)), names, rotation=90)
        ax.set_ylabel(label)
        letter(ax, mark, "Prediction" if value != "theta" else "Reorientation")
    axes[0].legend(fontsize=6, loc="lower left", bbox_to_anchor=(0, 1.08))
    counts = usable[usable["match"].isin(MATCHES)].groupby(["model", "weights"]).usable.mean()
    axes[2].bar(range(len(cells)), [counts[cell] for cell in cells], color=PALETTE["sky"])
    axes[2].set_xticks(range(len(cells)), names, rotation=90)
    axes[2].set(ylabel="Alphas with any weight (of 10)", ylim=(0, 10.5))
    letter(axes[2], "c", "Usable alphas")
    return note(figure, "Hollow: alpha 0.1; filled: chosen per voxel on validation images.")


def controls_figure(scores: pd.DataFrame, rotation: pd.DataFrame) -> Figure:
    """E6: permuted weights, measured responses, folded, and a rotated basis."""
    figure = new_figure(3.4)
    axes = figure.subplots(1, 2, width_ratios=[1.6, 1])
    part = scores[(scores.chosen == "fixed") & (scores["match"] == "matched")]
    kinds = {
        "theta": (THETA, PALETTE["blue"], "o"),
        "theta_observed": ("against measured responses", PALETTE["orange"], "D"),
        "theta_permuted": ("permuted weights", GREY, "x"),
        "folded": ("folded", PALETTE["green"], "s"),
    }
    for number, (value, (label, colour, marker)) in enumerate(kinds.items()):
        for place, (model, sign) in enumerate(_cells()):
            cell = part[(part.model == model) & (part.weights == sign)]
            _over_seeds(axes[0], cell, value, place + 0.16 * (number - 1.5), colour, marker)
        axes[0].plot([], [], marker, color=colour, label=label)
    axes[0].set_xticks(range(8), [_title(*cell) for cell in _cells()], rotation=90)
    axes[0].set_ylabel(THETA)
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(low, high + 0.35 * (high - low))
    axes[0].legend(fontsize=6, ncols=2, loc="upper center")
    letter(axes[0], "a", "Matched units")
    cells = [(model, sign) for sign in SIGNS for model in ("ridge", "lasso")]
    for basis, colour, marker, shift in (
        ("units", PALETTE["blue"], "o", -0.1),
        ("rotated", PALETTE["vermillion"], "^", 0.1),
    ):
        for place, (model, sign) in enumerate(cells):
            cell = rotation[
                (rotation.basis == basis) & (rotation.model == model) & (rotation.weights == sign)
            ]
            _over_seeds(axes[1], cell, "r_dead_0", place + shift, colour, marker)
        axes[1].plot(
            [], [], marker, color=colour, label=f"{basis} basis".replace("units", "units'")
        )
    axes[1].set_xticks(range(4), [_title(*cell) for cell in cells], rotation=90)
    axes[1].set_ylabel(R)
    axes[1].legend(fontsize=6, loc="best")
    letter(axes[1], "b", "Rotated basis")
    return note(figure, "Mean and s.d. over seeds; targets and regions averaged.")
