"""The scorecard: one screen a paper, its findings with a leading claim and control; and A4 pages
with every claim: the paper's number, ours with its interval, what the design could find, the verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from replicortex.plotting.style import (
    GREY,
    PALE,
    PALETTE,
    STAMP,
    WIDTH,
    Pages,
    finish,
    new_figure,
    style,
)
from replicortex.verdicts.tones import SHORT, TONES, counted, counted_as, symbol, tone, word
from replicortex.verdicts.words import ON_OTHER_DATA, SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 160
INK, FAINT = "#222222", "#555555"
COLOURS = {
    "good": PALETTE["blue"],
    "partly": PALETTE["green"],
    "unsure": "#8A6D00",
    "bad": PALETTE["vermillion"],
    "none": GREY,
}
BARS = {"published": "claims", "control": "controls"}
AS_WORDS = {"relative change": " %", "sign-flip p": "", "cohens d": " s.d.", "ratio": "×"}
A4 = (8.27, 11.69)  # inches

# Left edges of the columns, as fractions of the width.
CLAIM, PAPER, STRIP, OURS, POWER, VERDICT = 0.012, 0.40, 0.505, 0.625, 0.765, 0.845
LINE, TITLE, GAP = 0.125, 0.24, 0.085  # inches: line of text, title of a finding, between rows
SIZE = 7  # of the text, points


class Row(NamedTuple):
    """A line of the scorecard, its text broken to the columns."""

    claim: pd.Series
    says: list[str]
    verdict: list[str]


@dataclass(frozen=True)
class Finding:
    """Claims of one finding: those that are shown, and what is said of the others."""

    name: str
    rows: list[Row]
    more: dict[str, int]  # verdicts of claims that are not shown
    folded: list[str]  # lines about those without a verdict


def number(value: float, as_: str, digits: int = 3) -> str:
    """A number in the unit of `as`: relative changes in per cent, others to so many digits."""
    if math.isnan(value):
        return ""
    if math.isinf(value):  # an interval without an end
        return "∞" if value > 0 else "−∞"
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
    return f"{_bare(number(low, as_))} to {number(high, as_)}"


def ours_text(row: pd.Series) -> str:
    """Our number, its interval below where it has one, then the second unit's; wide ones on two lines."""
    as_ = row["as"]
    if math.isnan(row["ours"]):
        return "not measured"
    text = number(row["ours"], as_)
    for low, high in (("lower", "upper"), ("lower_also", "upper_also")):
        lower, upper = number(row[low], as_, 2), number(row[high], as_, 2)
        if lower and row["lower"] != row["upper"]:
            ends = f"[{_bare(lower)}, {_bare(upper)}]"
            wide = _width(f"{ends} ") > (POWER - OURS) * WIDTH  # A4 has more room
            text += "\n" + (ends.replace(", ", ",\n") if wide else ends)
    return text


def power_text(row: pd.Series) -> str:
    """What the design could find, and units that the published number would need."""
    if math.isnan(row["detectable"]):
        return ""
    mark = {"positive": "≥ ", "negative": "≤ ", "zero": "± "}[row["direction"]]
    text = mark + number(row["detectable"], row["as"], 2).lstrip("+")
    if not math.isnan(row["needed"]):
        more = "≥ " if row["needed"] >= 10_000 else ""
        text += f"\nn {more}{int(row['needed'])}"
    return text


def _bare(text: str) -> str:
    return text.removesuffix(" %").removesuffix(" s.d.")


def draw_scorecard(claims: pd.DataFrame, title: str) -> Figure:
    """Draw a paper's scorecard in one screen: each finding with its leading claim and control.

    Parameters
    ----------
    claims
        As `replicortex.verdicts.evaluation.evaluate` returns them, of one paper.
    title
        The paper's name in print.

    Returns
    -------
    matplotlib.figure.Figure
        7.1 inches wide, as tall as its findings need.
    """
    with style():
        found = list(_findings(claims, WIDTH, leading=True))
        kinds = [counted(members["verdict"]) for _, members in claims.groupby("kind")]
        head = 0.76 + LINE * sum(len(_wrapped(verdicts, WIDTH)) + 0.3 for verdicts in kinds)
        head += LINE * 1.3 if _by_chance(claims) else 0
        height = head + sum(map(_height, found)) + STAMP + 0.34
        figure = new_figure(height, dpi=DPI)
        figure.set_layout_engine("none")
        ax = _axes(figure, height)
        y = _head(ax, claims, title, height - 0.1)
        for finding in found:
            y = _finding(ax, finding, y)
        _key(ax, y)
        return finish(figure)


