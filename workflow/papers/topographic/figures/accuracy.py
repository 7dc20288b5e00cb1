"""Test accuracy against rho (the paper's Figure 1), and the same embeddings standardised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from papers.topographic import published as papers_own
from papers.topographic.figures.parts import (
    OBJECTIVES,
    PUBLISHED_MARK,
    RHO_AXIS,
    curve,
    measured,
    over,
    pick,
    rho_axis,
    strengths,
)
from replicortex.plotting.look import legend_above
from replicortex.plotting.style import (
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw(measures: Path, published: Path, quoted: list[dict[str, Any]]) -> Figure:
    """Test accuracy against rho (the paper's Figure 1), and the same embeddings standardised."""
    table = measured(measures)
    known = papers_own.load(published, quoted)
    figure, rhos = new_figure(2.8), strengths(table)
    axes = figure.subplots(1, 2, sharey=True)
    panels = (
        ("probe raw", "Readout of raw embeddings, as published"),
        ("probe standardised", "Readout of standardised ones (control)"),
    )
    for ax, (probe, title), mark in zip(axes, panels, "ab", strict=True):
        for objective, look in OBJECTIVES.items():
            chosen = read_out(table[table["objective"] == objective], probe)
            raw = probe == "probe raw"
            theirs = papers_own.values(known, "accuracy", objective) if raw else ()
            curve(ax, chosen, rhos, look, published=theirs)
        rho_axis(ax, rhos).set_xlabel(RHO_AXIS)
        letter(ax, mark, title)
    axes[0].set_ylabel("Test accuracy (fraction)")
    axes[0].set_ylim(0, 1)
    legend_above(figure, OBJECTIVES.values(), [PUBLISHED_MARK])
    return note(figure, f"Cross-entropy: its own classifier, in both panels. {over(table)}")


def read_out(table: pd.DataFrame, probe: str) -> pd.DataFrame:
    """Return accuracies of the classifier where there is one, else of the named readout."""
    own = pick(table, "accuracy", parameter="classifier")
    return own if len(own) else pick(table, "accuracy", parameter=probe)
