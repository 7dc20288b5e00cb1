"""All claims and figures of a run as plain lists, which a small script narrows down."""

from __future__ import annotations

from replicortex.pages.claims import tally
from replicortex.pages.rendering import page_name
from replicortex.pages.view import View

FIRST_WORDS = 300  # letters of a caption that are shown and searched


def search_page(view: View) -> None:
    """Write the page that is searched."""
    every = [claim for claims in view.claims.values() for claim in claims]
    view.page(
        "search.html",
        "search.html",
        "All claims and figures",
        verdicts=tally(every),
        kinds=list(dict.fromkeys(claim["kind"] for claim in every)),
        papers=[
            {
                "name": paper.name,
                "title": paper.title,
                "page": page_name("papers", paper.name),
                "claims": view.claims[paper.name],
                "figures": [
                    {
                        "page": page_name("figures", view.slug(place)),
                        "name": view.name(place).partition(": ")[2],
                        "caption": _start(view.caption(place).striptags()),
                    }
                    for place in paper.figures
                ],
            }
            for paper in view.papers.values()
        ],
    )


def _start(text: str) -> str:
    """Return the first words of a text."""
    if len(text) <= FIRST_WORDS:
        return text
    return f"{text[:FIRST_WORDS].rpartition(' ')[0]} …"