def draw_pages(claims: pd.DataFrame, title: str) -> Pages:
    """Draw every claim of a paper on A4 pages, by finding; arguments as `draw_scorecard`'s."""
    width, height = A4
    figures: list[Figure] = []
    with style():
        left: list[tuple[str, Row | str]] = []
        for finding in _findings(claims, width, leading=False):
            left += [(finding.name, row) for row in finding.rows]
            left += [(finding.name, line) for line in finding.folded]
        while left:
            figure = new_figure(height, width=width, dpi=DPI)
            figure.set_layout_engine("none")
            ax = _axes(figure, height)
            y = _head(ax, claims, title, height - 0.35, short=bool(figures))
            name = ""
            while left:
                finding_name, one = left[0]
                needed = (TITLE if finding_name != name else 0) + _tall(one)
                if y - needed < 0.85:
                    break
                if finding_name != name:
                    y, name = _title(ax, finding_name, y), finding_name
                y = _row(ax, one, y) if isinstance(one, Row) else _said(ax, one, y)
                left.pop(0)
            _key(ax, 0.72)
            ax.text(0.988, 0.3, str(len(figures) + 1), ha="right", color=FAINT)
            figures.append(finish(figure))
    return Pages(figures)


def _axes(figure: Figure, height: float) -> Axes:
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    ax.set_ylim(0, height)
    return ax


def _findings(claims: pd.DataFrame, width: float, leading: bool) -> Iterator[Finding]:
    """Yield the findings of a paper; with `leading`, a claim and a control of each, others counted."""
    for name, members in claims.groupby("finding", sort=False):
        silent = members["verdict"].map(tone) == "none"
        judged = members[~silent | (leading & (members["verdict"] == SYNTHETIC))]
        if not leading and len(judged) < len(members):
            judged = members[~silent | members["ours"].notna()]
        ordered = judged.assign(rank=judged["kind"] != "published").sort_values(
            "rank", kind="stable"
        )
        chosen = ordered
        if leading:
            published = ordered[ordered["kind"] == "published"]
            controls = ordered[ordered["kind"] == "control"]
            first = [*published.index[: 2 if controls.empty else 1], *controls.index]
            chosen = ordered.loc[first[:2]]
        rows = [_broken(row, width) for _, row in chosen.iterrows()]
        if leading:
            yield Finding(str(name), rows, counted(members.drop(chosen.index)["verdict"]), [])
        else:
            yield Finding(str(name), rows, {}, _folded(members.drop(ordered.index), width))


def _folded(claims: pd.DataFrame, width: float) -> list[str]:
    """Return a line for each reason for which claims have no verdict."""
    lines = []
    for (verdict, reason), members in claims.groupby(["verdict", "reason"], sort=False):
        count = f"{len(members)} claim{'s' if len(members) > 1 else ''}"
        core = word(str(verdict))
        text = f"{count}: {SHORT.get(core, core)} ({reason})"
        lines.append("\n".join(_lines(text, (1 - 2 * CLAIM) * width)))
    if len(lines) > 3:
        names = {word(v) for v in claims["verdict"]}
        lines = [f"{len(claims)} claims: {', '.join(sorted(SHORT.get(n, n) for n in names))}"]
    return lines


def _broken(row: pd.Series, width: float) -> Row:
    says = ("Control: " if row["kind"] == "control" else "") + row["says"]
    return Row(
        row,
        _lines(says, (PAPER - CLAIM - 0.012) * width),
        [
            *_lines(SHORT.get(word(row["verdict"]), word(row["verdict"])), 0.125 * width),
            *(["on other data"] if row["verdict"].endswith(ON_OTHER_DATA) else []),
        ],
    )


def _lines(text: str, room: float) -> list[str]:
    """Break a text where its column ends, inches, by the widths of its letters."""
    lines: list[str] = []
    left = 0.0
    for part in text.split():
        needed = _width(f"{part} ")
        if lines and needed <= left:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
            left = room
        left -= needed
    return lines


