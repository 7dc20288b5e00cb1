"""Figures of the topographic paper, from its tidy tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from papers.topographic import published as papers_own
from replicortex.core import tables
from replicortex.plotting.labels import MORANS_I
from replicortex.plotting.look import Look
from replicortex.plotting.look import curve as over_seeds
from replicortex.plotting.style import (
    GREY,
    PALE,
    PALETTE,
    finish,
    letter,
    new_figure,
    note,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# The order of legends and panels.
OBJECTIVES = {
    "ce": Look("cross-entropy", PALETTE["black"], "o"),
    "margin": Look("margin (animacy)", PALETTE["orange"], "^"),
    "supcon": Look("SupCon", PALETTE["blue"], "s"),
    "simclr": Look("SimCLR", PALETTE["vermillion"], "v"),
}
ARMS = {
    "main": "as the code has it",
    "gradients_encoder": "gradient of the encoder",
    "form_units": "mean per unit (eq. 1)",
    "keep_total": "lowest total loss kept",
    "no_restart": "running mean never restarts",
    "distance_squared": "squared distance",
    "distance_cosine": "cosine distance",
    "no_bias": "no bias in the sheet",
    "no_dropout": "no dropout",
}
RHO_AXIS = "Topographic strength ρ (ratio of gradients)"
PROBES = {
    "probe raw": ("raw", "-"),
    "probe raw_slow": ("raw, slow", "--"),
    "probe standardised": ("standardised", ":"),
}
NOISES = {"white": "White noise", "pink": "Pink noise", "salt_pepper": "Salt and pepper"}
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
ANIMATE_CLASSES = frozenset({2, 3, 4, 5, 6, 7})


def figures(
    *,
    measures: Path,
    summary: Path,
    ensembles: Path,
    maps: Path,
    tsne: Path,
    history: Path,
    published: Path,
    quoted: list[dict[str, Any]],
) -> dict[str, Figure]:
    """Draw every figure of the paper, published values as open diamonds beside ours.

    Parameters
    ----------
    measures, ensembles, maps, tsne
        Tables that `statistics` wrote.
    summary, history
        Tables that no figure draws; accepted so that one may.
    published, quoted
        The paper's own numbers, as `papers.topographic.published.load` takes them.
    """
    table = tables.read(measures)
    table["parameter"] = table["parameter"].astype("string").fillna("")
    boosts, mapped, placed = map(tables.read, (ensembles, maps, tsne))
    known = papers_own.load(published, quoted)
    with style():
        drawn = {
            "accuracy": accuracy(table, known),
            "tsne": plane(placed, table),
            "maps": sheets(mapped),
            "smoothness": smoothness(table, known),
            "distances": distances(table, known),
            "consistency": consistency(table, known),
            "similarity": similarity(table, known),
            "ensembles": voting(boosts, known),
            "bias": bias(table),
            "readout": readout(table),
            "switches": switches(table),
            "patches": patches(table),
        }
        return {name: finish(figure) for name, figure in drawn.items()}


# --- Parts ---------------------------------------------------------------------------------------


def rho_axis(ax: Axes, rhos: Sequence[float]) -> Axes:
    """Give `ax` evenly spaced strengths, as they are factors of five apart, and 0."""
    ax.set_xticks(range(len(rhos)), [f"{rho:g}" for rho in rhos])
    ax.set_xlim(-0.35, len(rhos) - 0.65)
    return ax


def curve(
    ax: Axes,
    table: pd.DataFrame,
    rhos: Sequence[float],
    look: Look,
    line: str = "-",
    published: Sequence[tuple[float, float]] = (),
    filled: bool = True,
) -> None:
    """Draw mean and s.d. over seeds against rho, and published values as open diamonds."""
    over_seeds(ax, table, "rho", rhos, look, line, filled)
    known = [(rhos.index(rho), value) for rho, value in published if rho in rhos]
    if known:
        ax.plot(
            *zip(*known, strict=True),
            color=look.colour,
            marker="D",
            markerfacecolor="none",
            markersize=5.5,
            markeredgewidth=0.7,
            linestyle="none",
        )


def pick(table: pd.DataFrame, measure: str, arm: str = "main", parameter: str = "") -> pd.DataFrame:
    """Return the rows of one measure of one arm."""
    chosen = (table["measure"] == measure) & (table["arm"] == arm)
    return table[chosen & (table["parameter"] == parameter)]


def legend(figure: Figure, extra: Sequence[tuple[str, dict]] = (), ncols: int = 5) -> None:
    """Name objectives, and what else is drawn, above the panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, label=look.label)
        for look in OBJECTIVES.values()
    ]
    handles += [Line2D([], [], label=label, **how) for label, how in extra]
    figure.legend(handles=handles, loc="outside upper left", ncols=ncols)


