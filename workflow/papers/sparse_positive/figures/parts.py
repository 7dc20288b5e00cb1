"""What several figures of the paper share: looks of conditions, selections of rows, legends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from replicortex.plotting.style import GREY, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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


def title_of(model: str, weights: str) -> str:
    return f"{MODELS[model]}{' (+)' if weights == 'positive' else ''}"


def models_and_signs() -> list[tuple[str, str]]:
    return [(model, sign) for sign in SIGNS for model in MODELS]


def space_label(space: str) -> str:
    """A space in words."""
    for short, name in NAMES.items():
        if space.startswith(short):
            space = space.replace(short, name, 1)
            break
    return space.replace("_", " ")


def over_seeds(
    ax: Axes, part: pd.DataFrame, value: str, x: float, colour: str, marker: str
) -> None:
    means = part.groupby("seed")[value].mean().dropna()
    if len(means):
        spread = means.std() if len(means) > 1 else 0
        ax.errorbar(x, means.mean(), spread, fmt=marker, color=colour, markersize=3.5)
