"""A forest plot over papers: published numbers, ours, and where a repetition was to be expected.

Papers measure in many units. Each number is therefore drawn as a share of its published effect: 0 is nothing
there, 1 as published.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from textwrap import fill
from typing import TYPE_CHECKING, Any

from replicortex.plotting.style import GREY, PALE, new_figure, note, styled
from replicortex.verdicts.drawing import COLOURS
from replicortex.verdicts.tones import symbol, tone

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 130
ROW = 0.25  # inches of a claim
LIMITS = (-1.0, 2.5)  # what lies beyond is cut, and marked by an arrow
NUMBERS = ("ours", "lower", "upper", "expected_low", "expected_high")
COLUMNS = ("paper", "finding", "id", "says", *NUMBERS, "expected", "verdict")


def share(row: Mapping[str, Any], value: float) -> float:
    """Return a number of a claim as a share of its published effect: 0 nothing there, 1 as published.

    NaN where the paper has no number but a bound, or one of nothing, or where the claim is that a number
    stays on the other side of its own, such as "below".

    Parameters
    ----------
    row
        Of a table of claims. Of a published range the end nearer to nothing counts.
    value
        In the unit of the claim.
    """
    nothing = 1.0 if row["as"] == "ratio" else 0.0
    ends = [row["published_low"], row["published_high"]]
    if (
        row["direction"] == "zero"
        or row["as"] == "sign-flip p"
        or not all(map(math.isfinite, ends))
    ):
        return math.nan
    effect = min((end - nothing for end in ends), key=abs)
    claimed = effect > 0 if row["direction"] == "positive" else effect < 0
    return float((value - nothing) / effect) if claimed else math.nan


def leading(claims: pd.DataFrame) -> pd.DataFrame:
    """Return for each finding the first published claim that has both numbers, as shares; judged ones first.

    Parameters
    ----------
    claims
        As `replicortex.verdicts.evaluation.evaluate` returns them, any number of papers.

    Returns
    -------
    Columns `COLUMNS`; "expected" says whether the range in which ours was expected is a 95 % prediction
    interval ("predicted"; the paper gives its spread and n) or the claim's tolerance ("tolerated").
    """
    import pandas as pd

    rows = []
    published = claims[claims["kind"] == "published"]
    for (paper, finding), members in published.groupby(["paper", "finding"], sort=False):
        listed = list(_rows(members))
        both = [row for row in listed if math.isfinite(share(row, row["ours"]))]
        judged = [row for row in both if tone(row["verdict"]) != "none"]
        for row in [*judged, *both][:1]:
            rows.append({"paper": paper, "finding": finding, **_shares(row)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in table.to_dict("records"):
        yield {str(name): value for name, value in row.items()}


def _shares(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a claim's row of the table of shares, without paper and finding."""
    low, high, how = row["predicted_low"], row["predicted_high"], "predicted"
    if math.isnan(low):
        low, high = row["published_low"] - row["within"], row["published_high"] + row["within"]
        how = "tolerated"
    values = zip(NUMBERS, (row["ours"], row["lower"], row["upper"], low, high), strict=True)
    shares = {name: share(row, value) for name, value in values}
    # A published fall turns the ends round.
    for first, last in (("lower", "upper"), ("expected_low", "expected_high")):
        if shares[first] > shares[last]:
            shares[first], shares[last] = shares[last], shares[first]
    texts = {name: row[name] for name in ("id", "says", "verdict")}
    return {**texts, **shares, "expected": how}


@styled
def draw_forest(table: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Draw the table of `leading`.

    Parameters
    ----------
    table
        Without a row the panel is empty.
    titles
        Paper -> its name in print, in the order of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row a claim, papers under each other.
    """
    papers = [paper for paper in titles if paper in set(table["paper"])]
    lines = len(table) + 1.4 * len(papers)
    figure = new_figure(1.0 + ROW * lines, dpi=DPI)
    ax = figure.subplots()
    y, places, names = 0.0, [], []
    for paper in papers:
        ax.text(LIMITS[0], y, titles[paper], fontweight="bold", va="center", ha="left")
        y += 1.0
        for row in _rows(table[table["paper"] == paper]):
            _line(ax, row, y)
            places.append(y)
            names.append(_shortened(row["says"]))
            y += 1
        y += 0.4
    for x, style in ((0.0, "-"), (1.0, "--")):
        ax.axvline(x, color=GREY, linewidth=0.7, linestyle=style, zorder=0)
    ax.set_yticks(places, names, fontsize=6)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(y - 0.4, -0.8)
    ax.set_xlim(*LIMITS)
    ax.set_xlabel("share of the published effect (0: nothing there, 1: as published)")
    ax.spines["left"].set_visible(False)
    return note(
        figure,
        "One claim a finding: the first judged one with a published number that is no bound. ◆ published; "
        "● ours with its 95 % interval, coloured as its verdict, whose mark stands at the right. Dark bands: "
        "95 % prediction intervals, where the paper gives spread and n; pale ones: the claim's tolerance. "
        "Arrows: beyond the panel.",
    )


def _line(ax: Axes, row: Mapping[str, Any], y: float) -> None:
    """Draw a claim: the expected range, the published number, ours."""
    low, high = LIMITS
    band = PALE if row["expected"] == "tolerated" else "#B8C4CE"
    ends = [min(max(row[end], low), high) for end in ("expected_low", "expected_high")]
    if all(map(math.isfinite, ends)):
        ax.barh(y, ends[1] - ends[0], left=ends[0], height=0.62, color=band, zorder=0)
    colour = COLOURS[tone(row["verdict"])]
    ax.plot(1, y, marker="D", color="black", markersize=3, zorder=3)
    inside = [
        min(max(row[end], low), high) for end in ("lower", "upper") if math.isfinite(row[end])
    ]
    ax.plot(inside, [y] * len(inside), color=colour, linewidth=1.5, zorder=4, solid_capstyle="butt")
    ours = min(max(row["ours"], low), high)
    marker = "o" if ours == row["ours"] else "<" if ours == low else ">"
    ax.plot(ours, y, marker=marker, color=colour, markersize=4, zorder=5, clip_on=False)
    for end, edge, arrow in (("lower", low, "<"), ("upper", high, ">")):
        if math.isfinite(row[end]) and (row[end] < low or row[end] > high) and marker == "o":
            ax.plot(edge, y, marker=arrow, color=colour, markersize=3, zorder=5, clip_on=False)
    ax.text(1.01, y, symbol(row["verdict"]), color=colour, transform=_beside(ax), va="center")


def _beside(ax: Axes) -> Any:
    """Return the transform of the right edge: fractions across, data down."""
    from matplotlib.transforms import blended_transform_factory

    return blended_transform_factory(ax.transAxes, ax.transData)


def _shortened(says: str) -> str:
    """Return a claim in the lines that fit beside the panel."""
    return fill(says, 56, max_lines=2, placeholder=" …")


def counted(claims: pd.DataFrame, papers: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return for each paper how many findings are drawn, and how many it has."""
    drawn = leading(claims)
    published = claims[claims["kind"] == "published"]
    return {
        paper: (
            int((drawn["paper"] == paper).sum()),
            published[published["paper"] == paper]["finding"].nunique(),
        )
        for paper in papers
    }
