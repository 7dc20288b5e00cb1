"""How a reader says which files it opens; apart from how they are looked for, on which no job depends."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

# A file that a reader opens: its path in the dataset, or several of which one will do. `*`, `?` and `[...]`
# stand for what they stand for in a shell, within one part of the path; `**/` at its beginning for any
# folder.
Needed = tuple[str, ...]
ANYWHERE = "**/"


class Names(Protocol):
    """A folder as it is seen by the names in it."""

    path: Path

    def find(self, needed: Needed) -> str | None:
        """Return where a file lies, under the first of its names that is there."""

    def matching(self, pattern: str) -> list[str]:
        """Return the files that a pattern without `**/` stands for."""
