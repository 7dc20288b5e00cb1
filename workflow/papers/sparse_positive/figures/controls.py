"""E6: permuted weights, measured responses, folded, and a rotated basis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from papers.sparse_positive.figures.parts import (
    SIGNS,
    THETA,
    R,
    models_and_signs,
    over_seeds,
    title_of,
)
from replicortex.core import tables
from replicortex.plotting.style import GREY, PALETTE, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(scores: pd.DataFrame, rotation: pd.DataFrame) -> Figure:
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
        for place, (model, sign) in enumerate(models_and_signs()):
            cell = part[(part.model == model) & (part.weights == sign)]
            over_seeds(axes[0], cell, value, place + 0.16 * (number - 1.5), colour, marker)
        axes[0].plot([], [], marker, color=colour, label=label)
    axes[0].set_xticks(range(8), [title_of(*cell) for cell in models_and_signs()], rotation=90)
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
            over_seeds(axes[1], cell, "r_dead_0", place + shift, colour, marker)
        axes[1].plot(
            [], [], marker, color=colour, label=f"{basis} basis".replace("units", "units'")
        )
    axes[1].set_xticks(range(4), [title_of(*cell) for cell in cells], rotation=90)
    axes[1].set_ylabel(R)
    low, high = axes[1].get_ylim()
    axes[1].set_ylim(low, high + 0.25 * (high - low))
    axes[1].legend(fontsize=6, loc="upper right")
    letter(axes[1], "b", "Rotated basis")
    return note(
        figure, "Mean and s.d. over seeds; planted and semi-real targets and regions averaged."
    )


@styled
def draw(scores: Path, rotation: Path) -> Figure:
    """E6: permuted weights, measured responses, folded, and a rotated basis."""
    return figure_of(tables.read(scores), tables.read(rotation))