PUBLISHED_MARK = (
    "published",
    {"color": GREY, "marker": "D", "markerfacecolor": "none", "linestyle": "none"},
)

# Published values of the networks without dropout (one run each).
WITHOUT_MARK = {"marker": "x", "markersize": 4.5, "markeredgewidth": 0.9, "linestyle": "none"}


def seeds_note(table: pd.DataFrame) -> str:
    """Say what marks and bars are."""
    counts = sorted(
        set(table[table["arm"] == "main"].groupby(["objective", "rho"])["seed"].nunique())
    )
    words = " to ".join(dict.fromkeys((str(counts[0]), str(counts[-1]))))
    return f"Marks: mean over seeds; bars: ±1 s.d. (n = {words} seeds)."


def strengths(table: pd.DataFrame) -> list[float]:
    """Return the rhos in their order."""
    return sorted(set(table["rho"]))


# --- Figures -------------------------------------------------------------------------------------


def accuracy(table: pd.DataFrame, known: pd.DataFrame) -> Figure:
    """Test accuracy against rho (the paper's Figure 1), and the same embeddings standardised."""
    figure, rhos = new_figure(2.8), strengths(table)
    axes = figure.subplots(1, 2, sharey=True)
    panels = (
        ("probe raw", "Readout of raw embeddings, as published"),
        ("probe standardised", "Readout of standardised ones (control)"),
    )
    for ax, (probe, title), mark in zip(axes, panels, "ab", strict=True):
        for objective, look in OBJECTIVES.items():
            chosen = read_out(table[table["objective"] == objective], probe)
            raw = probe == "probe raw"
            theirs = papers_own.values(known, "accuracy", objective) if raw else ()
            curve(ax, chosen, rhos, look, published=theirs)
        rho_axis(ax, rhos).set_xlabel(RHO_AXIS)
        letter(ax, mark, title)
    axes[0].set_ylabel("Test accuracy (fraction)")
    axes[0].set_ylim(0, 1)
    legend(figure, [PUBLISHED_MARK])
    return note(figure, f"Cross-entropy: its own classifier, in both panels. {seeds_note(table)}")


def read_out(table: pd.DataFrame, probe: str) -> pd.DataFrame:
    """Return accuracies of the classifier where there is one, else of the named readout."""
    own = pick(table, "accuracy", parameter="classifier")
    return own if len(own) else pick(table, "accuracy", parameter=probe)


