"""The scorecard: every claim with the paper's number, ours with its interval, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from replicortex.plotting.style import (
    GREY,
    PALE,
    PALETTE,
    STAMP,
    WIDTH,
    finish,
    new_figure,
    style,
)
from replicortex.verdicts import claims as verdicts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Look(NamedTuple):
    """How a verdict is drawn: never by colour alone."""

    colour: str
    symbol: str


DPI = 130  # of the PNG: the figure is as tall as it has claims, and is to stay below 1 MB
TALLEST = 3600  # pixels; a taller one has fewer to the inch
GOOD, BAD, UNSURE = PALETTE["blue"], PALETTE["vermillion"], "#8A6D00"
LOOKS = {  # in the order of bars and legends
    verdicts.REPLICATED: Look(GOOD, "✔"),
    verdicts.HOLDS: Look(GOOD, "✔"),
    verdicts.PARTLY: Look(PALETTE["green"], "◐"),
    verdicts.INCONCLUSIVE: Look(UNSURE, "?"),
    verdicts.NOT_REPLICATED: Look(BAD, "✘"),
    verdicts.DOES_NOT_HOLD: Look(BAD, "✘"),
    verdicts.FEW_SEEDS: Look(GREY, "–"),
    verdicts.SYNTHETIC: Look(GREY, "–"),
    verdicts.NOT_TESTABLE: Look(GREY, "–"),
}
WORDS = {
    verdicts.FEW_SEEDS: "too few seeds",
    verdicts.SYNTHETIC: "no verdict: synthetic",
    verdicts.NOT_TESTABLE: "not testable here",
}
BARS = {"published": "claims", "control": "controls"}
SECTIONS = {"published": "Claims of the paper", "control": "Controls that the paper lacks"}
AS_WORDS = {"relative change": " %", "sign-flip p": "", "cohens d": " s.d.", "ratio": "×"}

# Left edges of the columns, as fractions of the width.
CLAIM, PAPER, STRIP, OURS, VERDICT = 0.012, 0.415, 0.545, 0.665, 0.815
LINE, HEADER, SECTION, GAP = 0.125, 0.26, 0.22, 0.085  # inches: line, paper, section, between rows
SIZE = 7  # of the text, points
ROOM = (PAPER - CLAIM - 0.01) * WIDTH  # inches that a line of a claim has


def look(verdict: str) -> Look:
    """Colour and symbol of a verdict, on the paper's data or on other."""
    return LOOKS[verdict.removesuffix(verdicts.ON_OTHER_DATA)]


def words(verdict: str) -> str:
    """The verdict as the scorecard prints it."""
    core = verdict.removesuffix(verdicts.ON_OTHER_DATA)
    shown = WORDS.get(core, core)
    return f"{shown}\non other data" if verdict != core else shown


def number(value: float, as_: str, digits: int = 3) -> str:
    """A number in the unit of `as`: relative changes in per cent, others to so many digits."""
    if math.isnan(value):
        return ""
    text = f"{value:.{digits}g}"
    if as_ == "relative change":
        text = f"{100 * value:+.0f}" if round(100 * value) else "0"
    return text.replace("-", "−") + AS_WORDS.get(as_, "")


def published_text(row: pd.Series) -> str:
    """The paper's number or range."""
    low, high, as_ = row["published_low"], row["published_high"], row["as"]
    if math.isnan(low):
        return "none"
    if low == high:
        return number(low, as_)
    if math.isinf(high):
        return f"≥ {number(low, as_)}"
    if math.isinf(low):
        return f"≤ {number(high, as_)}"
    return f"{number(low, as_)} to {number(high, as_)}"


def ours_text(row: pd.Series) -> str:
    """Our number, its interval on the next line where it has one."""
    as_ = row["as"]
    if math.isnan(row["ours"]):
        return "not measured"
    lower, upper = number(row["lower"], as_, 2), number(row["upper"], as_, 2)
    if row["interval"] == "none" or not lower:
        return number(row["ours"], as_)
    return f"{number(row['ours'], as_)}\n[{_bare(lower)}, {_bare(upper)}]"


def _bare(text: str) -> str:
    return text.removesuffix(" %").removesuffix(" s.d.")


