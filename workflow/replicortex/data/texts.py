"""English text: the documentation topics that come with Python, or WikiText-2 (Merity et al. 2016).

The topics are `pydoc_data/topics.py`, a dictionary of texts; WikiText-2 is the raw version's Parquet
tables, one line of an article per row.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from replicortex.core.errors import StudyError
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests
from replicortex.data.needed import Needed

TOPICS = "pydoc_data/topics.py"
WIKITEXT = tuple(
    f"wikitext-2-raw-v1/{part}-00000-of-00001.parquet" for part in ("train", "validation", "test")
)


def expected() -> list[Needed]:
    """Return the files of WikiText-2 that `read` opens; the topics come with Python."""
    return [(name,) for name in WIKITEXT]


def read(manifest: Path) -> list[str]:
    """Return texts in the files' order, runs of white space as one space.

    Raises
    ------
    StudyError
        When the dataset holds neither kind of file, or one that is damaged.
    """
    dataset = manifests.load(manifest)
    if TOPICS in dataset.files:
        texts = _topics(dataset.path(TOPICS))
    elif WIKITEXT[0] in dataset.files:
        texts = [text for name in WIKITEXT for text in _articles(dataset.path(name))]
    else:
        raise StudyError(
            f"{manifest}: dataset {dataset.name} holds no text; {TOPICS} or {WIKITEXT[0]} expected"
        )
    return [re.sub(r"\s+", " ", text).strip() for text in texts]


def _topics(path: Path) -> list[str]:
    """Return the texts of a dictionary that is parsed as a literal, never run."""
    with reading(path, "a dictionary of topics, as Python writes it"):
        found = [
            ast.literal_eval(node.value)
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign)
        ]
        topics = found[0] if found else None
        if not isinstance(topics, dict) or not all(isinstance(t, str) for t in topics.values()):
            raise ValueError("it assigns no dictionary of texts")
        return list(topics.values())


def _articles(path: Path) -> list[str]:
    """Return articles: a line such as ` = Title = ` begins one."""
    import pandas as pd

    with reading(path, "a table with a column 'text' (Parquet)"):
        lines = pd.read_parquet(path, columns=["text"])["text"]
        odd = [line for line in lines if not isinstance(line, str)]
        if odd:
            raise ValueError(f"'{odd[0]}' is no line of text")
    articles: list[list[str]] = [[]]
    for line in lines:
        if re.fullmatch(r"\s*= [^=].*[^=] =\s*", line):
            articles.append([])
        articles[-1].append(line)
    return ["".join(article) for article in articles if any(article)]


def passages(texts: list[str], length: int) -> list[str]:
    """Return pieces of exactly `length` ASCII characters, none across two texts."""
    ascii_only = [text.encode("ascii", "ignore").decode() for text in texts]
    return [
        text[at : at + length]
        for text in ascii_only
        for at in range(0, len(text) - length + 1, length)
    ]
