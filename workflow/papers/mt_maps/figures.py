"""Figures of the MT paper, from its tidy tables. Directions are coloured by a wheel of equal lightness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replicortex.core import tables
from replicortex.core.files import read_arrays
from replicortex.plotting.look import Look, curve
from replicortex.plotting.style import GREY, PALE, PALETTE, finish, letter, new_figure, note, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# The order of legends and panels.
TASKS = {
    "clips": Look("MoCo on real clips", PALETTE["blue"], "o"),
    "stills": Look("moved stills, velocity task", PALETTE["vermillion"], "s"),
}
ARMS = {
    ("motion_energy", "reference"): "motion-energy units",
    ("random", "random"): "random weights",
    ("main", "pretrained"): "MoCo only (pre-trained)",
    ("main", "continue 0"): "MoCo only, longer",
    ("main", "continue 0.25"): "MoCo + spatial, continued",
    ("main", "continue 2.5"): "strong spatial loss, continued",
    ("main", "restart 0.25"): "MoCo + spatial, restarted",
    ("spatial_only", ""): "spatial loss only",
    ("absolute", ""): "absolute spatial loss",
    ("uniform", ""): "positions at random",
    ("shuffled", ""): "swaps on shuffled responses",
    ("flip_shared", ""): "flips shared by both views",
    ("flip_independent", ""): "independent flips",
    ("static", ""): "static frames",
    ("frames_shuffled", ""): "frames shuffled",
    ("reversed", ""): "half of the views reversed",
    ("white_noise", ""): "movies of white noise",
    ("no_pan", ""): "crops that stand still",
}
# Bands that would be MT-like, from the replication notes: not read in the cited papers by us.
MACAQUE = {"dsi_a": (0.7, 1.0), "cv_dir": (0.3, 0.6), "fwhm": (80.0, 100.0)}
NAMES = {
    "dsi_a": "DSI, 1 − null / preferred",
    "cv_dir": "Circular variance of direction",
    "cv_ax": "Circular variance of axis",
    "g": "Gain of the null lobe, g",
    "fwhm": "FWHM (deg)",
    "circ_sd": "Circular SD (deg)",
    "smoothness": "Smoothness S of direction",
    "smoothness_axis": "Smoothness S of axis",
    "density": "Pinwheel density (per Λ²)",
    "fractures": "Fractures (mm per mm²)",
    "opposite": "Opposite-sign nearest neighbours",
    "spatial_loss": "Spatial loss of gratings",
    "matching": "Retrieval, top 1",
    "coverage": "Coverage uniformity c′",
    "hub": "Directions represented (share)",
}


# The same where a panel is narrow.
SHORT = {
    "dsi_a": "DSI\n1 − null / pref.",
    "g": "Null-lobe gain\ng",
    "smoothness": "Smoothness S\ndirection",
    "smoothness_axis": "Smoothness S\naxis",
    "density": "Pinwheel density\nper Λ²",
    "fractures": "Fracture length\n(mm per mm²)",
}


SHARES = ("dsi_a", "g", "smoothness", "smoothness_axis")  # about 0 to 1


def figures(
    *,
    measures: Path,
    channels: Path,
    fits: Path,
    curves: Path,
    maps: Path,
    history: Path,
    videos: Path,
) -> dict[str, Figure]:
    """Draw every figure of the paper.

    Parameters
    ----------
    measures, channels, fits, curves, maps, history
        Tables that `measure` wrote.
    videos
        A table that no figure draws; accepted so that one may.
    """
    table, by_channel, fitted, tuned, losses = map(
        tables.read, (measures, channels, fits, curves, history)
    )
    words = ["area", "layer", "positions", "stimulus", "curve", "null"]
    table[words] = table[words].astype("string").fillna("")
    drawn_maps = read_arrays(maps)
    with style():
        drawn = {
            "maps": sheets(drawn_maps, table),
            "tuning": tuning(tuned, fitted),
            "selectivity": selectivity(by_channel, fitted, table),
            "alphas": alphas(table),
            "ablations": ablations(table, dict(zip(fitted["arm"], fitted["source"], strict=True))),
            "bandwidth": bandwidth(fitted),
            "coverage": coverage(table),
            "hierarchy": hierarchy(table),
            "training": training(losses),
        }
        return {name: finish(figure) for name, figure in drawn.items()}


# --- Parts ---------------------------------------------------------------------------------------


def wheel(angle: np.ndarray) -> np.ndarray:
    """Return colours (..., 3) of angles (turns): equal lightness in CIELAB, so that hue alone turns.

    Directions that eyes without red or green receptors confuse lie apart in the blue-yellow part; the
    maps carry contours as well.
    """
    turn = 2 * np.pi * np.asarray(angle)
    lightness = np.full_like(turn, 65.0)
    a, b = 42 * np.cos(turn), 42 * np.sin(turn)
    fy = (lightness + 16) / 116
    fx, fz = fy + a / 500, fy - b / 200

    def linear(f: np.ndarray) -> np.ndarray:
        return np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))

    x, y, z = 0.9505 * linear(fx), linear(fy), 1.089 * linear(fz)
    rgb = np.stack(
        [
            3.2406 * x - 1.5372 * y - 0.4986 * z,
            -0.9689 * x + 1.8758 * y + 0.0415 * z,
            0.0557 * x - 0.2040 * y + 1.0570 * z,
        ],
        -1,
    ).clip(0, 1)
    return np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)


def pick(table: pd.DataFrame, measure: str, **where: str) -> pd.DataFrame:
    """Return the rows of one measure; what is not named must be empty, as in the table."""
    chosen = table["measure"] == measure
    for name, usual in (("positions", ""), ("stimulus", ""), ("curve", ""), ("null", "real")):
        chosen &= table[name] == where.get(name, usual)
    for name in ("arm", "network", "area", "layer", "alpha"):
        if name in where:
            chosen &= table[name] == where[name]
    return table[chosen]


def main_arms(table: pd.DataFrame) -> dict[str, Look]:
    """Return the tasks that the table has."""
    return {arm: look for arm, look in TASKS.items() if (table["arm"] == arm).any()}


def label_of(arm: str, network: str, alpha: float) -> str:
    """Return a network's name in words."""
    if arm in TASKS:
        key = ("random", "random") if network == "random" else ("main", network)
        if network in ("continue", "restart"):
            key = ("main", f"{network} {alpha:g}")
            return ARMS.get(key, f"{network}, α = {alpha:g}")
        return ARMS[key]
    return ARMS.get((arm, ""), ARMS.get((arm, network), arm))