def plane(placed: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """t-SNE of the sheet's output without and with topography (Figure 2)."""
    rhos = sorted(set(placed["rho"]))
    figure = new_figure(0.55 + 1.75 * len(rhos))
    axes = figure.subplots(len(rhos), len(OBJECTIVES), squeeze=False)
    for row, rho in enumerate(rhos):
        for column, (objective, look) in enumerate(OBJECTIVES.items()):
            ax = axes[row, column]
            part = placed[(placed["rho"] == rho) & (placed["objective"] == objective)]
            for label, points in part.groupby("label"):
                alive = label in ANIMATE_CLASSES
                ax.scatter(
                    points["x"],
                    points["y"],
                    s=4,
                    linewidths=0.4,
                    color=_class_colour(label),
                    marker="o" if alive else "x",
                    label=CLASSES[label],
                )
            ax.set(xticks=[], yticks=[])
            own = table[(table["objective"] == objective) & (table["rho"] == rho)]
            scores = [
                pick(own, "silhouette", parameter=group)["value"].mean()
                for group in ("class", "animacy")
            ]
            ax.set_xlabel("silhouette: class {:.2f}, animacy {:.2f}".format(*scores), fontsize=6)
            if row == 0:
                ax.set_title(look.label)
            if column == 0:
                ax.set_ylabel(f"ρ = {rho:g}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=5, markerscale=2)
    return note(
        figure, "t-SNE of the sheet's output, first seed. Dots: animate; crosses: inanimate."
    )


def _class_colour(label: int) -> str:
    shades = {True: list(PALETTE.values())[1:], False: list(PALETTE.values())[:4]}
    alive = label in ANIMATE_CLASSES
    family = [c for c in range(10) if (c in ANIMATE_CLASSES) == alive]
    return shades[alive][family.index(label) % len(shades[alive])]


def sheets(mapped: pd.DataFrame) -> Figure:
    """Activation maps of one truck (Figure 3)."""
    rows = [("no_dropout", "ce", "cross-entropy,\nno dropout")]
    rows += [("main", name, look.label) for name, look in OBJECTIVES.items()]
    here = set(zip(mapped["arm"], mapped["objective"], strict=True))
    rows = [row for row in rows if row[:2] in here]
    rhos = strengths(mapped)
    figure = new_figure(0.45 + 1.05 * len(rows))
    axes = figure.subplots(len(rows), len(rhos), squeeze=False)
    for r, (arm, objective, label) in enumerate(rows):
        for c, rho in enumerate(rhos):
            ax = axes[r, c]
            part = mapped[
                (mapped["arm"] == arm) & (mapped["objective"] == objective) & (mapped["rho"] == rho)
            ].sort_values("unit")
            ax.set(xticks=[], yticks=[])
            if r == 0:
                ax.set_title(f"ρ = {rho:g}")
            if c == 0:
                ax.set_ylabel(label, fontsize=6.5)
            if len(part):
                side = round(len(part) ** 0.5)
                limit = part["limit"].iloc[0]
                shown = part["value"].to_numpy().reshape(side, side) / limit
                image = ax.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, shrink=0.5, aspect=30, ticks=[-1, 0, 1])
    bar.set_label("Output / largest over ten images")
    return note(figure, "Output of the sheet for one image (a truck), first seed.")


def smoothness(table: pd.DataFrame, known: pd.DataFrame) -> Figure:
    """Moran's I and the norm of afferent weights (Figure 4), with and without dropout."""
    figure, rhos = new_figure(2.9), strengths(table)
    axes = figure.subplots(1, 2)
    for ax, measure, mark in zip(axes, ("moran", "row_norm"), "ab", strict=True):
        for objective, look in OBJECTIVES.items():
            own = table[table["objective"] == objective]
            theirs = papers_own.values(known, measure, objective)
            curve(ax, pick(own, measure), rhos, look, published=theirs)
            bare = pick(own, measure, "no_dropout")
            if len(bare):
                curve(ax, bare, rhos, look, line=":", filled=False)
                dots = papers_own.values(known, measure, objective, arm="no_dropout")
                dots = [(rhos.index(rho), value) for rho, value in dots if rho in rhos]
                if dots:
                    ax.plot(*zip(*dots, strict=True), color=look.colour, **WITHOUT_MARK)
        rho_axis(ax, rhos).set_xlabel(RHO_AXIS)
        title = "Smoothness of the maps" if mark == "a" else "Norm of afferent weights"
        letter(ax, mark, title)
    axes[0].set_ylabel(f"{MORANS_I.axis} (rook neighbours)")
    axes[0].axhline(0, color=GREY, linewidth=0.6)
    axes[1].set_ylabel("Mean norm of a unit's weights")
    axes[1].set_yscale("log")
    without = ("without dropout", {"color": GREY, "linestyle": ":"})
    crosses = ("published, without dropout", {"color": GREY, **WITHOUT_MARK})
    legend(figure, [PUBLISHED_MARK, without, crosses], ncols=4)
    return note(figure, seeds_note(table))


def distances(table: pd.DataFrame, known: pd.DataFrame) -> Figure:
    """Distance on the sheet of units whose outputs correlate (Figure 5)."""
    figure, rhos = new_figure(2.3), strengths(table)
    axes = figure.subplots(1, len(OBJECTIVES), sharey=True)
    own = table[(table["measure"] == "distance") & (table["arm"] == "main")]
    own = own.assign(tau=own["parameter"].astype(float))
    shades = _shades(len(rhos))
    for ax, (objective, look), mark in zip(axes, OBJECTIVES.items(), "abcd", strict=True):
        for rho, shade in zip(rhos, shades, strict=True):
            part = own[(own["objective"] == objective) & (own["rho"] == rho)]
            mean = part.groupby("tau")["value"].mean()
            ax.plot(mean.index, mean, color=shade, marker="o", label=f"ρ = {rho:g}")
            theirs = papers_own.values(known, "distance", objective, along="parameter", rho=rho)
            if theirs:
                how = {"marker": "D", "markerfacecolor": "none", "markeredgewidth": 0.6}
                ax.plot(*zip(*theirs, strict=True), color=shade, linestyle="none", **how)
        letter(ax, mark, look.label)
        ax.set_xlabel("Correlation at least")
    axes[0].set_ylabel("Mean distance (units)")
    axes[0].set_ylim(bottom=0)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(rhos))
    return note(
        figure,
        "Mean over seeds; a mark is missing where no pair correlates as much. Open diamonds: published.",
    )


