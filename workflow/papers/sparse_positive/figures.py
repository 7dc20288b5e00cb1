"""Figures of the sparse-positive paper, from its tidy tables."""

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
    "macaque_v4": "macaque",
    "nsd": "NSD",
    "tables": "tables",
}
NAMES = {"resnet20": "ResNet-20", "resnet56": "ResNet-56", "barlow": "Barlow Twins"}
CELLS = [
    (PALETTE[colour], marker)
    for marker in "o^sD"
    for colour in ("blue", "vermillion", "green", "orange", "purple")
]


def figures(
    *,
    toy: Path,
    arrows: Path,
    localizer: Path,
    directions: Path,
    scores: Path,
    alphas: Path,
    rotation: Path,
    spaces: Path,
    intervals: Path,
    signs: Path,
    balanced: Path,
    neurons: Path,
    shown: int,
) -> dict[str, Figure]:
    """Draw every figure from the tables of the same names; `shown`: the seed of figure 1C."""
    read = tables.read
    every = read(scores)
    with style():
        drawn = {
            "toy_figure": toy_figure(read(toy), read(arrows), shown),
            "localizer_figure": localizer_figure(read(localizer)),
            "directions_figure": directions_figure(read(directions)),
            "encoding_figure": encoding_figure(every, 0),
            "networks_figure": encoding_figure(every, 1),
            "neurons_figure": neurons_figure(read(neurons)),
            "spaces_figure": spaces_figure(read(spaces), read(signs)),
            "alphas_figure": alphas_figure(every, read(alphas)),
            "controls_figure": controls_figure(every, read(rotation)),
            "balance_figure": balance_figure(every, read(balanced)),
            "intervals_figure": intervals_figure(read(intervals)),
        }
        return {name: finish(figure) for name, figure in drawn.items()}


def _title(model: str, weights: str) -> str:
    return f"{MODELS[model]}{' (+)' if weights == 'positive' else ''}"


def _cells() -> list[tuple[str, str]]:
    return [(model, sign) for sign in SIGNS for model in MODELS]


def toy_figure(toy: pd.DataFrame, arrows: pd.DataFrame, shown: int) -> Figure:
    """Figure 1C: units coloured by weight, and reorientation over seeds."""
    figure = new_figure(5.2)
    grid = figure.subplot_mosaic([list("abcd"), list("efgh"), [*"iiij"]], height_ratios=[1, 1, 1.1])
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
        ax.plot(
            place + spread, part.theta, "o", color=GREY, markersize=1.8, alpha=0.6, rasterized=True
        )
        mine = part[part.seed == shown]
        ax.plot(place, mine.theta, "D", color=PALETTE["vermillion"], markersize=5)
    ax.set_xticks(range(8), [_title(*cell) for cell in _cells()])
    ax.set(ylabel=THETA, ylim=(-0.05, 2.1))
    ax.tick_params(axis="x", labelsize=5.5)
    sweep = toy[toy.part == "sweep"].groupby("alpha").theta
    grid["j"].errorbar(
        sweep.mean().index, sweep.mean(), sweep.std(), fmt="o", color=GREY, markersize=3
    )
    mine = toy[(toy.part == "sweep") & (toy.seed == shown)]
    grid["j"].plot(mine.alpha, mine.theta, "D", color=PALETTE["vermillion"], markersize=3)
    grid["j"].set(xscale="log", xlabel="Alpha, positive Lasso", ylabel=THETA, ylim=(0, None))
    seeds = toy[toy.part == "sweep"].seed.nunique()
    return note(
        figure,
        f"Star: target. Below: {notebook.seed.nunique()} seeds (grey), seed {shown} (diamonds); "
        f"the positive Lasso over alpha, mean and s.d. of {seeds} seeds.",
    )