@cache
def _width(text: str) -> float:
    """Width in inches, the space at the end included, in the PNG: pixels round each letter."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    drawn: Any = RendererAgg(1, 1, DPI)  # type: ignore[no-untyped-call]
    width = drawn.get_text_width_height_descent(text, FontProperties(size=SIZE), False)[0]
    return float(width) / DPI


def _tall(one: Row | str) -> float:
    """Return the height of a row or of what is said in words, inches."""
    if isinstance(one, str):
        return LINE * (one.count("\n") + 1) + GAP / 2
    texts = (ours_text(one.claim), power_text(one.claim))
    most = max(len(one.says), len(one.verdict), *(text.count("\n") + 1 for text in texts))
    return LINE * most + GAP


def _height(finding: Finding) -> float:
    more = LINE * len(_wrapped(finding.more, WIDTH)) + GAP / 2 if finding.more else 0
    return TITLE + sum(map(_tall, finding.rows)) + more + sum(map(_tall, finding.folded))


def _head(ax: Axes, claims: pd.DataFrame, title: str, y: float, short: bool = False) -> float:
    """Write title, counts of claims and controls, and the names of the columns."""
    ax.text(CLAIM, y, title, fontsize=10, fontweight="bold", va="top")
    y -= 0.25
    if (claims["verdict"] == SYNTHETIC).all():
        ax.text(CLAIM, y, "Synthetic data: no verdict on the paper", va="top", color=FAINT)
        y -= LINE * 1.3
    elif not short:
        for kind, name in (("published", "Claims"), ("control", "Controls")):
            y = _counts(ax, name, counted(claims[claims["kind"] == kind]["verdict"]), y)
            y -= LINE * 0.3
    if (words := _by_chance(claims)) and not short:
        ax.text(CLAIM, y, words, va="top", color=FAINT)
        y -= LINE * 1.3
    y -= 0.06
    names = ("What is claimed", "Published", "On its scale", "Ours [95 %]", "Could find")
    for x, name in zip((CLAIM, PAPER, STRIP, OURS, POWER), names, strict=True):
        ax.text(x, y, name, color=FAINT, va="top")
    ax.text(VERDICT, y, "Verdict", color=FAINT, va="top")
    return y - 0.17


def _by_chance(claims: pd.DataFrame) -> str:
    """Say how many of the judged claims would be met if each number lay at its boundary."""
    rates = claims["met_at_boundary"].dropna()
    if rates.empty:
        return ""
    return (
        f"If every number lay at its boundary, {rates.sum():.1f} of {len(rates)} claims and controls would "
        "still be met."
    )


def _counts(ax: Axes, name: str, found: Mapping[str, int], y: float) -> float:
    """Write how often each verdict was given; return where the next line begins."""
    width = _inches(ax)
    ax.text(CLAIM, y, name, va="top", color=FAINT)
    for position, line in enumerate(_wrapped(found, width)):
        for text, verdict, x in line:
            place = y - LINE * position
            ax.text(x, place, text, va="top", color=COLOURS[tone(verdict)])
    return y - LINE * len(_wrapped(found, width))


def _inches(ax: Axes) -> float:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return float(figure.get_figwidth())


def _wrapped(found: Mapping[str, int], width: float) -> list[list[tuple[str, str, float]]]:
    """Return text, verdict and left edge of each count, in as many lines as they need."""
    first = CLAIM + 0.085
    lines: list[list[tuple[str, str, float]]] = [[]]
    x = first
    for verdict, count in found.items():
        text = f"{symbol(verdict)} {count} {counted_as(verdict, count)}"
        needed = _width(text + "   ") / width
        if lines[-1] and x + needed > 1 - CLAIM:
            lines.append([])
            x = first
        lines[-1].append((text, verdict, x))
        x += needed + 0.012
    return lines


def _finding(ax: Axes, finding: Finding, y: float) -> float:
    y = _title(ax, finding.name, y)
    for row in finding.rows:
        y = _row(ax, row, y)
    if finding.more:
        y = _counts(ax, "and" if finding.rows else "only", finding.more, y - 0.03)
        y -= GAP / 2 - 0.03
    for line in finding.folded:
        y = _said(ax, line, y)
    return y


def _title(ax: Axes, title: str, y: float) -> float:
    ax.plot((CLAIM, 1 - CLAIM), (y, y), color=INK, linewidth=0.7)
    ax.text(CLAIM, y - 0.06, title[:1].upper() + title[1:], fontweight="bold", va="top")
    return y - TITLE


def _said(ax: Axes, text: str, y: float) -> float:
    ax.text(CLAIM, y - 0.02, text, va="top", color=GREY, linespacing=1.12)
    return y - _tall(text)


def _row(ax: Axes, row: Row, y: float) -> float:
    """Draw a claim's row from `y` downwards: text, numbers, strip, verdict; return where it ends."""
    claim = row.claim
    colour, bottom = COLOURS[tone(claim["verdict"])], y - _tall(row)
    ax.plot((CLAIM, 1 - CLAIM), (bottom, bottom), color=PALE, linewidth=0.5)
    text: dict[str, Any] = {"va": "top", "linespacing": 1.12}
    top = y - 0.035
    ax.text(CLAIM, top, "\n".join(row.says), **text)
    quoted, ours = published_text(claim), ours_text(claim)
    ax.text(PAPER, top, quoted, color=GREY if quoted == "none" else INK, **text)
    ax.text(OURS, top, ours, color=GREY if ours == "not measured" else INK, **text)
    ax.text(POWER, top, power_text(claim), color=FAINT, **text)
    ax.text(VERDICT, top, symbol(claim["verdict"]), color=colour, fontweight="bold", **text)
    ax.text(VERDICT + 0.02, top, "\n".join(row.verdict), color=colour, **text)
    _strip(ax, claim, (y + bottom) / 2, colour)
    return bottom