def _shades(count: int) -> list:
    import matplotlib

    return list(matplotlib.colormaps["viridis"](np.linspace(0, 0.85, count)))


def consistency(table: pd.DataFrame, known: pd.DataFrame) -> Figure:
    """Agreement of RDMs between seeds (Figure 6), with and without the sheet's bias."""
    figure, rhos = new_figure(2.7), strengths(table)
    axes = figure.subplots(1, 2, sharey=True)
    titles = ("Raw output", "Output less the bias (control)")
    names = ("rdm_consistency", "rdm_consistency_without_bias")
    for ax, name, title, mark in zip(axes, names, titles, "ab", strict=True):
        for objective, look in OBJECTIVES.items():
            theirs = papers_own.values(known, name, objective)
            own = pick(table[table["objective"] == objective], name)
            curve(ax, own, rhos, look, published=theirs)
        letter(ax, mark, title)
        rho_axis(ax, rhos).set_xlabel(RHO_AXIS)
    axes[0].set_ylabel("Correlation of RDMs between seeds")
    axes[0].set_ylim(0, 1.02)
    legend(figure, [PUBLISHED_MARK])
    return note(figure, f"RDM: 1 − Pearson's r. {seeds_note(table)}")


def similarity(table: pd.DataFrame, known: pd.DataFrame) -> Figure:
    """Cosines within and across classes (Table 1), with and without the sheet's bias."""
    figure, rhos = new_figure(4.4), strengths(table)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    for row, (suffix, words) in enumerate((("", "raw output"), ("_without_bias", "less the bias"))):
        for column, which in enumerate(("within", "across")):
            ax = axes[row, column]
            for objective, look in OBJECTIVES.items():
                name = f"cosine_{which}{suffix}"
                theirs = papers_own.values(known, name, objective)
                own = pick(table[table["objective"] == objective], name)
                curve(ax, own, rhos, look, published=theirs)
            ax.axhline(0, color=GREY, linewidth=0.6)
            letter(ax, "abcd"[2 * row + column], f"{which.capitalize()} classes, {words}")
            rho_axis(ax, rhos)
            if row:
                ax.set_xlabel(RHO_AXIS)
        axes[row, 0].set_ylabel("Mean cosine")
    legend(figure, [PUBLISHED_MARK])
    return note(figure, seeds_note(table))


