"""Selectivity of channels along the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.mt_maps.figures.parts import (
    NAMES,
    main_arms,
    measured,
    name_places,
    pick,
    seeds_said,
)
from replicortex.plotting.look import curve, legend_above
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path) -> Figure:
    """Selectivity of channels along the network."""
    table = measured(measures)
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
        name_places(ax, [f"{areas[layer]}\n{layer[5:]}" for layer in layers])
        ax.set_ylabel(NAMES[measure])
        letter(ax, mark, "")
    legend_above(
        figure,
        looks.values(),
        [
            ("random weights", {"color": GREY, "linestyle": ":"}),
        ],
    )
    return note(figure, f"Medians over channels; gratings. {seeds_said(table)}")