def legend(figure: Figure, looks: dict[str, Look], extra: Sequence[tuple[str, dict]] = ()) -> None:
    """Name tasks above the panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, label=look.label)
        for look in looks.values()
    ]
    handles += [Line2D([], [], label=label, **how) for label, how in extra]
    figure.legend(handles=handles, loc="outside upper left", ncols=5)


def band(ax: Axes, measure: str, vertical: bool = True) -> None:
    """Shade what would be MT-like."""
    if measure in MACAQUE:
        (ax.axvspan if vertical else ax.axhspan)(*MACAQUE[measure], color=PALE, zorder=0)


def seeds_note(table: pd.DataFrame) -> str:
    """Say what marks and bars are."""
    count = table[table["arm"].isin(TASKS)]["seed"].nunique()
    return f"Marks: seeds (n = {count}) or, with bars, mean ± 1 s.d. over seeds."


# --- Figures -------------------------------------------------------------------------------------


def sheets(stored: dict[str, np.ndarray], table: pd.DataFrame) -> Figure:
    """Maps of preferred direction, with pinwheels and fractures."""
    from matplotlib.lines import Line2D

    wanted = [("clips", "random", "0"), ("clips", "pretrained", "0")]
    wanted += [("clips", "continue", a) for a in ("0.25", "2.5")]
    wanted += [("stills", "pretrained", "0"), ("stills", "continue", "0.25")]
    wanted += [("spatial_only", "restart", "0.25"), ("motion_energy", "reference", "0")]
    wanted = [name for name in wanted if f"{'/'.join(name)}/direction" in stored]
    columns = 4
    rows = -(-len(wanted) // columns)
    figure = new_figure(0.8 + 1.85 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(wanted) :]:
        ax.set_axis_off()
    for ax, name in zip(axes, wanted, strict=False):
        path = "/".join(name)
        direction, axis = (stored[f"{path}/{what}"] / 10 for what in ("direction", "axis"))
        ax.imshow(wheel(direction / 360), origin="lower", interpolation="nearest")
        found = np.exp(1j * np.deg2rad(direction)), np.exp(2j * np.deg2rad(axis))
        _mark(ax, *found)
        ax.set(xticks=[], yticks=[])
        arm, network, alpha = name
        source = TASKS[arm].label.split(",")[0] if arm in TASKS else ""
        ax.set_title(f"{label_of(arm, network, float(alpha))}\n{source}".rstrip(), fontsize=6.5)
        rho = pick(table, "density", arm=arm, network=network, positions="own", stimulus="gratings")
        rho = rho[(rho["alpha"] == float(alpha)) & (rho["seed"] == rho["seed"].min())]["value"]
        if len(rho):
            ax.set_xlabel(f"{rho.iloc[0]:.1f} pinwheels per Λ²", fontsize=6.5)
    handles = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="none",
            color="white",
            markeredgecolor="black",
            label="pinwheel +1",
        ),
        Line2D([], [], marker="o", linestyle="none", color="black", label="pinwheel −1"),
        Line2D([], [], color="black", label="fracture: direction reverses, axis goes on"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    _draw_wheel(figure)
    return note(
        figure,
        "First seed; drifting gratings; the whole MT sheet (7.07 mm). Λ: column spacing of each map.\n"
        "The wheel shows the colour of each direction of motion: hues of one lightness. Where hues look\n"
        "alike, pinwheels and fractures are marked by shape.",
    )


def _mark(ax: Axes, z1: np.ndarray, z2: np.ndarray) -> None:
    """Mark pinwheels of direction and fractures."""
    from matplotlib.collections import LineCollection

    from papers.mt_maps import maps

    right, up = maps.fractures(z1, z2)
    lines = [
        [(c + 0.5, r - 0.5), (c + 0.5, r + 0.5)] for r, c in zip(*np.nonzero(right), strict=True)
    ]
    lines += [
        [(c - 0.5, r + 0.5), (c + 0.5, r + 0.5)] for r, c in zip(*np.nonzero(up), strict=True)
    ]
    ax.add_collection(LineCollection(lines, colors="black", linewidths=0.7))
    found = maps.pinwheels(z1)
    for sign, face in ((1, "white"), (-1, "black")):
        part = found[found[:, 2] == sign]
        ax.scatter(
            part[:, 0], part[:, 1], s=5, c=face, edgecolors="black", linewidths=0.5, zorder=3
        )


def _draw_wheel(figure: Figure) -> None:
    """Draw the colour wheel in the lower right corner, beside the small print."""
    height = figure.get_figheight()
    size = 0.46
    ax = figure.add_axes([1 - 0.52 / 7.1, 0.17 / height, size / 7.1, size / height])
    x = np.linspace(-1, 1, 121)
    across, up = np.meshgrid(x, x)
    shown = np.ones((*across.shape, 4))
    shown[..., :3] = wheel(np.mod(np.arctan2(up, across) / (2 * np.pi), 1))
    radius = np.hypot(across, up)
    shown[..., 3] = (radius <= 1) & (radius > 0.45)
    ax.imshow(shown, origin="lower")
    ax.set_axis_off()
    ax.annotate(
        "",
        (0.93, 0.5),
        (0.5, 0.5),
        xycoords="axes fraction",
        arrowprops={"arrowstyle": "->", "lw": 0.7},
    )
    ax.set_in_layout(False)


def tuning(tuned: pd.DataFrame, fitted: pd.DataFrame) -> Figure:
    """Tuning curves of single channels, from the smallest to the largest opposite lobe."""
    here = [(arm, net, a) for arm, net, a in ROWS_OF_TUNING if _has(tuned, arm, net, a)]
    figure = new_figure(0.5 + 1.15 * len(here))
    axes = figure.subplots(len(here), SHOWN, squeeze=False, sharex=True)
    for row, (arm, network, alpha) in zip(axes, here, strict=True):
        fits = _of(fitted, arm, network, alpha)
        fits = fits[(fits["stimulus"] == "gratings") & (fits["seed"] == tuned["seed"].min())]
        fits = fits.sort_values("g")
        places = np.linspace(0, len(fits) - 1, SHOWN).round().astype(int)
        for ax, place in zip(row, places, strict=True):
            one = fits.iloc[place]
            own = _of(tuned, arm, network, alpha)
            own = own[own["channel"] == one["channel"]].sort_values("direction")
            peak = own["response"].max()
            ax.plot(
                own["direction"],
                own["response"] / peak,
                "o",
                color=PALETTE["black"],
                markersize=2.5,
            )
            theta = np.linspace(0, 360, 181)
            cosine = np.cos(np.deg2rad(theta - one["mean"]))
            fit = np.exp(one["kappa"] * (cosine - 1)) + one["g"] * np.exp(
                one["kappa"] * (-cosine - 1)
            )
            ax.plot(
                theta, (one["baseline"] + one["amplitude"] * fit) / peak, color=PALETTE["orange"]
            )
            ax.set_title(f"g = {one['g']:.2f}", fontsize=6.5)
            ax.set(xlim=(0, 360), ylim=(0, 1.08), xticks=[0, 180, 360], yticks=[0, 1])
        row[0].set_ylabel(f"{arm}\n{ROW_NAMES[network]}", fontsize=6.5)
    for ax in axes[-1]:
        ax.set_xlabel("Direction (deg)")
    return note(
        figure,
        "Channels of the MT layer, first seed, in order of g; gratings, mean over cycles and speeds, "
        "as a share of the peak. Dots: measured; line: fit of two von Mises lobes.",
    )


SHOWN = 6
ROW_NAMES = {"random": "random weights", "pretrained": "MoCo only", "continue": "MoCo + spatial"}
ROWS_OF_TUNING = (
    ("clips", "random", 0.0),
    ("clips", "pretrained", 0.0),
    ("clips", "continue", 0.25),
    ("stills", "pretrained", 0.0),
    ("stills", "continue", 0.25),
)


def _of(table: pd.DataFrame, arm: str, network: str, alpha: float) -> pd.DataFrame:
    chosen = (table["arm"] == arm) & (table["network"] == network) & (table["alpha"] == alpha)
    return table[chosen]


def _has(table: pd.DataFrame, arm: str, network: str, alpha: float) -> bool:
    return len(_of(table, arm, network, alpha)) > 0


def selectivity(by_channel: pd.DataFrame, fitted: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Distributions over channels of selectivity, variance, the opposite lobe and width."""
    figure = new_figure(4.3)
    axes = figure.subplots(2, 4)
    looks = main_arms(table)
    for row, stimulus in zip(axes, ("gratings", "dots"), strict=True):
        for ax, measure, mark in zip(row, ("dsi_a", "cv_dir", "g", "fwhm"), "abcd", strict=True):
            source = fitted if measure in ("g", "fwhm") else by_channel
            source = source[source["stimulus"] == stimulus]
            edges = np.linspace(*SPANS[measure], 26)
            for arm, look in looks.items():
                alpha = 0.25
                for network, line in (("random", ":"), ("continue", "-")):
                    own = _of(source, arm, network, alpha if network == "continue" else 0.0)
                    values = own[measure].dropna().clip(*SPANS[measure])
                    if len(values):
                        weights = np.full(len(values), 1 / len(values))
                        shares, _ = np.histogram(values, edges, weights=weights)
                        ax.stairs(
                            np.cumsum(shares),
                            edges,
                            color=look.colour,
                            linestyle=line,
                            linewidth=1.2,
                            baseline=None,
                        )
            band(ax, measure)
            ax.set(xlim=SPANS[measure], ylim=(0, 1.02))
            if stimulus == "gratings":
                letter(ax, mark, "")
            else:
                ax.set_xlabel(NAMES[measure])
        row[0].set_ylabel(f"Channels (cumulative share)\n{stimulus}")
    legend(
        figure,
        looks,
        [
            ("random weights", {"color": GREY, "linestyle": ":"}),
            ("MT-like band (assumed)", {"color": PALE, "linewidth": 6}),
        ],
    )
    return note(
        figure,
        "All channels of all seeds. Solid: MoCo + spatial loss (α = 0.25, continued); dotted: random "
        "weights. The preferred direction comes from one half of the repeats and DSI from the other. Bands: "
        "DSI 0.7 to 1 and FWHM 80 to 100° from memory of Maunsell and Van Essen 1983 and Albright 1984, CV "
        "0.3 to 0.6 derived from them: assumed, not read.",
    )


