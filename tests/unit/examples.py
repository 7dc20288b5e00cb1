"""Examples in Markdown: blocks of code, each with what it prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """Code, and what it prints, or None where the page does not say."""

    code: str
    said: str | None


def examples(page: Path, language: str) -> list[Example]:
    """Return a page's blocks of a language, in their order."""
    found = BLOCK.findall(page.read_text())
    return [Example(code, said or None) for name, code, said in found if name == language]
