"""The templates of the audit's pages, filled: all text is escaped, a name that is not given is an error."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.filter import simplefilter
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Literal, Name, Token

from replicortex.core.digests import sha256

TEMPLATES = Path(__file__).with_name("templates")
COLOURED = (Comment, Keyword, Literal, Name.Builtin, Name.Class, Name.Decorator, Name.Function)
LINE_NUMBER = re.compile(r'<span class="linenos">( *\d+)</span>')
PLAIN = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9_.@-]{0,99}")  # a key that may name a page


@cache
def _environment() -> Environment:
    """Return the templates: all text escaped, and a name that is not given an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.tests["address"] = lambda text: bool(re.match(r"https?://", str(text)))
    return made


def render(template: str, /, **values: Any) -> Markup:
    """Return a filled template; what is no Markup is escaped.

    Raises
    ------
    jinja2.UndefinedError
        When the template uses a name that was not given.
    """
    return Markup(_environment().get_template(template).render(values))


def page_name(folder: str, key: str) -> str:
    """Return the path of a page.

    A key comes from records, which anybody may have written: long hashes are told by their start, and
    what is no plain name by its letters and a hash, so that no page lies outside its folder.
    """
    if re.fullmatch(r"[0-9a-f]{64}", key):
        short = key[:20]
    elif PLAIN.fullmatch(key):
        short = key
    else:
        letters = re.sub(r"[^A-Za-z0-9]+", "-", key).strip("-")[:40]
        short = f"{letters}-{sha256(key)[:12]}"
    return f"{folder}/{short}.html" if folder else f"{short}.html"


def anchor(text: str) -> str:
    """Return the name of a place on a page."""
    return re.sub(r"[^\w.-]+", "-", text)


def number(text: str) -> str:
    """Return a number of a table for people: three digits that count; in a text, minus signs alone."""
    try:
        value = float(text)
    except ValueError:
        return re.sub(r"(?<![\w.])-(?=[.\d])", "−", text)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if math.isnan(value) or value == 0:
        return f"{value:g}"
    return f"{value:.3g}".replace("-", "−") if abs(value) < 1e6 else f"{value:.2e}"


def highlighted(source: str) -> Markup:
    """Return Python code, its lines numbered; colours are those of `code_style`."""
    lexer = PythonLexer()
    lexer.add_filter(simplefilter(_plain)())
    lexer.add_filter("tokenmerge")
    found = highlight(source, lexer, HtmlFormatter(linenos="inline", nobackground=True))
    return Markup(LINE_NUMBER.sub(r"<i>\1</i>", found))  # on every line of some hundred pages


def _plain(
    _filter: Any, _lexer: Any, stream: Iterable[tuple[Any, str]], _options: Any
) -> Iterator[tuple[Any, str]]:
    """Take the kind from what is not coloured: half of a page would be its markup."""
    for kind, text in stream:
        coloured = any(kind in each for each in COLOURED)
        yield (kind if coloured else Token.Text), text


def code_style() -> str:
    """Return the style sheet of code, once for all pages."""
    style: str = HtmlFormatter(nobackground=True).get_style_defs(".source .highlight")
    return style
