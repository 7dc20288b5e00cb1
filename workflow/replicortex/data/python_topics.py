"""English text that comes with Python: the topics of its documentation (pydoc_data/topics.py)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError

FILE = "topics.py"


def read(manifest: Path) -> list[str]:
    """Return the topics' texts in the file's order, runs of white space as one space.

    The file is parsed as a literal, never run.
    """
    path = manifests.load(manifest).path(FILE)
    try:
        topics = next(
            ast.literal_eval(node.value)
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign)
        )
        return [re.sub(r"\s+", " ", text).strip() for text in topics.values()]
    except (SyntaxError, ValueError, StopIteration, AttributeError) as error:
        raise StudyError(f"{path}: holds no dictionary of topics ({error})") from None


def passages(texts: list[str], length: int) -> list[str]:
    """Return pieces of exactly `length` ASCII characters, none across two texts."""
    ascii_only = [text.encode("ascii", "ignore").decode() for text in texts]
    return [
        text[at : at + length]
        for text in ascii_only
        for at in range(0, len(text) - length + 1, length)
    ]
