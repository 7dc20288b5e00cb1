"""Draws how seconds grow with size: ours and a peer's, with the fitted exponents."""

from pathlib import Path
from typing import Any

from replicortex.plotting.style import PALETTE, finish, letter, new_figure, note, style

LOOKS = (("blue", "o"), ("vermillion", "s"), ("black", "^"))


def draw(panels: list[dict[str, Any]], words: str, path: Path) -> None:
    """Draw one panel for each curve and save the picture.

    Parameters
    ----------
    panels
        Each with `title`, `axis` (what grows), `sizes`, and `ways`: name -> `cpu_seconds` for each size
        and their `exponent`.
    words
        Small print.
    path
        Of the PNG.
    """
    with style():
        figure = new_figure(2.5)
        for ax, mark, panel in zip(figure.subplots(1, len(panels)), "abc", panels, strict=False):
            for (name, found), (colour, marker) in zip(panel["ways"].items(), LOOKS, strict=False):
                ax.loglog(
                    panel["sizes"],
                    found["cpu_seconds"],
                    marker=marker,
                    color=PALETTE[colour],
                    label=f"{name}: exponent {found['exponent']:.2f}",
                )
            ax.set_xlabel(panel["axis"])
            ax.set_ylabel("CPU time (s)")
            ax.set_xticks(panel["sizes"], panel["sizes"], minor=False)
            ax.set_xticks([], minor=True)
            low, high = ax.get_ylim()
            ax.set_ylim(low, high * 6)  # room for the legend
            ax.legend(fontsize=6, frameon=False, loc="upper left")
            letter(ax, mark, panel["title"])
        note(figure, words)
        finish(figure).savefig(path, dpi=200)
