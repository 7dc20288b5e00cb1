"""What several figures of the paper share: looks and names of conditions, rows of a measure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from replicortex.core import tables
from replicortex.plotting.look import Look, rows, seeds_note
from replicortex.plotting.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    ("picture_and_velocity", ""): "one picture, one velocity",
    ("picture_alone", ""): "one picture, two velocities",
    ("nothing_shared", ""): "two pictures, two velocities",
}


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
    "apart": "Distance to the nearest\npinwheel (mm)",
    "opposite": "Opposite-sign nearest neighbours",
    "spatial_loss": "Spatial loss of dots",
    "matching": "Retrieval, top 1",
    "coverage": "Coverage uniformity c′",
    "hub": "Directions represented (share)",
}


CROWDED = 6  # names along x that would touch each other


def name_places(ax: Axes, words: Sequence[str]) -> None:
    """Name the places 0, 1, ... along x; upright where they are many."""
    turn = 90 if len(words) >= CROWDED else 0
    ax.set_xticks(range(len(words)), words, fontsize=7, rotation=turn)


def measured(measures: Path) -> pd.DataFrame:
    """Return the table of measures, "" where one has no area, layer, positions and so on."""
    table = tables.read(measures)
    words = ["area", "layer", "positions", "stimulus", "curve", "null"]
    table[words] = table[words].astype("string").fillna("")
    return table


def pick(table: pd.DataFrame, measure: str, **where: Any) -> pd.DataFrame:
    """Return the rows of one measure; what is not named must be empty, as in the table."""
    usual = {"positions": "", "stimulus": "", "curve": "", "null": "real"}
    return rows(table, measure=measure, **{**usual, **where})


COLOURS = {arm: look.colour for arm, look in TASKS.items()}
MARKERS = {arm: look.marker for arm, look in TASKS.items()}


def main_arms(table: pd.DataFrame) -> dict[str, Look]:
    """Return the tasks that the table of measures has; the pan that clips share is named."""
    pans = rows(table, measure="shared_pan").groupby("arm")["value"].max()
    found = {arm: look for arm, look in TASKS.items() if (table["arm"] == arm).any()}
    if "clips" in found and pans.get("clips", 0) > 0:
        look = found["clips"]
        found["clips"] = look._replace(label=f"{look.label}, shared pan")
    return found


def label_of(arm: str, network: str, alpha: float) -> str:
    """Return a network's name in words."""
    if arm in TASKS:
        key = ("random", "random") if network == "random" else ("main", network)
        if network in ("continue", "restart"):
            key = ("main", f"{network} {alpha:g}")
            return ARMS.get(key, f"{network}, α = {alpha:g}")
        return ARMS[key]
    return ARMS.get((arm, ""), ARMS.get((arm, network), arm))


def seeds_said(table: pd.DataFrame) -> str:
    """Say what marks and bars of curves are, and over how many seeds of the tasks."""
    return seeds_note(rows(table, arm=list(TASKS)).groupby("arm")["seed"].nunique())


def of_network(table: pd.DataFrame, arm: str, network: str, alpha: float) -> pd.DataFrame:
    """Return the rows of one arm's network at one weight of the spatial loss."""
    return rows(table, arm=arm, network=network, alpha=alpha)
