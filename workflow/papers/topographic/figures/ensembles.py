"""What an ensemble of cross-entropy networks gains (Figure 7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from papers.topographic import published as papers_own
from papers.topographic.figures.parts import RHO_AXIS, rho_axis, shades_of, strengths
from replicortex.core import tables
from replicortex.plotting.style import (
    GREY,
    PALETTE,
    letter,
    new_figure,
    note,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOISES = {"white": "White noise", "pink": "Pink noise", "salt_pepper": "Salt and pepper"}


@styled
def draw(ensembles: Path, published: Path, quoted: list[dict[str, Any]]) -> Figure:
    """What an ensemble of cross-entropy networks gains (Figure 7)."""
    boosts = tables.read(ensembles)
    known = papers_own.load(published, quoted)
    figure = new_figure(4.6)
    axes = figure.subplots(2, 2).ravel()
    rhos, shades = strengths(boosts), shades_of(len(strengths(boosts)))
    ax = axes[0]
    clean = boosts[boosts["noise"] == "none"]
    for place, (vote, colour) in enumerate((("logits", "black"), ("probabilities", "blue"))):
        part = clean[clean["vote"] == vote].sort_values("rho")
        x = np.array([rhos.index(rho) for rho in part["rho"]]) + 0.18 * (place - 0.5)
        bars = 100 * np.abs(part[["lower", "upper"]].to_numpy().T - part["boost"].to_numpy())
        ax.errorbar(
            x,
            100 * part["boost"],
            bars,
            color=PALETTE[colour],
            marker="os"[place],
            linestyle="none",
            elinewidth=0.8,
            label=f"mean of {vote}",
        )
    theirs = papers_own.values(known, "boost", "ce", noise="none")
    theirs = [(rhos.index(rho), 100 * value) for rho, value in theirs if rho in rhos]
    if theirs:
        ax.plot(
            *zip(*theirs, strict=True),
            color=GREY,
            marker="D",
            markerfacecolor="none",
            linestyle="none",
            label="published",
        )
    rho_axis(ax, rhos).set_xlabel(RHO_AXIS)
    ax.set_ylabel("Gain (percentage points)")
    ax.axhline(0, color=GREY, linewidth=0.6)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.45 * (high - low))  # room for the legend above the bars
    ax.legend(loc="upper left")
    letter(ax, "a", "No noise")
    levels = set(boosts["level"])
    for ax, (kind, title), mark in zip(axes[1:], NOISES.items(), "bcd", strict=True):
        part = boosts[(boosts["noise"] == kind) & (boosts["vote"] == "logits")]
        for rho, shade in zip(rhos, shades, strict=True):
            own = part[part["rho"] == rho].sort_values("level")
            ax.plot(own["level"], 100 * own["boost"], color=shade, marker="o", label=f"ρ = {rho:g}")
            theirs = papers_own.values(known, "boost", "ce", along="level", noise=kind, rho=rho)
            theirs = [(level, 100 * gain) for level, gain in theirs if level in levels]
            if theirs:
                how = {"marker": "D", "markerfacecolor": "none", "markeredgewidth": 0.6}
                ax.plot(*zip(*theirs, strict=True), color=shade, linestyle="none", **how)
        ax.axhline(0, color=GREY, linewidth=0.6)
        ax.set_xlabel("Share of pixels" if kind == "salt_pepper" else "Noise (s.d., of [0, 1])")
        ax.set_ylabel("Gain (percentage points)")
        letter(ax, mark, title)
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(rhos))
    count = int(boosts["n"].max())
    return note(
        figure,
        f"Ensemble of {count} cross-entropy networks less their mean accuracy. Bars in a: 95 % "
        "bootstrap over networks and images. b to d: mean of logits. Open diamonds: published.",
    )
