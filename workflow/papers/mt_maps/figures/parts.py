"""What several figures of the paper share: looks of conditions, selections of rows, legends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from replicortex.core import tables
from replicortex.plotting.look import Look
from replicortex.plotting.style import PALE, PALETTE

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


def table_of(measures: Path) -> pd.DataFrame:
    """Return the table of measures, "" where a word is missing."""
    table = tables.read(measures)
    words = ["area", "layer", "positions", "stimulus", "curve", "null"]
    table[words] = table[words].astype("string").fillna("")
    return table


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


def of_network(table: pd.DataFrame, arm: str, network: str, alpha: float) -> pd.DataFrame:
    chosen = (table["arm"] == arm) & (table["network"] == network) & (table["alpha"] == alpha)
    return table[chosen]