def localizer_figure(table: pd.DataFrame) -> Figure:
    """Units that pass all five tests, by feature space."""
    spaces = list(dict.fromkeys(table.space))
    figure = new_figure(min(1.2 + 0.13 * len(spaces), 9))
    ax = figure.subplots()
    for units, shift in (("face", -0.18), ("scene", 0.18)):
        label, colour, marker = SETS[units]
        part = table[table.units == units].set_index("space").loc[spaces]
        y = np.arange(len(spaces)) + shift
        ax.plot(part.passing, y, marker, color=colour, markersize=3.5, label=label)
        ax.plot(part.passing_permuted, y, "x", color=colour, markersize=2.5, alpha=0.7)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(-0.2, max(table.passing.max() * 1.5, 10))
    ax.set_yticks(range(len(spaces)), [_named(name) for name in spaces], fontsize=5.5)
    ax.set_ylim(len(spaces) - 0.5, -0.5)
    ax.set_xlabel("Units that pass all five comparisons (count)")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return note(figure, "Crosses: the same with permuted labels. Benjamini-Yekutieli, q = 0.05.")


def _named(space: str) -> str:
    """A space in words."""
    for short, name in NAMES.items():
        if space.startswith(short):
            space = space.replace(short, name, 1)
            break
    return space.replace("_", " ")


def directions_figure(table: pd.DataFrame) -> Figure:
    """Figure 2A: units' loadings on the first two components of other pictures."""
    spaces = list(dict.fromkeys(table.space))
    figure = new_figure(3.3)
    axes = figure.subplots(1, max(len(spaces), 1), squeeze=False)[0]
    for ax, space in zip(axes, spaces, strict=False):
        part = table[table.space == space]
        for units in ("random", "scene", "face"):
            label, colour, marker = SETS[units]
            one = part[part.units == units]
            ax.plot(one["first"], one["second"], marker, color=colour, markersize=2.5, alpha=0.6)
            ax.plot([], [], marker, color=colour, label=label)
            ax.plot(
                [0, one["first"].mean()], [0, one["second"].mean()], color=colour, linewidth=1.5
            )
        ax.axhline(0, color=GREY, linewidth=0.5)
        ax.axvline(0, color=GREY, linewidth=0.5)
        shares = part[["share_first", "share_second"]].iloc[0]
        ax.set(
            xlabel=f"Component 1 ({shares.iloc[0]:.0%} of variance)",
            ylabel=f"Component 2 ({shares.iloc[1]:.0%})",
            title=_named(space),
        )
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1.1), ncols=3)
    return note(
        figure,
        "Loading of each chosen unit on the components of CIFAR-10's test images; lines: means.",
    )


def _over_seeds(
    ax: Axes, part: pd.DataFrame, value: str, x: float, colour: str, marker: str
) -> None:
    means = part.groupby("seed")[value].mean().dropna()
    if len(means):
        spread = means.std() if len(means) > 1 else 0
        ax.errorbar(x, means.mean(), spread, fmt=marker, color=colour, markersize=3.5)


