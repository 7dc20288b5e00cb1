"""Alignment with early cortex over training: the published measure, at both sizes of image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.learning_rules.figures.parts import (
    BOUNDS,
    PUBLISHED,
    SCORES,
    area_label,
    draw_lines,
    draw_noise,
    legend_above,
    limits_with_noise,
    noise_handle,
    noise_of,
    present,
    seed_note,
    table_of,
    zero_line,
)
from replicortex.plotting.labels import RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import (
    WIDTH,
    epoch_axis,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


FAMILIES = {False: "As the author coded them", True: "Faithful versions"}


PUBLISHED_PX = 224


@styled
def draw(curves: Path, noise: Path, early: str, px: dict[str, int]) -> Figure:
    """Draw alignment with early cortex over training: the published measure, at both sizes.

    Parameters
    ----------
    curves, noise
        Tables of these names.
    early
        The region that counts as early.
    px
        Sides of the stimuli, pixels.
    """
    scores, bounds = table_of(curves, SCORES), table_of(noise, BOUNDS)
    table = where(scores, roi=early, **PUBLISHED)
    families = [family for family in FAMILIES if present(table, family)]
    sizes = {
        "large": "as published" if px["large"] == PUBLISHED_PX else "large",
        "train": "training size",
    }
    figure = new_figure(4.9, WIDTH if len(families) > 1 else 0.6 * WIDTH)
    axes = figure.subplots(2, len(families), squeeze=False, sharey=True)
    for row, (size, words) in enumerate(sizes.items()):
        for column, family in enumerate(families):
            ax = axes[row, column]
            rows = where(table, px=px[size])
            rules = present(rows, family)
            if family and "bp" in present(rows):
                rules = ["bp", *rules]
            draw_lines(ax, rows, rules, "epoch")
            epoch_axis(ax, table["epoch"].unique())
            title = f"{FAMILIES[family]}, {px[size]} px images ({words})"
            letter(ax, "abcd"[row * len(families) + column], title)
            if not column:
                ax.set_ylabel(f"{RHO.axis} with {early}")
    bounds = noise_of(bounds, early)
    shown = where(table, px=list(px.values()))["rho"]
    axes[0, 0].set_ylim(limits_with_noise(shown.min(), shown.max(), bounds))
    for ax in axes.flat:
        draw_noise(ax, bounds)
        if ax.get_ylim()[0] < 0:
            zero_line(ax)
    legend_above(figure, present(table), [noise_handle()])
    note(
        figure,
        f"{area_label(early)}. Best of four layers in each seed, running BatchNorm statistics. "
        f"{seed_note(table)}",
    )
    return figure
