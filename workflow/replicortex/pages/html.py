"""Pieces of the audit's pages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from html import escape

# How a verdict is shown: by words first, the colour only helps.
LOOKS = (
    ("not replicated", "bad"),
    ("does not hold", "bad"),
    ("partly", "unsure"),
    ("inconclusive", "unsure"),
    ("not testable", "none"),
    ("no verdict", "none"),
    ("replicated", "good"),
    ("holds", "good"),
)


def document(
    title: str, body: str, trail: list[tuple[str, str]], depth: int = 0, script: bool = False
) -> str:
    """Return a whole page.

    Parameters
    ----------
    title
        Its heading.
    body
        HTML.
    trail
        Links and names of the pages above it.
    depth
        How many folders below the first page it lies.
    script
        Whether it has filters.
    """
    up = "../" * depth
    above = "".join(f"<li>{link(href, name)}</li>" for href, name in trail)
    crumbs = (
        f'<nav aria-label="Where you are"><ol>{above}<li aria-current="page">{escape(title)}</li></ol></nav>'
        if trail
        else ""
    )
    load = f'<script src="{up}filter.js" defer></script>' if script else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – Replicortex</title>"
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="{up}style.css">{load}</head><body>'
        '<a class="skip" href="#content">Skip to the content</a>'
        f'<header>{crumbs}</header><main id="content"><h1>{escape(title)}</h1>{body}</main>'
        "<footer><p>Made by Replicortex from the records beside the results.</p></footer>"
        "</body></html>\n"
    )


def link(href: str, text: str) -> str:
    """Return a link."""
    return f'<a href="{escape(href)}">{escape(text)}</a>'


def page_name(folder: str, key: str) -> str:
    """Return the path of a page; long keys, which are hashes, by their start."""
    short = key[:20] if re.fullmatch(r"[0-9a-f]{64}", key) else key
    return f"{folder}/{short}.html" if folder else f"{short}.html"


def facts(told: Mapping[str, str]) -> str:
    """Return names and values (HTML) as a list."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in told.items())
    return f'<dl class="facts">{lines}</dl>'


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of HTML cells that scrolls sideways where the screen is narrow."""
    heads = list(heads)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(name)}">{cell}</td>'
            for name, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<table class="cards"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def number(text: str) -> str:
    """Return a number of a table for people: three digits that count."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    return f"{value:.3g}".replace("-", "−") if abs(value) < 1e6 else f"{value:.2e}"


def verdict(words: str) -> str:
    """Return a verdict with its look."""
    look = next((look for start, look in LOOKS if words.startswith(start)), "none")
    return f'<span class="verdict {look}">{escape(words)}</span>'


def caption(text: str) -> str:
    """Return a caption of the report as HTML: bold, emphasis and literals alone."""
    paragraphs = re.split(r"\n\s*\n", escape(text.strip()))
    shown = []
    for paragraph in paragraphs:
        line = " ".join(paragraph.split())
        line = re.sub(r"``(.+?)``", r"<code>\1</code>", line)
        line = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", line)
        line = re.sub(r"\*(.+?)\*", r"<em>\1</em>", line)
        shown.append(f"<p>{line}</p>")
    return "".join(shown)


def highlighted(source: str) -> str:
    """Return Python code with its lines numbered, in colour where Pygments is there."""
    try:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        lines = escape(source).splitlines()
        width = len(str(len(lines)))
        return (
            f"<pre>{chr(10).join(f'{n:>{width}}  {t}' for n, t in enumerate(lines, start=1))}</pre>"
        )
    formatter = HtmlFormatter(linenos="inline", noclasses=True, lineanchors="L", nobackground=True)
    return highlight(source, PythonLexer(), formatter)