def encoding_figure(scores: pd.DataFrame, rank: int) -> Figure:
    """Figure 2: r and reorientation of eight regressions, fixed alpha.

    `rank`: 0 shows the first network of each target, 1 the second where there is one.
    """
    fixed = scores[scores.chosen == "fixed"]
    columns = []
    for target in TARGETS:
        of_target = fixed[fixed.target == target]
        spaces = list(dict.fromkeys(of_target.space))
        if len(spaces) > rank:
            space = spaces[rank]
            regions = dict.fromkeys(of_target[of_target.space == space].region)
            columns += [(target, space, region) for region in regions]
    if not columns:
        return note(new_figure(1.2), "One network a target: see the figure of encoding.")
    figure = new_figure(4.6)
    axes = figure.subplots(2, len(columns), sharex=True, sharey="row", squeeze=False)
    for column, (target, space, region) in enumerate(columns):
        part = fixed[(fixed.target == target) & (fixed.space == space) & (fixed.region == region)]
        groups = SETS if region == "V4" else MATCHES
        key = "units" if region == "V4" else "match"
        for row, value in enumerate(("r_dead_0", "theta")):
            ax = axes[row][column]
            for number, (group, (_, colour, marker)) in enumerate(groups.items()):
                for place, (model, sign) in enumerate(_cells()):
                    cell = part[
                        (part[key] == group) & (part.model == model) & (part.weights == sign)
                    ]
                    _over_seeds(ax, cell, value, place + 0.22 * (number - 0.5), colour, marker)
            ax.axvline(3.5, color=GREY, linewidth=0.5)
            if row == 0 and np.isfinite(part.ceiling.iloc[0]):
                ax.axhline(part.ceiling.mean(), color=GREY, linestyle=":")
        axes[0][column].set_title(f"{TARGETS[target]}\n{region}", fontsize=7)
        axes[1][column].set_xticks(
            range(8), [_title(*cell) for cell in _cells()], rotation=90, fontsize=6
        )
    axes[0][0].set_ylabel(R)
    axes[1][0].set_ylabel(THETA)
    marks = {**MATCHES, **(SETS if any(c[2] == "V4" for c in columns) else {})}
    handles = [
        axes[0][0].plot([], [], marker, color=colour, label=label, markersize=3.5)[0]
        for label, colour, marker in marks.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=6)
    used = "; ".join(
        f"{TARGETS[t]}: {_named(s)}"
        for t, s in dict.fromkeys((t, s) for t, s, _ in columns)
        if s not in ("planted", "table")
    )
    return note(
        figure,
        f"Test images, alpha 0.1, mean and s.d. over seeds; a dead voxel has r = 0 and no Θ. "
        f"Dotted: noise ceiling. {used}. Planted and semi-real regions are no brains.",
    )


def neurons_figure(table: pd.DataFrame) -> Figure:
    """Macaque V4: signed against positive Lasso, neuron by neuron, and who predicts best."""
    figure = new_figure(3.2)
    if table.empty:
        return note(figure, "No neurons in this run.")
    # The published network first, as in the figure of encoding.
    spaces = sorted(set(table.space), key=lambda space: (not space.startswith("resnet"), space))
    axes = figure.subplots(1, len(spaces) + 1, squeeze=False)[0]
    lasso = table[table.model == "lasso"]
    bars = {}
    for ax, space in zip(axes, spaces, strict=False):
        part = lasso[lasso.space == space]
        signed = part[part.weights == "signed"].pivot(index="neuron", columns="units", values="r")
        positive = part[part.weights == "positive"].pivot(
            index="neuron", columns="units", values="r"
        )
        best = signed.idxmax(axis=1)
        bars[space] = best.value_counts(normalize=True)
        for units, (_, colour, marker) in SETS.items():
            chosen = best.index[best == units]
            ax.plot(
                signed.loc[chosen].max(axis=1),
                [positive.loc[n, units] for n in chosen],
                marker, color=colour, markersize=3, alpha=0.8,
            )  # fmt: skip
        low, high = min(0, part.r.min()), part.r.max()
        ax.plot([low, high], [low, high], color=GREY, linewidth=0.8)
        ax.set(
            xlabel="r, signed Lasso, best unit set",
            ylabel="r, positive Lasso, the same units",
            title=_named(space),
        )
    ax = axes[-1]
    for number, space in enumerate(spaces):
        for place, units in enumerate(SETS):
            ax.bar(
                place + 0.4 * number, bars[space].get(units, 0), 0.36,
                color=SETS[units][1], alpha=1 - 0.45 * number,
            )  # fmt: skip
    ax.set_xticks(np.arange(3) + 0.2 * (len(spaces) - 1), list(SETS))
    handles = [
        axes[0].plot([], [], marker, color=colour, markersize=3, label=label)[0]
        for label, colour, marker in SETS.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    ax.set_ylabel("Neurons that a set predicts best (share)")
    return note(
        figure,
        "Macaque V4, one point a neuron, means over splits; pale bars: the second network.",
    )


def spaces_figure(spaces: pd.DataFrame, signs: pd.DataFrame) -> Figure:
    """Figure 3: matched against mismatched units over feature spaces, signed ridge."""
    target = "nsd" if "nsd" in set(spaces.target) and spaces.space.nunique() > 60 else "semi_real"
    spaces = spaces[spaces.target == target]
    figure = new_figure(3.7)
    axes = figure.subplots(1, 2)
    means = spaces.groupby(["region", "space", "match"])[["r", "theta"]].mean().unstack("match")
    over = signs[(signs.target == target) & (signs.over == "spaces")]
    for ax, value, label, mark in zip(axes, ("r", "theta"), (R, THETA), "ab", strict=True):
        for region, (_, colour, marker) in zip(("FFA", "PPA"), SETS.values(), strict=False):
            part = means.loc[region][value]
            for space, row in part.iterrows():
                ax.plot(
                    row["matched"], row["mismatched"], marker, color=colour, markersize=3.5,
                    fillstyle="full" if "_trained" in space else "none",
                )  # fmt: skip
            told = over[(over.region == region) & (over.measure == value)].iloc[0]
            ax.plot(
                [], [], marker, color=colour,
                label=f"{region}: above the line in {told.above} of {told['count']}",
            )  # fmt: skip
        low, high = means[value][["matched", "mismatched"]].stack().agg(["min", "max"])
        ax.plot([low, high], [low, high], color=GREY, linewidth=0.8)
        ax.set(xlabel=f"{label}, matched units", ylabel=f"{label}, mismatched units")
        letter(ax, mark, "Prediction" if value == "r" else "Reorientation")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.08), fontsize=6)
    return note(
        figure,
        f"{spaces.space.nunique()} feature spaces of {spaces.family.nunique()} networks and "
        "handmade codes, signed ridge; filled: trained, hollow: untrained and handmade.",
    )


