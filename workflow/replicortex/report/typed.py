"""Numbers and verdicts that somebody typed into a template: a reader could not walk from them to a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from jinja2 import Environment, nodes

# What may stand in prose as it is.
ALLOWED = {
    "a code span": r"`[^`]*`",
    "the target of a link": r"\]\([^)]*\)",
    "a web address or doi": r"https?://\S+|\bdoi:? ?10\.\S+",
    "a comment": r"<!--.*?-->",
    "an arXiv number": r"\b\d{4}\.\d{4,5}(?:v\d+)?\b",
    "a year": r"\b(?:19|20)\d\d\b",
    "a place": r"\b(?:[Ss]ection|[Ff]igure|[Tt]able|[Pp]anel|[Aa]ppendix|[Ee]quation|[Vv]olume)s? \d+\w?",
    "a name": r"(?<![\w.])[A-Za-z_][A-Za-z_]*-?\d[\w-]*",
    "a place in a list": r"(?m)^\s*\d+\.\s",
}
NUMBER = re.compile(r"[-+−]?(?:\d[\d,]*)?\.?\d+(?: ?%)?")
WORDS = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|twice|"
    r"thrice|half)\b",
    re.I,
)
VERDICTS = re.compile(
    r"\b(?:replicat(?:ed|es)|contradict(?:ed|s)|cannot tell|does not hold|do not hold|inconclusive|"
    r"excludes the published size|fails? (?:its|their) calibration)\b",
    re.I,
)


class Typed(NamedTuple):
    """Something typed where a cell should stand: line of the text, what, and the words around it."""

    line: int
    what: str
    around: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what!r} in “{self.around}”"


def typed(text: str) -> list[Typed]:
    """Return the numbers, words for numbers and verdicts of a template that come from no cell.

    Parameters
    ----------
    text
        A template, or prose without cells.

    Returns
    -------
    In the order of the text. Numbers inside a cell count as well, since a cell names its source by words.
    """
    parsed = Environment().parse(text)
    found = [
        Typed(node.lineno, str(node.value), "a cell")
        for node in parsed.find_all(nodes.Const)
        if _is_number(node.value)
    ]
    found += [
        Typed(node.lineno, str(node.value), "a cell")
        for output in parsed.find_all(nodes.Output)
        for node in output.nodes
        if isinstance(node, nodes.Const)
    ]
    for output in parsed.find_all(nodes.Output):
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                found += _in_prose(node.data, node.lineno)
    return sorted(set(found))


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float)


def _in_prose(text: str, line: int) -> Iterator[Typed]:
    for allowed in ALLOWED.values():
        text = re.sub(allowed, lambda found: re.sub(r"[^\n]", "·", found[0]), text, flags=re.S)
    for pattern in (NUMBER, WORDS, VERDICTS):
        for match in pattern.finditer(text):
            start = max(match.start() - 25, 0)
            around = " ".join(text[start : match.end() + 25].split())
            yield Typed(line + text.count("\n", 0, match.start()), match[0], around)
