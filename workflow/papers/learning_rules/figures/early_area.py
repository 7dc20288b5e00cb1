"""Alignment with early cortex over training: the published measure, at both sizes of image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.learning_rules.figures.parts import (
    BOUNDS,
    PUBLISHED,
    SCORES,
    area_label,
    as_published,
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


FAMILIES = {False: "As coded", True: "Faithful, controls"}
MODES = {"published": "as published", "running": "running statistics", "batch": "batch statistics"}


# Family, size and mode of each panel, row by row; the paper's own comparison, then all rules in one mode.
PANELS = (
    (False, "large", "published"),
    (False, "large", "running"),
    (False, "large", "batch"),
    (True, "large", "running"),
    (False, "train", "running"),
    (True, "train", "running"),
)


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
    panels = [panel for panel in PANELS if present(table, panel[0])]
    figure = new_figure(1.1 + 1.9 * -(-len(panels) // 2), WIDTH)
    axes = figure.subplots(-(-len(panels) // 2), 2, squeeze=False, sharey=True)
    for number, (ax, (family, size, mode)) in enumerate(zip(axes.flat, panels, strict=False)):
        sized = where(table, px=px[size])
        rows = as_published(sized) if mode == "published" else where(sized, bn=mode)
        rules = present(rows, family)
        if family and "bp" in present(rows):
            rules = ["bp", *rules]
        draw_lines(ax, rows, rules, "epoch")
        epoch_axis(ax, table["epoch"].unique())
        words = MODES[mode]
        if mode == "published" and px["large"] != PUBLISHED_PX:
            words = "modes as published"
        letter(ax, "abcdef"[number], f"{FAMILIES[family]}, {px[size]} px: {words}")
        if not number % 2:
            ax.set_ylabel(f"{RHO.axis} with {early}")
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    bounds = noise_of(bounds, early)
    rho = where(table, px=list(px.values()), bn=["running", "batch"])["rho"]
    axes[0, 0].set_ylim(limits_with_noise(rho.min(), rho.max(), bounds))
    for ax in axes.flat[: len(panels)]:
        draw_noise(ax, bounds)
        if ax.get_ylim()[0] < 0:
            zero_line(ax)
    legend_above(figure, present(table), [noise_handle()])
    note(
        figure,
        f"{area_label(early)}. Best of four layers in each seed. As published: batch statistics in "
        f"predictive coding and STDP, running ones elsewhere. {seed_note(table)}",
    )
    return figure