def alphas_figure(scores: pd.DataFrame, usable: pd.DataFrame) -> Figure:
    """Figure 4: fixed against chosen alpha, and how many of ten alphas are alive."""
    figure = new_figure(3.4)
    axes = figure.subplots(1, 3)
    part = scores[
        scores["match"].isin(MATCHES)
        & (scores.model != "ols")
        & scores.target.isin(["planted", "semi_real"])
    ]
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
                same = cell[cell.chosen == "global"][value].mean()
                ax.plot(x + 0.12, same, "x", color=colour, markersize=3)
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
    return note(
        figure,
        "Hollow: alpha 0.1; filled: chosen per voxel on validation images; cross: one alpha chosen "
        "for all voxels. Planted and semi-real.",
    )


def controls_figure(scores: pd.DataFrame, rotation: pd.DataFrame) -> Figure:
    """E6: permuted weights, measured responses, folded, and a rotated basis."""
    figure = new_figure(3.4)
    axes = figure.subplots(1, 2, width_ratios=[1.6, 1])
    brains = ["planted", "semi_real"]
    rotation = rotation[rotation.target.isin(brains)]
    part = scores[
        (scores.chosen == "fixed") & (scores["match"] == "matched") & scores.target.isin(brains)
    ]
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
    low, high = axes[1].get_ylim()
    axes[1].set_ylim(low, high + 0.25 * (high - low))
    axes[1].legend(fontsize=6, loc="upper right")
    letter(axes[1], "b", "Rotated basis")
    return note(
        figure, "Mean and s.d. over seeds; planted and semi-real targets and regions averaged."
    )


