"""The templates of the audit's pages, filled: all text is escaped, a name that is not given is an error."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

TEMPLATES = Path(__file__).with_name("templates")
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


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(template: str, /, **told: Any) -> Markup:
    """Return a filled template; what is no Markup is escaped.

    Raises
    ------
    jinja2.UndefinedError
        When the template uses a name that was not given.
    """
    return Markup(_environment().get_template(template).render(told))


def page_name(folder: str, key: str) -> str:
    """Return the path of a page; long keys, which are hashes, by their start.

    A name out of a record leads to no other folder.
    """
    short = key[:20] if re.fullmatch(r"[0-9a-f]{64}", key) else re.sub(r"[/\0]", "_", key)
    return f"{folder}/{short}.html" if folder else f"{short}.html"


def number(text: str) -> str:
    """Return a number of a table for people: three digits that count."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    return f"{value:.3g}".replace("-", "−") if abs(value) < 1e6 else f"{value:.2e}"


def look(verdict: str) -> str:
    """Return the class of a verdict's look."""
    return next((look for start, look in LOOKS if verdict.startswith(start)), "none")


def highlighted(source: str) -> Markup:
    """Return Python code in colour, its lines numbered."""
    formatter = HtmlFormatter(linenos="inline", noclasses=True, lineanchors="L", nobackground=True)
    return Markup(highlight(source, PythonLexer(), formatter))