SPANS = {"dsi_a": (-0.25, 1.25), "cv_dir": (0.0, 1.0), "g": (0.0, 1.0), "fwhm": (0.0, 360.0)}


def alphas(table: pd.DataFrame) -> Figure:
    """What the weight of the spatial loss changes."""
    figure = new_figure(4.3)
    axes = figure.subplots(2, 4)
    looks = main_arms(table)
    panels = (
        ("matching", {}),
        ("spatial_loss", {"positions": "own", "stimulus": "gratings"}),
        ("smoothness", {"positions": "own", "stimulus": "gratings"}),
        ("density", {"positions": "own", "stimulus": "gratings"}),
        ("dsi_a", {"stimulus": "gratings", "curve": "averaged", "area": "MT"}),
        ("cv_ax", {"stimulus": "gratings", "curve": "averaged", "area": "MT"}),
        ("g", {"stimulus": "gratings", "curve": "averaged", "area": "MT"}),
        ("fractures", {"positions": "own", "stimulus": "gratings"}),
    )
    continued = table[table["network"] == "continue"]
    weights = sorted(set(continued[continued["arm"].isin(looks)]["alpha"]))
    for ax, (measure, where), mark in zip(axes.ravel(), panels, "abcdefgh", strict=True):
        for arm, look in looks.items():
            for network, filled, line in (("continue", True, "-"), ("restart", False, "none")):
                own = pick(table, measure, arm=arm, network=network, **where)
                curve(ax, own[own["alpha"].isin(weights)], "alpha", weights, look, line, filled)
            start = pick(table, measure, arm=arm, network="random", **where)["value"]
            if len(start):
                ax.axhline(start.mean(), color=look.colour, linestyle=":", linewidth=0.8)
        if measure == "density":
            ax.axhline(np.pi, color=GREY, linewidth=0.6)
            ax.annotate(
                "π",
                (1, np.pi),
                (2, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=7,
            )
        ax.set_xticks(range(len(weights)), [f"{a:g}" for a in weights])
        ax.set_xlim(-0.4, len(weights) - 0.6)
        ax.set_ylabel(NAMES[measure])
        letter(ax, mark, "")
        if mark in "efgh":
            ax.set_xlabel("Weight of the spatial loss, α")
    legend(
        figure,
        looks,
        [
            (
                "restarted",
                {"color": GREY, "marker": "o", "markerfacecolor": "white", "linestyle": "none"},
            ),
            ("random weights", {"color": GREY, "linestyle": ":"}),
        ],
    )
    return note(figure, f"MT layer, drifting gratings. {seeds_note(table)}")


def ablations(table: pd.DataFrame, sources: dict[str, str]) -> Figure:
    """Every ablation and control, with the nulls of each map."""
    rows = _conditions(table)
    figure = new_figure(0.75 + 0.185 * len(rows))
    panels = ("dsi_a", "g", "smoothness", "smoothness_axis", "density", "fractures")
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, measure, mark in zip(axes, panels, "abcdef", strict=True):
        mapped = measure not in ("dsi_a", "g")
        where = {"stimulus": "gratings"} | (
            {"positions": "own"} if mapped else {"curve": "averaged", "area": "MT"}
        )
        for place, (arm, network, alpha, _) in enumerate(rows):
            look = TASKS.get(sources.get(arm, ""))
            colour = look.colour if look else "black"
            own = pick(table, measure, arm=arm, network=network, **where)
            values = own[own["alpha"] == alpha]["value"].dropna()
            ax.plot(values, [place] * len(values), "o", color=colour, markersize=2.8)
            if measure == "density":
                other = pick(table, "density_tdann", arm=arm, network=network, **where)
                other = other[other["alpha"] == alpha]["value"].dropna()
                ax.plot(other, [place] * len(other), "|", color=colour, markersize=4)
            for null, shade in (("phase", PALE), ("shuffle", "#BBBBBB")):
                drawn = pick(table, measure, arm=arm, network=network, null=null, **where)
                drawn = drawn[drawn["alpha"] == alpha]
                if len(drawn):
                    ends = drawn["lower"].mean(), drawn["upper"].mean()
                    ax.plot(
                        ends,
                        [place] * 2,
                        color=shade,
                        linewidth=3.2,
                        zorder=0,
                        solid_capstyle="butt",
                    )
        if measure == "density":
            ax.axvline(np.pi, color=GREY, linewidth=0.6)
        ax.set_xlabel(SHORT[measure], fontsize=6.5)
        if measure in SHARES:
            low, high = ax.get_xlim()
            ax.set(xlim=(min(low, -0.05), max(high, 1.05)), xticks=[0, 0.5, 1])
        else:
            ax.locator_params(axis="x", nbins=3, steps=[1, 2, 5, 10])
        ax.tick_params(axis="y", length=0)
        letter(ax, mark, "")
    axes[0].set_yticks(range(len(rows)), [label for *_, label in rows], fontsize=6)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    legend(
        figure,
        main_arms(table),
        [
            ("phase-scrambled", {"color": PALE, "linewidth": 4}),
            ("units shuffled", {"color": "#BBBBBB", "linewidth": 4}),
            ("pinwheels by TDANN's rules", {"color": GREY, "marker": "|", "linestyle": "none"}),
        ],
    )
    return note(
        figure,
        "MT layer, drifting gratings; a mark is a seed. Grey: 95 % of the nulls, mean over seeds. Line: π, "
        "the density of any narrow-band random map.",
    )


def _conditions(table: pd.DataFrame) -> list[tuple[str, str, float, str]]:
    """Return (arm, network, alpha, label) in the order of the ablation figure."""
    found = table[["arm", "network", "alpha"]].drop_duplicates().itertuples(index=False)
    here = [tuple(row) for row in found]
    order = {"motion_energy": -1} | {arm: k for k, arm in enumerate(TASKS)}
    stages = ["reference", "random", "pretrained", "continue", "restart"]

    def place(row: tuple[str, str, float]) -> tuple:
        arm, network, alpha = row
        later = [key for key, _ in ARMS]
        return (
            order.get(arm, 10 + (later.index(arm) if arm in later else 99)),
            stages.index(network),
            alpha,
        )

    rows = []
    for arm, network, alpha in sorted(here, key=place):
        label = label_of(arm, network, alpha)
        if arm in TASKS:
            label = f"{label} ({arm})"
        rows.append((arm, network, alpha, label))
    return rows


THEORY = ((1, ":"), (2, "-"), (4, "--"))


def bandwidth(fitted: pd.DataFrame) -> Figure:
    """FWHM against circular SD, and their ratio against g, with the curves that theory gives."""
    figure = new_figure(3.0)
    axes = figure.subplots(1, 3)
    part = fitted[fitted["stimulus"] == "gratings"]
    for arm, look in TASKS.items():
        own = _of(part, arm, "continue", 0.25)
        axes[0].plot(
            own["fwhm"], own["circ_sd"], look.marker, color=look.colour, markersize=2.6, alpha=0.6
        )
        axes[1].plot(
            own["g"],
            own["circ_sd"] / own["fwhm"],
            look.marker,
            color=look.colour,
            markersize=2.6,
            alpha=0.6,
        )
        values = own["g"].dropna()
        if len(values):
            edges = np.linspace(0, 1, 21)
            shares, _ = np.histogram(values, edges, weights=np.full(len(values), 1 / len(values)))
            axes[2].stairs(shares, edges, color=look.colour)
    for kappa, line in THEORY:
        g = np.linspace(0, 0.95, 40)
        widths, spreads = _theory(kappa, g)
        axes[0].plot(widths, spreads, line, color=GREY, linewidth=0.9)
        axes[1].plot(g, spreads / widths, line, color=GREY, linewidth=0.9)
    axes[0].set(xlabel=NAMES["fwhm"], ylabel=NAMES["circ_sd"])
    axes[1].set(xlabel=NAMES["g"], ylabel="Circular SD / FWHM", ylim=(0, 3))
    axes[2].set(xlabel=NAMES["g"], ylabel="Channels (share)")
    for ax, mark in zip(axes, "abc", strict=True):
        letter(ax, mark, "")
    legend(
        figure,
        {arm: look for arm, look in TASKS.items() if (part["arm"] == arm).any()},
        [(f"theory, κ = {k}", {"color": GREY, "linestyle": s}) for k, s in THEORY],
    )
    return note(
        figure,
        "A mark is a channel, all seeds (α = 0.25, continued; gratings). Grey: two lobes without a "
        "baseline; the second lobe widens the circular SD and leaves the width of the first alone.",
    )


def _theory(kappa: float, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return FWHM and circular SD (deg) of two lobes without baseline."""
    theta = np.linspace(0, 2 * np.pi, 3601)[:-1]
    widths, spreads = [], []
    for share in g:
        curve = np.exp(kappa * (np.cos(theta) - 1)) + share * np.exp(kappa * (-np.cos(theta) - 1))
        below = curve[:1801] < curve[0] / 2
        widths.append(2 * np.rad2deg(theta[below.argmax()]) if below.any() else np.nan)
        length = np.abs((curve * np.exp(1j * theta)).sum()) / curve.sum()
        spreads.append(np.rad2deg(np.sqrt(-2 * np.log(length))))
    return np.array(widths), np.array(spreads)


def coverage(table: pd.DataFrame) -> Figure:
    """Evenness of coverage against wiring, and directions about pinwheels (claim 5)."""
    figure = new_figure(2.9)
    axes = figure.subplots(1, 3)
    looks = main_arms(table)
    where = {"positions": "own", "stimulus": "gratings", "network": "continue", "alpha": 0.25}
    nulls = {"real": "o", "phase": "D", "shuffle": "x", "rainbow": "^"}
    for arm, look in looks.items():
        for null, marker in nulls.items():
            even = pick(table, "coverage", arm=arm, null=null, **where).set_index("seed")["value"]
            wires = pick(table, "wiring", arm=arm, null=null, **where).set_index("seed")["value"]
            axes[0].plot(
                wires,
                even.reindex(wires.index),
                marker,
                color=look.colour,
                markerfacecolor=look.colour if null in ("real", "shuffle") else "white",
            )
    axes[0].set(xlabel="Wiring: distance of like units (mm)", ylabel=NAMES["coverage"])
    for ax, measures in ((axes[1], ("hub", "away")), (axes[2], ("opposite", "opposite"))):
        for offset, (arm, look) in enumerate(looks.items()):
            for place, (measure, null) in enumerate(
                zip(measures, ("real", "phase" if ax is axes[2] else "real"), strict=True)
            ):
                values = pick(table, measure, arm=arm, null=null, **where)["value"]
                ax.plot(
                    [place + 0.15 * (offset - 0.5)] * len(values),
                    values,
                    look.marker,
                    color=look.colour,
                )
        ax.set_xlim(-0.5, 1.5)
    axes[1].set_xticks([0, 1], ["about\npinwheels", "about random\npoints"])
    axes[1].set(ylabel=NAMES["hub"], ylim=(0, 1.02))
    axes[2].set_xticks([0, 1], ["map", "phase-\nscrambled"])
    axes[2].set(ylabel="Opposite-sign nearest\nneighbours (share)", ylim=(0, 1.02))
    for ax, mark in zip(axes, "abc", strict=True):
        letter(ax, mark, "")
    marks = {"map": "o", "phase-scrambled": "D", "pixels shuffled": "x", "rainbow": "^"}
    extra = [
        (name, {"color": GREY, "marker": m, "linestyle": "none", "markerfacecolor": "white"})
        for name, m in marks.items()
    ]
    legend(figure, looks, extra)
    return note(figure, "α = 0.25, continued; gratings; a mark is a seed. Low c′: even coverage.")


def hierarchy(table: pd.DataFrame) -> Figure:
    """Selectivity of channels along the network."""
    figure = new_figure(2.8)
    axes = figure.subplots(1, 3)
    looks = main_arms(table)
    layers = sorted(set(table["layer"]) - {""})
    areas = dict(zip(table["layer"], table["area"], strict=True))
    for ax, measure, mark in zip(axes, ("dsi_a", "cv_dir", "cv_ax"), "abc", strict=True):
        for arm, look in looks.items():
            for network, line, alpha in (("random", ":", 0.0), ("continue", "-", 0.25)):
                own = pick(
                    table, measure, arm=arm, network=network, stimulus="gratings", curve="averaged"
                )
                own = own[own["alpha"] == alpha]
                curve(ax, own, "layer", layers, look, line)
        band(ax, measure, vertical=False)
        ax.set_xticks(range(len(layers)), [f"{areas[layer]}\n{layer[5:]}" for layer in layers])
        ax.set_ylabel(NAMES[measure])
        letter(ax, mark, "")
    legend(
        figure,
        looks,
        [
            ("random weights", {"color": GREY, "linestyle": ":"}),
            ("MT-like band (assumed)", {"color": PALE, "linewidth": 6}),
        ],
    )
    return note(figure, f"Medians over channels; gratings. {seeds_note(table)}")


def training(losses: pd.DataFrame) -> Figure:
    """Losses by epoch."""
    figure = new_figure(2.7)
    axes = figure.subplots(1, 2)
    spatial = [name for name in losses if name.startswith("spatial ")]
    layer = sorted(spatial)[-2:][0] if spatial else None
    for arm, look in TASKS.items():
        own = losses[losses["arm"] == arm]
        for network, group in own.groupby("network"):
            kind = network.split("_")[0]
            line = {"pretrained": "-", "continue": "--", "restart": ":"}[kind]
            mean = group.groupby("epoch")["task"].mean()
            if kind == "pretrained" or network.endswith("alpha0.25"):
                axes[0].plot(mean.index, mean, line, color=look.colour)
            if layer and kind != "pretrained" and group[layer].notna().any():
                shown = group.groupby("epoch")[layer].mean()
                axes[1].plot(shown.index, shown, line, color=look.colour)
                axes[1].annotate(
                    network.split("alpha")[1],
                    (shown.index[-1], shown.iloc[-1]),
                    (3, 0),
                    textcoords="offset points",
                    fontsize=6,
                    va="center",
                    color=look.colour,
                )
    axes[0].set(xlabel="Epoch of the stage", ylabel="InfoNCE (nats)")
    axes[1].set(xlabel="Epoch of the stage", ylabel=f"Spatial loss, {(layer or ' ').split(' ')[1]}")
    for ax, mark in zip(axes, "ab", strict=True):
        letter(ax, mark, "")
    legend(
        figure,
        {arm: look for arm, look in TASKS.items() if (losses["arm"] == arm).any()},
        [
            ("pre-training", {"color": GREY}),
            ("continued", {"color": GREY, "linestyle": "--"}),
            ("restarted", {"color": GREY, "linestyle": ":"}),
        ],
    )
    return note(
        figure, "Mean over seeds. Numbers beside curves: α. Panel a: α = 0.25 for joint training."
    )