def voting(boosts: pd.DataFrame, known: pd.DataFrame) -> Figure:
    """What an ensemble of cross-entropy networks gains (Figure 7)."""
    figure = new_figure(4.6)
    axes = figure.subplots(2, 2).ravel()
    rhos, shades = strengths(boosts), _shades(len(strengths(boosts)))
    ax = axes[0]
    clean = boosts[boosts["noise"] == "none"]
    for place, (vote, colour) in enumerate((("logits", "black"), ("probabilities", "blue"))):
        part = clean[clean["vote"] == vote].sort_values("rho")
        x = np.array([rhos.index(rho) for rho in part["rho"]]) + 0.18 * (place - 0.5)
        bars = 100 * np.abs(part[["lower", "upper"]].to_numpy().T - part["boost"].to_numpy())
        ax.errorbar(
            x,
            100 * part["boost"],
            bars,
            color=PALETTE[colour],
            marker="os"[place],
            linestyle="none",
            elinewidth=0.8,
            label=f"mean of {vote}",
        )
    theirs = papers_own.values(known, "boost", "ce", noise="none")
    theirs = [(rhos.index(rho), 100 * value) for rho, value in theirs if rho in rhos]
    if theirs:
        ax.plot(
            *zip(*theirs, strict=True),
            color=GREY,
            marker="D",
            markerfacecolor="none",
            linestyle="none",
            label="published",
        )
    rho_axis(ax, rhos).set_xlabel(RHO_AXIS)
    ax.set_ylabel("Gain (percentage points)")
    ax.axhline(0, color=GREY, linewidth=0.6)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.45 * (high - low))  # room for the legend above the bars
    ax.legend(loc="upper left")
    letter(ax, "a", "No noise")
    levels = set(boosts["level"])
    for ax, (kind, title), mark in zip(axes[1:], NOISES.items(), "bcd", strict=True):
        part = boosts[(boosts["noise"] == kind) & (boosts["vote"] == "logits")]
        for rho, shade in zip(rhos, shades, strict=True):
            own = part[part["rho"] == rho].sort_values("level")
            ax.plot(own["level"], 100 * own["boost"], color=shade, marker="o", label=f"ρ = {rho:g}")
            theirs = papers_own.values(known, "boost", "ce", along="level", noise=kind, rho=rho)
            theirs = [(level, 100 * gain) for level, gain in theirs if level in levels]
            if theirs:
                how = {"marker": "D", "markerfacecolor": "none", "markeredgewidth": 0.6}
                ax.plot(*zip(*theirs, strict=True), color=shade, linestyle="none", **how)
        ax.axhline(0, color=GREY, linewidth=0.6)
        ax.set_xlabel("Share of pixels" if kind == "salt_pepper" else "Noise (s.d., of [0, 1])")
        ax.set_ylabel("Gain (percentage points)")
        letter(ax, mark, title)
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(rhos))
    count = int(boosts["n"].max())
    return note(
        figure,
        f"Ensemble of {count} cross-entropy networks less their mean accuracy. Bars in a: 95 % "
        "bootstrap over networks and images. b to d: mean of logits. Open diamonds: published.",
    )


def bias(table: pd.DataFrame) -> Figure:
    """Is it the bias? Smoothness and similarity with the sheet's bias and without."""
    figure, rhos = new_figure(4.4), strengths(table)
    axes = figure.subplots(2, 2, sharex=True)
    panels = (
        ("moran", "Smoothness, raw output", f"{MORANS_I.axis}"),
        ("moran_without_bias", "Smoothness, output less the bias", f"{MORANS_I.axis}"),
        ("neighbour_cosine", "Directions of neighbours' weights", "Cosine of neighbours"),
        ("bias_sd", "Spread of the bias", "s.d. of the bias over units"),
    )
    for ax, (measure, title, label), mark in zip(axes.ravel(), panels, "abcd", strict=True):
        for objective, look in OBJECTIVES.items():
            own = table[table["objective"] == objective]
            curve(ax, pick(own, measure), rhos, look)
            trained = pick(own, measure, "no_bias")
            if len(trained) and measure in ("moran", "neighbour_cosine"):
                curve(ax, trained, rhos, look, line=":", filled=False)
        if measure != "bias_sd":
            ax.set_ylim(-0.15, 1.05)
            ax.axhline(0, color=GREY, linewidth=0.6)
        letter(ax, mark, title)
        ax.set_ylabel(label)
        rho_axis(ax, rhos)
    for ax in axes[1]:
        ax.set_xlabel(RHO_AXIS)
    legend(figure, [("trained without bias", {"color": GREY, "linestyle": ":"})])
    return note(
        figure,
        "If maps became rough because weights shrink, taking the bias away would change nothing: "
        f"panels a and b would look alike. {seeds_note(table)}",
    )


def readout(table: pd.DataFrame) -> Figure:
    """Does accuracy fall, or does the readout fail? Three readouts of the same embeddings."""
    figure, rhos = new_figure(2.4), strengths(table)
    axes = figure.subplots(1, len(OBJECTIVES), sharey=True)
    for ax, (objective, look), mark in zip(axes, OBJECTIVES.items(), "abcd", strict=True):
        own = table[table["objective"] == objective]
        for number, (name, (_, line)) in enumerate(PROBES.items()):
            chosen = pick(own, "accuracy", parameter=name)
            curve(ax, chosen, rhos, look, line=line, filled=number == 0)
        letter(ax, mark, look.label)
        rho_axis(ax, rhos)
        ax.tick_params(axis="x", labelsize=6)
        ax.set_xlabel("Strength ρ")
    axes[0].set_ylabel("Test accuracy (fraction)")
    axes[0].set_ylim(0, 1)
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=GREY, linestyle=line, label=words) for words, line in PROBES.values()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    return note(figure, f"Linear readouts of the same embeddings. {seeds_note(table)}")


