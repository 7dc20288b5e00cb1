"""The look of every figure: style sheet, palette, sizes, and figures that stay as they were drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHEET = Path(__file__).with_name("style.mplstyle")
# Only Python sources enter a job's code hash: this line makes figures rerun when the sheet changes.
SHEET_SHA256 = "b287a28725976025"
WIDTH = 7.1  # inches: two columns of a journal page (180 mm)
STAMP = 0.16  # inches kept free at the bottom, where the runner stamps synthetic data
PLACE_DECIMALS = 9  # of a panel's edges, as fractions of the figure; the solver is good to some 14

# Okabe and Ito 2008, without yellow (too pale for lines): distinct with any colour vision.
PALETTE = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
GREY = "#767676"
PALE = "#E4E4E4"


class Pages:
    """Figures that are the pages of one PDF."""

    def __init__(self, figures: Sequence[Figure]):
        self.figures = list(figures)


def style() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn in the study's style, whatever was set before."""
    from matplotlib import style as styles

    return styles.context(["default", SHEET])


def new_figure(height: float, width: float = WIDTH, dpi: float | None = None) -> Figure:
    """Return an empty figure of a size in inches, bound to no window; `dpi` is that of its PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    _keep_free(figure, STAMP)
    return figure


def _keep_free(figure: Figure, inches: float) -> None:
    """Leave room under the panels."""
    bottom = inches / figure.get_figheight()
    engine: Any = figure.get_layout_engine()  # the constrained one
    engine.set(
        rect=(0.012, bottom, 0.98, 0.993 - bottom), w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.03
    )


def note(figure: Figure, text: str) -> Figure:
    """Put small print under the panels, wrapped to the figure, above the room for the stamp."""
    from textwrap import wrap

    characters = int(figure.get_figwidth() / 0.0555)  # ample mean width at 6.5 points, in inches
    lines = [line for part in text.split("\n") for line in wrap(part, characters)]
    height = figure.get_figheight()
    figure.text(
        0.014,
        STAMP / height,
        "\n".join(lines),
        ha="left",
        va="bottom",
        fontsize=6.5,
        color="#444444",
    )
    _keep_free(figure, STAMP + 0.06 + 0.115 * len(lines))
    return figure


def freeze(figure: Figure) -> Figure:
    """Solve a figure's layout once and keep it, so that every format and process draws the same.

    A figure whose layout was kept before, or that has none to solve, stays as it is.
    """
    from matplotlib.layout_engine import PlaceHolderLayoutEngine

    engine = figure.get_layout_engine()
    kept = engine is None or isinstance(engine, PlaceHolderLayoutEngine)
    return figure if kept else _solve(figure)


def _solve(figure: Figure) -> Figure:
    """Draw once without ink, and keep where the panels came to lie.

    The solver of the constrained layout (kiwi) adds up its terms in the order of their addresses
    in memory: panels move by the last bit from process to process, and the clip paths of an SVG
    are named after all bits. So places are rounded.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        # As given to the panel, before a fixed aspect shrinks it: that comes again at each drawing.
        edges = ax.get_position(original=True).extents
        left, bottom, right, top = (round(float(edge), PLACE_DECIMALS) for edge in edges)
        ax.set_position((left, bottom, right - left, top - bottom))
    return figure


def finish(figure: Figure) -> Figure:
    """Lay a figure out for good, so that it looks the same in every format and outside `style`."""
    # Ticks are made when first drawn, by then with whatever is set outside the style.
    from matplotlib.ticker import FixedLocator

    _solve(figure)
    # Nor may the number of ticks follow the font size outside the style.
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            places = [place for place in axis.get_majorticklocs() if low <= place <= high]
            axis.set_major_locator(FixedLocator(places))
    return figure


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Make a function draw its figure in the study's style, and lay it out for good."""

    @wraps(draw)
    def in_style(*args: object, **kwargs: object) -> Figure:
        with style():
            return finish(draw(*args, **kwargs))

    return in_style


def epoch_axis(ax: Axes, epochs: Sequence[int]) -> Axes:
    """Give `ax` a symmetric-log axis of epochs on which epoch 0 stands, ticks at the checkpoints."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    from replicortex.plotting.labels import EPOCHS

    epochs = sorted(epochs)
    ax.set_xscale("symlog", linthresh=1, linscale=0.6)
    ticks = [
        epoch
        for epoch, following in zip(epochs, [*epochs[1:], None], strict=True)
        # A tick whose neighbour is less than a third further would print into it.
        if following is None or epoch < 2 or following / epoch > 4 / 3 or following != epochs[-1]
    ]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FixedFormatter([str(epoch) for epoch in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(-0.12, max(epochs[-1], 1) * 1.12)
    ax.set_xlabel(EPOCHS.axis)
    return ax


def letter(ax: Axes, mark: str, title: str) -> Axes:
    """Title a panel: a bold letter and words."""
    ax.set_title(title)
    ax.annotate(
        mark,
        (0, 1),
        (-18, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontweight="bold",
        fontsize=8.5,
        annotation_clip=False,
    )
    return ax
