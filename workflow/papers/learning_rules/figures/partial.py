"""Alignment with early cortex once low-level models of the stimuli are partialled out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from papers.learning_rules.figures.controls import draw_before_after
from papers.learning_rules.figures.parts import (
    area_label,
    legend_above,
    present,
    seed_note,
    table_of,
    zero_line,
)
from replicortex.plotting.labels import RHO
from replicortex.plotting.look import rows as where
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


DRAWN = ("rule", "seed", "epoch", "px", "layer", "roi", "control", "rho")
LAYERS = ("conv1", "fc1")
CONTROLS = {
    "none": "nothing",
    "luminance": "luminance",
    "rgb": "mean\ncolour",
    "pixel": "pixels",
    "gabor": "Gabor",
    "silhouette": "outline",
    "all": "all",
}


@styled
def draw(partial: Path, early: str, px: dict[str, int]) -> Figure:
    """Draw rho with early cortex before and after training, low-level models partialled out.

    Parameters
    ----------
    partial
        The table of this name.
    early
        The region that counts as early.
    px
        Sides of the stimuli, pixels; the large one is drawn.
    """
    table = where(table_of(partial, DRAWN), roi=early)
    alone = table[table["seed"].isna()].set_index("rule")["rho"]
    rows = where(table, px=px["large"]).astype({"seed": int, "epoch": int})
    rules = present(rows, faithful=False) or present(rows)
    rows = where(rows, rule=rules)
    last = int(rows["epoch"].max())
    figure = new_figure(4.9)
    axes = figure.subplots(2, 1, sharey=True)
    for mark, ax, layer in zip("ab", axes, LAYERS, strict=True):
        letter(ax, mark, f"{layer}, once this is taken out")
        draw_before_after(ax, where(rows, layer=layer), rules, "control", CONTROLS, last)
        controls = [name for name in CONTROLS if name in set(rows["control"])]
        for place, name in enumerate(controls):
            if name in alone.index:
                ax.hlines(
                    alone[name], place - 0.42, place + 0.42, color=GREY, linestyle=":", zorder=1
                )
        zero_line(ax)
        ax.set_ylabel(f"{RHO.axis} with {early}")
    legend_above(figure, rules, _handles(last))
    note(
        figure,
        f"{area_label(early)}, images of {px['large']} px, running statistics, averaged over space. "
        f"{seed_note(rows, 'Marks: mean over seeds; whiskers')}",
    )
    return figure


def _handles(last: int) -> list[Any]:
    from matplotlib.lines import Line2D

    look = {"color": "#555555", "marker": "o", "linestyle": "none", "markersize": 4.2}
    return [
        Line2D([], [], markerfacecolor="white", label="hollow: no learning yet", **look),
        Line2D([], [], label=f"filled: trained ({last} epochs)", **look),
        Line2D([], [], color=GREY, linestyle=":", label="the low-level model alone"),
    ]
