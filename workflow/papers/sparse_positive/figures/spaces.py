"""Figure 3: matched against mismatched units over feature spaces, signed ridge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from papers.sparse_positive.figures.parts import SETS, TARGETS, THETA, R
from replicortex.core import tables
from replicortex.plotting.look import rows
from replicortex.plotting.style import GREY, letter, new_figure, note, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
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

    `spaces`: of `many.many`; `signs`: of `aggregate.signs`. A row of panels for each target, NSD's own
    voxels where they are at hand.
    """
    every, signed = tables.read(spaces), tables.read(signs)
    targets = [target for target in TARGETS if target in set(every["target"])]
    figure = new_figure(0.7 + 3 * len(targets))
    axes = figure.subplots(len(targets), 2, squeeze=False)
    marked, counted = iter("abcd"), []
    for line, target in zip(axes, targets, strict=True):
        table = rows(every, target=target, arm="filled")
        _panels(line, table, rows(signed, target=target, over="spaces"))
        for ax, (_, _, title) in zip(line, PANELS, strict=True):
            tail = f": {TARGETS[target]}" if len(targets) > 1 else ""
            letter(ax, next(marked), f"{title}{tail}")
        counted.append(
            f"{TARGETS[target]}: {_counts(table, rows(every, target=target, arm='passing'))}"
        )
    return note(
        figure,
        "Signed ridge; filled: trained, hollow: untrained and handmade. " + " ".join(counted),
    )


def _panels(axes: Sequence[Axes], table: pd.DataFrame, over: pd.DataFrame) -> None:
    """Draw r and Θ of one target: a mark a space, its mean over seeds.

    `table`: rows of `many.many`; `over`: sign tests over the spaces.
    """
    means = table.groupby(["region", "space", "match"])[["r", "theta"]].mean().unstack("match")
    for ax, (value, label, _) in zip(axes, PANELS, strict=True):
        for region, look in REGIONS.items():
            part = means.loc[region][value]
            trained = part.index.isin(rows(table, source="trained")["space"])
            tested = rows(over, region=region, measure=value).iloc[0]
            words = f"{region}: above the line in {tested['above']} of {tested['count']}"
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
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.08), fontsize=6)


def _counts(table: pd.DataFrame, passing: pd.DataFrame) -> str:
    """Return in words how many spaces there are, and in how many of them units pass."""
    families = table.groupby("source")["family"].nunique()
    made = ", ".join(f"{families.get(name, 0)} {words}" for name, words in SOURCES.items())
    selected = table[table["match"] != "random"]  # random units have no localizer to pass
    short = selected[selected["passing"] < selected["count"]]["space"].nunique()
    return (
        f"{table['space'].nunique()} feature spaces ({made}); in {short} the next units by mean t fill "
        f"up a set, since too few pass the localizer; in {passing['space'].nunique()} some units of "
        "both sets pass."
    )