def switches(table: pd.DataFrame) -> Figure:
    """What each disagreement of paper and code does to smoothness and norm."""
    arms = [arm for arm in ARMS if (table["arm"] == arm).any()]
    pairs = table[
        table["arm"].isin([a for a in arms if a not in ("main", "no_dropout", "no_bias")])
    ]
    rhos = strengths(pairs) if len(pairs) else strengths(table)[-1:]
    figure = new_figure(0.9 + 0.3 * len(arms))
    axes = figure.subplots(1, 3, sharey=True)
    panels = (
        ("moran", MORANS_I.axis),
        ("row_norm", "Mean norm of weights"),
        ("neighbour_cosine", "Cosine of neighbours' weights"),
    )
    for ax, (measure, label), mark in zip(axes, panels, "abc", strict=True):
        for objective in ("ce", "supcon"):
            look = OBJECTIVES[objective]
            for shift, rho in enumerate(rhos):
                for place, arm in enumerate(arms):
                    own = pick(table[table["objective"] == objective], measure, arm)
                    found = own[own["rho"] == rho]["value"]
                    offset = 0.16 * (shift - (len(rhos) - 1) / 2)
                    offset += 0.34 * ((objective == "supcon") - 0.5)
                    ax.plot(
                        found,
                        np.full(len(found), place + offset),
                        color=look.colour,
                        marker=look.marker,
                        markerfacecolor=look.colour if shift else "white",
                        linestyle="none",
                        markersize=3.4,
                    )
        for place in range(len(arms)):
            ax.axhline(place + 0.5, color=PALE, linewidth=0.5)
        ax.set_xlabel(label)
        ax.locator_params(axis="x", nbins=4)
        letter(ax, mark, "")
    axes[0].set_yticks(range(len(arms)), [ARMS[arm] for arm in arms])
    axes[0].set_ylim(len(arms) - 0.5, -0.5)
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=OBJECTIVES[o].colour,
            marker=OBJECTIVES[o].marker,
            linestyle="none",
            markerfacecolor=OBJECTIVES[o].colour if shift else "white",
            label=f"{OBJECTIVES[o].label}, ρ = {rho:g}",
        )
        for o in ("ce", "supcon")
        for shift, rho in enumerate(rhos)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=4)
    return note(figure, "One mark per seed.")


def patches(table: pd.DataFrame) -> Figure:
    """Units that prefer a kind of localizer image, and whether they lie together."""
    own = table[(table["measure"] == "moran_selectivity") & (table["arm"] == "main")]
    sizes = table[(table["measure"] == "patch") & (table["arm"] == "main")]
    kinds, rhos = sorted(set(own["parameter"])), strengths(table)
    figure = new_figure(3.9)
    axes = figure.subplots(2, len(OBJECTIVES), sharex=True, sharey="row")
    colours = dict(zip(kinds, [c for n, c in PALETTE.items() if n != "black"], strict=False))
    for column, (objective, look) in enumerate(OBJECTIVES.items()):
        for row, part in enumerate((own, sizes)):
            ax = axes[row, column]
            for number, kind in enumerate(kinds):
                shown = part[(part["objective"] == objective) & (part["parameter"] == kind)]
                mean = shown.groupby("rho")["value"].mean()
                x = [rhos.index(rho) for rho in mean.index]
                ax.plot(x, mean, color=colours[kind], marker="os^DvX"[number % 6], label=kind)
            rho_axis(ax, rhos)
            ax.tick_params(axis="x", labelsize=6)
            if row == 0:
                letter(ax, "abcd"[column], look.label)
                ax.axhline(0, color=GREY, linewidth=0.6)
            else:
                ax.set_xlabel("Strength ρ")
    axes[0, 0].set_ylabel(f"{MORANS_I.axis} of selectivity")
    axes[1, 0].set_ylabel("Largest patch (units)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=6)
    return note(
        figure,
        "Selectivity: d′ of one kind of localizer image against all others; a patch: neighbouring "
        "units of d′ ≥ 1. Mean over seeds. Not in the paper.",
    )