def balance_figure(scores: pd.DataFrame, balanced: pd.DataFrame) -> Figure:
    """E6: the Lasso at alpha 0.1, at equal sparsity and unit count, and at equal reliability."""
    figure = new_figure(3.4)
    axes = figure.subplots(1, 2)
    fixed = scores[(scores.chosen == "fixed") & (scores.model == "lasso")]
    fixed = fixed.rename(columns={"r_dead_0": "shown_r"})
    equal = balanced.rename(columns={"r": "shown_r"})
    arms = {
        "alpha 0.1": fixed,
        "equal sparsity\nand units": equal[equal.reliability == "all"],
        "and reliability": equal[equal.reliability == "paired"],
    }
    for ax, value, label in zip(axes, ("shown_r", "theta"), (R, THETA), strict=True):
        for number, (match, (_, colour, marker)) in enumerate(MATCHES.items()):
            for place, (_, table) in enumerate(arms.items()):
                for shift, sign in ((-0.2, "signed"), (0.2, "positive")):
                    cell = table[
                        (table["match"] == match)
                        & (table.weights == sign)
                        & table.target.isin(["planted", "semi_real"])
                    ]
                    x = place + shift + 0.08 * (number - 0.5)
                    _over_seeds(ax, cell, value, x, colour, marker)
        places = [place + shift for place in range(len(arms)) for shift in (-0.2, 0.2)]
        ax.set_xticks(places, ["±", "+"] * len(arms))
        for place, name in enumerate(arms):
            ax.annotate(
                name, (place, 0), xycoords=("data", "axes fraction"), xytext=(0, -18),
                textcoords="offset points", ha="center", va="top", fontsize=6,
            )  # fmt: skip
        ax.set_xlim(-0.5, len(arms) - 0.5)
        ax.set_ylabel(label)
    for label, colour, marker in MATCHES.values():
        axes[0].plot([], [], marker, color=colour, label=label)
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=6)
    return note(
        figure,
        "Lasso, signed (±) and positive (+), mean and s.d. over seeds; planted and semi-real regions.",
    )


def intervals_figure(table: pd.DataFrame) -> Figure:
    """Mismatched against matched units with intervals over splits and voxels."""
    cells = [
        (target, space, region)
        for target, space, region in dict.fromkeys(
            zip(table.target, table.space, table.region, strict=True)
        )
    ]
    figure = new_figure(4.2)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, value, label, still in zip(
        axes, ("theta_difference", "r_ratio"),
        (f"{THETA}, mismatched less matched", f"{R}, mismatched / matched"), (0, 1), strict=True,
    ):  # fmt: skip
        for number, (target, space, region) in enumerate(cells):
            part = table[
                (table.target == target) & (table.space == space) & (table.region == region)
            ]
            colour, marker = CELLS[number % len(CELLS)]
            for place, (model, sign) in enumerate(_cells()):
                one = part[(part.model == model) & (part.weights == sign)]
                if one.empty or not np.isfinite(one[value].iloc[0]):
                    continue
                y = place + 0.1 * (number - (len(cells) - 1) / 2)
                low, high = one[f"{value}_lower"].iloc[0], one[f"{value}_upper"].iloc[0]
                ax.plot([low, high], [y, y], color=colour, linewidth=1)
                ax.plot(one[value].iloc[0], y, marker, color=colour, markersize=3)
        ax.axvline(still, color=GREY, linewidth=0.8)
        ax.set_xlabel(label)
    axes[1].set_xlim(-0.6, 2.1)
    axes[0].set_yticks(range(8), [_title(*cell) for cell in _cells()])
    axes[0].set_ylim(7.6, -0.6)
    handles = [
        axes[0].plot([], [], marker, color=colour, markersize=3, label=_cell_name(*cell))[0]
        for cell, (colour, marker) in zip(cells, CELLS * 9, strict=False)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=5.5)
    return note(
        figure,
        "95 % percentile intervals over resampled splits and voxels; alpha 0.1. "
        "Ratios beyond the axis are cut.",
    )


def _cell_name(target: str, space: str, region: str) -> str:
    tail = "" if space in ("planted", "table") else f", {_named(space)}"
    return f"{TARGETS[target]} {region}{tail}"