def draw_scorecard(claims: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Draw the scorecard of one paper, or of several one under the other.

    Parameters
    ----------
    claims
        As `replicortex.verdicts.claims.evaluate` returns them, any number of papers.
    titles
        Paper -> its name in print.

    Returns
    -------
    matplotlib.figure.Figure
        7.1 inches wide and as tall as the claims need.
    """
    with style():
        blocks = [
            (paper, kind, rows)
            for paper, of_paper in claims.groupby("paper", sort=False)
            for kind in SECTIONS
            if len(rows := of_paper[of_paper["kind"] == kind])
        ]
        papers = list(dict.fromkeys(claims["paper"]))
        content = sum(_height(row) for _, row in claims.iterrows())
        top = 0.62 + LINE * math.ceil(len(_counts(claims)) / 4)
        height = top + HEADER * len(papers) + SECTION * len(blocks) + content + STAMP + 0.62
        figure = new_figure(height, dpi=min(DPI, TALLEST / height))
        figure.set_layout_engine("none")
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set_axis_off()
        ax.set_xlim(0, 1)
        ax.set_ylim(0, height)
        y = _head(ax, claims, height)
        done = None
        for paper, kind, rows in blocks:
            if paper != done:
                y, done = _paper_line(ax, titles[paper], y), paper
            y = _section_line(ax, SECTIONS[kind], y)
            for _, row in rows.iterrows():
                y = _claim_row(ax, row, y)
        _key(ax, claims, y)
        return finish(figure)


def draw_overview(claims: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Draw how many claims of each paper were met with which verdict.

    Parameters
    ----------
    claims
        As `replicortex.verdicts.claims.evaluate` returns them, any number of papers.
    titles
        Paper -> its name in print, in the order of the bars.

    Returns
    -------
    matplotlib.figure.Figure
        One bar for the published claims and one for the controls of each paper.
    """
    import pandas as pd

    core = claims["verdict"].str.removesuffix(verdicts.ON_OTHER_DATA)
    counts = pd.crosstab([claims["paper"], claims["kind"]], core)
    papers = [paper for paper in titles if paper in set(claims["paper"])]
    rows = [(paper, kind) for paper in papers for kind in SECTIONS if (paper, kind) in counts.index]
    with style():
        figure = new_figure(0.95 + 0.21 * len(rows) + 0.12 * len(papers))
        ax = figure.subplots()
        places, names, y = [], [], 0.0
        for position, (paper, kind) in enumerate(rows):
            if position and paper != rows[position - 1][0]:
                y += 0.55
            first = not position or paper != rows[position - 1][0]
            names.append(f"{titles[paper] + ': ' if first else ''}{BARS[kind]}")
            places.append(y)
            left = 0
            for verdict in LOOKS:
                count = int(counts.loc[(paper, kind)].get(verdict, 0))
                if count:
                    _segment(ax, left, y, count, LOOKS[verdict])
                left += count
            y += 1
        ax.set_yticks(places, names)
        ax.set_ylim(y - 0.4, -0.6)
        ax.set_xlim(0, counts.sum(axis=1).max() * 1.01)
        ax.set_xlabel("number of claims")
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        _legend(figure, [verdict for verdict in LOOKS if verdict in set(core)])
        return finish(figure)


def _segment(ax: Axes, left: float, y: float, count: int, shown: Look) -> None:
    ax.barh(y, count, left=left, color=shown.colour, edgecolor="white", height=0.8)
    ax.text(
        left + count / 2,
        y,
        f"{shown.symbol}\u2009{count}" if count > 1 else shown.symbol,
        color="white",
        ha="center",
        va="center",
        fontsize=6.5,
        clip_on=True,
    )


def _legend(figure: Figure, shown: list[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=LOOKS[verdict].colour) for verdict in shown]
    labels = [f"{LOOKS[verdict].symbol} {WORDS.get(verdict, verdict)}" for verdict in shown]
    figure.legend(handles, labels, loc="outside upper left", ncols=4, handlelength=1)


def _counts(claims: pd.DataFrame) -> dict[str, int]:
    """Number of claims per verdict, in the order of `LOOKS`; the data do not split a verdict."""
    found = claims["verdict"].str.removesuffix(verdicts.ON_OTHER_DATA).value_counts()
    return {verdict: int(found[verdict]) for verdict in LOOKS if verdict in found}


def _lines(row: pd.Series) -> list[str]:
    """Break a claim where its column ends, by the widths of its letters."""
    lines: list[str] = []
    left = 0.0
    for word in row["says"].split():
        needed = _width(f"{word} ")
        if lines and needed <= left:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
            left = ROOM
        left -= needed
    return lines


@cache
def _width(text: str) -> float:
    """Width in inches, the space at the end included, in the PNG: pixels round each letter."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    drawn = RendererAgg(1, 1, DPI).get_text_width_height_descent
    return drawn(text, FontProperties(size=SIZE), False)[0] / DPI


def _height(row: pd.Series) -> float:
    two = "\n" in ours_text(row) or "\n" in words(row["verdict"])
    return LINE * max(len(_lines(row)), 2 if two else 1) + GAP


def _head(ax: Axes, claims: pd.DataFrame, height: float) -> float:
    y = height - 0.1
    title = "Scorecard"
    if (claims["verdict"] == verdicts.SYNTHETIC).all():
        title += ": synthetic data, no verdict on any paper"
    ax.text(CLAIM, y, title, fontsize=10, fontweight="bold", va="top")
    y -= 0.27
    for position, (verdict, count) in enumerate(_counts(claims).items()):
        shown = look(verdict)
        x = CLAIM + 0.245 * (position % 4)
        line = y - LINE * 1.1 * (position // 4)
        ax.text(x, line, shown.symbol, color=shown.colour, va="top", fontweight="bold")
        ax.text(x + 0.018, line, f"{count} {WORDS.get(verdict, verdict)}", va="top")
    y -= LINE * 1.1 * math.ceil(len(_counts(claims)) / 4) + 0.09
    names = ("What is claimed", "Published", "On its own scale", "Ours [95 %]", "Verdict")
    for x, name in zip((CLAIM, PAPER, STRIP, OURS, VERDICT), names, strict=True):
        ax.text(x, y, name, color="#555555", va="top")
    return y - 0.16


def _paper_line(ax: Axes, title: str, y: float) -> float:
    ax.plot((CLAIM, 1 - CLAIM), (y, y), color="#222222", linewidth=0.8)
    ax.text(CLAIM, y - 0.06, title, fontsize=8, fontweight="bold", va="top")
    return y - HEADER


def _section_line(ax: Axes, title: str, y: float) -> float:
    ax.text(CLAIM, y - 0.05, title, fontstyle="italic", color="#444444", va="top")
    return y - SECTION


def _claim_row(ax: Axes, row: pd.Series, y: float) -> float:
    shown, bottom = look(row["verdict"]), y - _height(row)
    ax.plot((CLAIM, 1 - CLAIM), (bottom, bottom), color=PALE, linewidth=0.5)
    text: dict[str, Any] = {"va": "top", "linespacing": 1.12}
    top = y - 0.035
    ax.text(CLAIM, top, "\n".join(_lines(row)), **text)
    quoted = published_text(row)
    ax.text(PAPER, top, quoted, color=GREY if quoted == "none" else "#222222", **text)
    ours = ours_text(row)
    ax.text(OURS, top, ours, color=GREY if ours == "not measured" else "#222222", **text)
    ax.text(VERDICT, top, shown.symbol, color=shown.colour, fontweight="bold", **text)
    ax.text(VERDICT + 0.02, top, words(row["verdict"]), color=shown.colour, **text)
    _strip(ax, row, (y + bottom) / 2, shown.colour)
    return bottom


def _strip(ax: Axes, row: pd.Series, y: float, colour: str) -> None:
    """Paper's number (diamond) and ours (dot with interval) on a scale of the row's own.

    The thin line is the threshold, which the interval must leave behind.
    """
    quoted = [v for v in (row["published_low"], row["published_high"]) if math.isfinite(v)]
    measured = [v for v in (row["ours"], row["lower"], row["upper"]) if math.isfinite(v)]
    points = [row["threshold"], *quoted, *measured]
    low, high = min(points), max(points)
    left, right = STRIP + 0.004, OURS - 0.022
    if high == low:
        low, high = low - 1, high + 1

    def place(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    zero = place(row["threshold"])
    ax.plot((zero, zero), (y - 0.075, y + 0.075), color=GREY, linewidth=0.6, zorder=1)
    ax.plot((left, right), (y, y), color=PALE, linewidth=0.5, zorder=0)
    if quoted:
        ax.plot(
            [place(v) for v in quoted],
            [y] * len(quoted),
            color="#555555",
            marker="D",
            markersize=3.6,
            markerfacecolor="white",
            linewidth=0.8,
            zorder=2,
        )
    if measured:
        ends = [place(v) for v in (row["lower"], row["upper"]) if math.isfinite(v)]
        ax.plot(ends, [y] * len(ends), color=colour, linewidth=1.6, zorder=3)
        ax.plot(place(row["ours"]), y, color=colour, marker="o", markersize=3.6, zorder=4)


def _key(ax: Axes, claims: pd.DataFrame, y: float) -> None:
    note = [
        "◇ published   ● ours with 95 % interval   | threshold that the interval must leave behind "
        "(0; 1 for ratios; or the claim's own)",
        "Intervals: over seeds (Student's t), or over stimuli where the table has them.",
    ]
    if claims["verdict"].str.endswith(verdicts.ON_OTHER_DATA).any():
        note[1] += " On other data only the direction is judged, not the size."
    for position, line in enumerate(note):
        ax.text(CLAIM, y - 0.1 - 0.12 * position, line, fontsize=6.5, color="#444444", va="top")