def _strip(ax: Axes, row: pd.Series, y: float, colour: str) -> None:
    """Paper's number (diamond) and ours (dot with interval) on a scale of the row's own.

    The thin line is the boundary, beyond which the interval must lie; the pale band what is predicted
    or tolerated as the published size.
    """
    quoted = [v for v in (row["published_low"], row["published_high"]) if math.isfinite(v)]
    measured = [v for v in (row["ours"], row["lower"], row["upper"]) if math.isfinite(v)]
    points = [row["boundary"], *quoted, *measured]
    low, high = float(min(points)), float(max(points))
    left, right = STRIP + 0.004, OURS - 0.022
    if high == low:
        low, high = low - 1, high + 1

    def place(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    zero = place(row["boundary"])
    ax.plot((zero, zero), (y - 0.075, y + 0.075), color=GREY, linewidth=0.6, zorder=1)
    ax.plot((left, right), (y, y), color=PALE, linewidth=0.5, zorder=0)
    if quoted:
        ax.plot(
            [place(v) for v in quoted],
            [y] * len(quoted),
            color=FAINT,
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


def _key(ax: Axes, y: float) -> None:
    note = [
        "◇ published   ● ours with 95 % interval over the units sampled   | boundary: the smallest effect "
        "that matters, beyond which the interval must lie.",
        "Could find: the smallest number found with 80 % power; n: units that would find the published "
        "size. Size is judged on the paper's own data alone.",
    ]
    for position, line in enumerate(note):
        ax.text(CLAIM, y - 0.1 - 0.12 * position, line, fontsize=6.5, color="#444444", va="top")


def draw_overview(claims: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Draw how many claims of each paper were met with which verdict.

    Parameters
    ----------
    claims
        As `replicortex.verdicts.evaluation.evaluate` returns them, any number of papers.
    titles
        Paper -> its name in print, in the order of the bars.

    Returns
    -------
    matplotlib.figure.Figure
        One bar for the published claims and one for the controls of each paper.
    """
    counts = Counter(zip(claims["paper"], claims["kind"], claims["verdict"].map(word), strict=True))
    bars = Counter(zip(claims["paper"], claims["kind"], strict=True))
    papers = [paper for paper in titles if paper in set(claims["paper"])]
    rows = [(paper, kind) for paper in papers for kind in BARS if (paper, kind) in bars]
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
            for verdict in TONES:
                count = counts.get((paper, kind, verdict), 0)
                if count:
                    _segment(ax, left, y, count, verdict)
                left += count
            y += 1
        ax.set_yticks(places, names)
        ax.set_ylim(y - 0.4, -0.6)
        ax.set_xlim(0, max(bars.values()) * 1.01)
        ax.set_xlabel("number of claims")
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        _legend(figure, [verdict for verdict in TONES if any(key[2] == verdict for key in counts)])
        return finish(figure)


def _segment(ax: Axes, left: float, y: float, count: int, verdict: str) -> None:
    """Draw the part of a bar that stands for `count` claims of one verdict, from `left` at height `y`."""
    ax.barh(y, count, left=left, color=COLOURS[tone(verdict)], edgecolor="white", height=0.8)
    ax.text(
        left + count / 2,
        y,
        f"{symbol(verdict)}\u2009{count}" if count > 1 else symbol(verdict),
        color="white",
        ha="center",
        va="center",
        fontsize=6.5,
        clip_on=True,
    )


def _legend(figure: Figure, verdicts: list[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=COLOURS[tone(verdict)]) for verdict in verdicts]
    labels = [f"{symbol(verdict)} {SHORT.get(verdict, verdict)}" for verdict in verdicts]
    figure.legend(handles, labels, loc="outside upper left", ncols=4, handlelength=1)
