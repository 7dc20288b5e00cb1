"""A Markdown text as HTML: headings have places, tables are cards on a phone, links are rewritten."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it.token import Token

Rewrite = Callable[[str], str]


def place_of(heading: str) -> str:
    """Return the name that a heading has as a place of its page, as code hosts make it."""
    return re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")


def html(text: str, link: Rewrite, image: Rewrite) -> tuple[str, Markup]:
    """Return a text's first heading, and the rest as HTML.

    Parameters
    ----------
    text
        Markdown with tables. Raw HTML is shown as it is written; comments are left out.
    link, image
        Where the target of a link or picture lies for the page.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(re.sub(r"<!--.*?-->\n?", "", text, flags=re.S))
    title = ""
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        title = tokens[1].content.replace("`", "")
        tokens = tokens[3:]
    tokens = [token for token in tokens if token.info != "mermaid"]  # drawn by a script elsewhere
    _headings(tokens)
    _tables(tokens)
    for token in tokens:
        for child in token.children or []:
            _targets(child, link, image)
    made = parser.renderer.render(tokens, parser.options, {})
    wrapped = '<div class="scroll" tabindex="0" role="group" aria-label="Table">\n<table'
    made = made.replace("<table", wrapped).replace("</table>", "</table>\n</div>")
    made = made.replace("<pre>", '<pre tabindex="0">')  # a phone pans it, and so may a keyboard
    return title, Markup(made)


def _headings(tokens: list[Token]) -> None:
    """Give each heading a place; a second one of the same name has a number, as code hosts have it."""
    seen: dict[str, int] = {}
    for opened, inside in pairwise(tokens):
        if opened.type == "heading_open":
            name = place_of(inside.content)
            count = seen[name] = seen.get(name, -1) + 1
            opened.attrSet("id", f"{name}-{count}" if count else name)


def _tables(tokens: list[Token]) -> None:
    """Make tables cards: each cell knows the name of its column."""
    names: list[str] = []
    column, head = 0, False
    for opened, inside in pairwise(tokens):
        if opened.type == "table_open":
            opened.attrSet("class", "cards")
            names = []
        elif opened.type == "thead_open":
            head = True
        elif opened.type == "tbody_open":
            head = False
        elif opened.type == "tr_open":
            column = 0
        elif opened.type == "th_open" and head:
            opened.attrSet("scope", "col")
            names.append(inside.content)
        elif opened.type == "td_open":
            if column < len(names) and names[column]:
                opened.attrSet("data-label", re.sub(r"[`*]", "", names[column]))
            column += 1


def _targets(token: Token, link: Rewrite, image: Rewrite) -> None:
    """Send links and pictures to where the site has them."""
    if token.type == "link_open":
        token.attrSet("href", link(str(token.attrGet("href") or "")))
    if token.type == "image":
        token.attrSet("src", image(str(token.attrGet("src") or "")))
        token.attrSet("loading", "lazy")
        token.attrSet("class", "wide")
