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
SOURCES = {
    "trained": "trained networks",
    "untrained": "untrained",
    "handmade": "handmade codes",
}
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
    passing = rows(table, target=target, arm="passing")
    table = rows(table, target=target, arm="filled")
    figure = new_figure(3.7)
    axes = figure.subplots(1, 2)
    means = table.groupby(["region", "space", "match"])[["r", "theta"]].mean().unstack("match")
    over = rows(tables.read(signs), target=target, over="spaces")
    for ax, (value, label, title), mark in zip(axes, PANELS, "ab", strict=True):
        for region, look in REGIONS.items():
            part = means.loc[region][value]
            trained = part.index.isin(rows(table, source="trained")["space"])
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
    families = table.groupby("source")["family"].nunique()
    made = ", ".join(f"{families.get(name, 0)} {words}" for name, words in SOURCES.items())
    short = table[table["passing"] < table["count"]]["space"].nunique()
    return note(
        figure,
        f"{table['space'].nunique()} feature spaces ({made}), signed ridge; filled: trained, hollow: "
        f"untrained and handmade. In {short} of them the next units by mean t fill up a set, since too "
        f"few pass the localizer; in {passing['space'].nunique()} some units of both sets pass.",
    )
