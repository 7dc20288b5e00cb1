"""Alignment with every region over training; layers chosen after averaging over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.learning_rules.figures.parts import (
    BN_NOTE,
    BOUNDS,
    CELL,
    PUBLISHED,
    as_published,
    draw_lines,
    draw_noise,
    legend_above,
    limits_with_noise,
    noise_handle,
    noise_of,
    panels_by_region,
    present,
    regions,
    table_of,
    zero_line,
)
from replicortex.plotting.labels import RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import (
    epoch_axis,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(best_over_seeds: Path, noise: Path, px: dict[str, int]) -> Figure:
    """Draw alignment with every region over training; layers chosen after averaging over seeds.

    Parameters
    ----------
    best_over_seeds, noise
        Tables of these names.
    px
        Sides of the stimuli, pixels; the large one is drawn.
    """
    best, known = table_of(best_over_seeds, CELL), table_of(noise, BOUNDS)
    selection = {key: value for key, value in PUBLISHED.items() if key != "layer"}
    table = as_published(where(best, px=px["large"], **selection))
    figure, axes = panels_by_region(table)
    for ax, roi in zip(axes, regions(table), strict=True):
        rows = where(table, roi=roi)
        draw_lines(ax, rows, present(rows), "epoch")
        epoch_axis(ax, table["epoch"].unique())
        bounds = noise_of(known, roi)
        ax.set_ylim(limits_with_noise(rows["rho"].min(), rows["rho"].max(), bounds))
        draw_noise(ax, bounds)
        if ax.get_ylim()[0] < 0:
            zero_line(ax)
    axes[0].figure.supylabel(RHO.axis, fontsize=7)
    legend_above(figure, present(table), [noise_handle()])
    note(
        figure,
        f"Images of {px['large']} px. Best of four layers after averaging over people and seeds (the "
        f"paper's convention for this figure). {BN_NOTE} Each panel has its own scale.",
    )
    return figure
