"""Whether a folder of the user's holds what a dataset's readers open: names are looked at, no content.

Each reader says what it opens (`expected`, beside it), so that the check before a run and the reader
within it know the same files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from replicortex.data.needed import ANYWHERE, Needed

SHOWN = 2  # absent files that a sentence names


class Folder:
    """A folder as it is seen by the names in it, each part of it listed once.

    Parameters
    ----------
    path
        The folder; one that does not exist holds nothing.
    most
        Names that are looked at for a file that may lie anywhere; where there are more, it counts as
        there, since nothing can be said. None looks at all.
    """

    def __init__(self, path: Path, most: int | None = None):
        self.path, self.most = path, most
        self._listed: dict[str, dict[str, bool]] = {}
        self._below: list[str] | None = None
        self.all_seen = True

    def find(self, needed: Needed) -> str | None:
        """Return where a file lies, under the first of its names that is there."""
        for name in needed:
            at_top = name.removeprefix(ANYWHERE)
            found = next(self._matches("", at_top.split("/")), None)
            if found is None and at_top != name:
                inside = f"*/{at_top}"
                found = next((p for p in self._everything() if fnmatchcase(p, inside)), None)
            if found is not None:
                return found
        return None

    def holds(self, needed: Needed) -> bool:
        """Whether a file is there, or may be in what was not looked at."""
        return self.find(needed) is not None or not self.all_seen

    def matching(self, pattern: str) -> list[str]:
        """Return the files that a pattern without `**/` stands for."""
        return sorted(self._matches("", pattern.split("/")))

    def _matches(self, folder: str, parts: list[str]) -> Iterator[str]:
        """Yield the files below a folder whose path's parts match, part by part."""
        first, *rest = parts
        listed = self._names(folder)
        plain = not set(first) & set("*?[")
        for name in [first] if plain else listed:
            if name not in listed or not (plain or fnmatchcase(name, first)):
                continue
            path = f"{folder}{name}"
            if rest and listed[name]:
                yield from self._matches(f"{path}/", rest)
            elif not rest and not listed[name]:
                yield path

    def _names(self, folder: str) -> dict[str, bool]:
        """Return what a folder holds, and which of it are folders; links count as what they lead to."""
        if folder not in self._listed:
            try:
                with os.scandir(self.path / folder) as entries:
                    found = {entry.name: entry.is_dir() for entry in entries}
            except OSError:
                found = {}
            self._listed[folder] = found
        return self._listed[folder]

    def _everything(self) -> list[str]:
        """Return all files, or as many as are looked at."""
        if self._below is None:
            self._below = []
            waiting, seen = [""], 0
            places = set()
            while waiting:
                folder = waiting.pop()
                place = os.path.realpath(self.path / folder)
                if folder.endswith(".git/") or place in places:
                    continue
                places.add(place)
                for name, is_folder in self._names(folder).items():
                    seen += 1
                    if is_folder:
                        waiting.append(f"{folder}{name}/")
                    else:
                        self._below.append(f"{folder}{name}")
                if self.most is not None and seen > self.most:
                    self.all_seen = False
                    break
        return self._below


def absent(folder: Folder, needed: Iterable[Needed]) -> list[str]:
    """Return the files that a folder lacks, each by the first of its names."""
    return list(
        dict.fromkeys(one[0].removeprefix(ANYWHERE) for one in needed if not folder.holds(one))
    )


def in_words(files: Sequence[str]) -> str:
    """Return absent files as a part of a sentence: some by name, the others counted."""
    named = ", ".join(f"'{file}'" for file in files[:SHOWN])
    more = len(files) - SHOWN
    return f"{named} and {more} more" if more > 0 else named
