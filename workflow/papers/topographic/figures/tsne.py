"""t-SNE of the sheet's output without and with topography (Figure 2)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import seaborn as sns

from papers.topographic.figures.parts import OBJECTIVES, measured, pick
from replicortex.core import tables
from replicortex.plotting.style import (
    PALETTE,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


ANIMATE_CLASSES = frozenset({2, 3, 4, 5, 6, 7})


@styled
def draw(tsne: Path, measures: Path) -> Figure:
    """t-SNE of the sheet's output without and with topography (Figure 2)."""
    placed, table = tables.read(tsne), measured(measures)
    rhos = sorted(set(placed["rho"]))
    figure = new_figure(0.55 + 1.75 * len(rhos))
    axes = figure.subplots(len(rhos), len(OBJECTIVES), squeeze=False)
    for row, rho in enumerate(rhos):
        for column, (objective, look) in enumerate(OBJECTIVES.items()):
            ax = axes[row, column]
            part = placed[(placed["rho"] == rho) & (placed["objective"] == objective)]
            named = part.assign(image=part["label"].map(CLASSES.__getitem__))
            sns.scatterplot(
                named,
                x="x",
                y="y",
                hue="image",
                style="image",
                hue_order=CLASSES,
                style_order=CLASSES,
                palette=[_class_colour(label) for label in range(len(CLASSES))],
                markers=["o" if label in ANIMATE_CLASSES else "X" for label in range(len(CLASSES))],
                s=6,
                linewidth=0,
                legend=(row, column) == (0, 0),
                ax=ax,
            )
            ax.set(xlabel="", ylabel="")
            ax.set(xticks=[], yticks=[])
            own = table[(table["objective"] == objective) & (table["rho"] == rho)]
            scores = [
                pick(own, "silhouette", parameter=group)["value"].mean()
                for group in ("class", "animacy")
            ]
            ax.set_xlabel("silhouette: class {:.2f}, animacy {:.2f}".format(*scores), fontsize=6)
            if row == 0:
                ax.set_title(look.label)
            if column == 0:
                ax.set_ylabel(f"ρ = {rho:g}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].get_legend().remove()
    figure.legend(handles, labels, loc="outside upper left", ncols=5, markerscale=2)
    return note(
        figure, "t-SNE of the sheet's output, first seed. Dots: animate; crosses: inanimate."
    )


def _class_colour(label: int) -> str:
    shades = {True: list(PALETTE.values())[1:], False: list(PALETTE.values())[:4]}
    alive = label in ANIMATE_CLASSES
    family = [c for c in range(10) if (c in ANIMATE_CLASSES) == alive]
    return shades[alive][family.index(label) % len(shades[alive])]
