"""Figure 3: matched against mismatched units over feature spaces, signed ridge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from papers.sparse_positive.figures.parts import SETS, THETA, R
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REGIONS = {"FFA": SETS["face"], "PPA": SETS["scene"]}
PANELS = (("r", R, "Prediction"), ("theta", THETA, "Reorientation"))


@styled
def draw(spaces: Path, signs: Path) -> Figure:
    """Figure 3: matched against mismatched units over feature spaces, signed ridge.

    `spaces`: of `many.many`; `signs`: of `aggregate.signs`. A mark is a space, its mean over seeds.
    """
    table = tables.read(spaces)
    # NSD's own voxels, once there are networks enough.
    real = "nsd" in set(table["target"]) and table["space"].nunique() > 60
    target = "nsd" if real else "semi_real"
    table = rows(table, target=target)
    figure = new_figure(3.7)
    axes = figure.subplots(1, 2)
    means = table.groupby(["region", "space", "match"])[["r", "theta"]].mean().unstack("match")
    over = rows(tables.read(signs), target=target, over="spaces")
    for ax, (value, label, title), mark in zip(axes, PANELS, "ab", strict=True):
        for region, look in REGIONS.items():
            part = means.loc[region][value]
            trained = part.index.str.contains("_trained")
            told = rows(over, region=region, measure=value).iloc[0]
            words = f"{region}: above the line in {told['above']} of {told['count']}"
            # seaborn has no hollow marks by group.
            for own, fill, named in (
                (part[trained], "full", words),
                (part[~trained], "none", None),
            ):
                ax.plot(
                    own["matched"], own["mismatched"], look.marker, color=look.colour,
                    markersize=3.5, fillstyle=fill, label=named,
                )  # fmt: skip
        low, high = means[value][["matched", "mismatched"]].stack().agg(["min", "max"])
        ax.plot([low, high], [low, high], color=GREY, linewidth=0.8)
        ax.set(xlabel=f"{label}, matched units", ylabel=f"{label}, mismatched units")
        letter(ax, mark, title)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.08), fontsize=6)
    return note(
        figure,
        f"{table['space'].nunique()} feature spaces of {table['family'].nunique()} networks and "
        "handmade codes, signed ridge; filled: trained, hollow: untrained and handmade.",
    )
