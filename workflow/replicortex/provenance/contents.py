"""Hashes of many files at once, remembered as long as a file's size, times and inode stay."""

from __future__ import annotations

import lzma
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from replicortex.core.digests import file_sha256, stream_sha256
from replicortex.core.remembered import recall, remember
from replicortex.provenance import packed

BROKEN = "broken"
CACHE = Path("results/.hashes.json")
# A file changed within this time of being hashed may change again without a change of its times.
SETTLED_S = 2.0


def content_sha256(path: Path) -> str | None:
    """Return the sha256 of a result's content, kept compressed or not; None when it is absent."""
    place = packed.held(path)
    if place is None:
        return None
    if place.suffix != packed.SUFFIX:
        return file_sha256(place)
    try:
        with lzma.open(place) as stream:
            return stream_sha256(stream)
    except (OSError, EOFError, lzma.LZMAError):  # a compressed copy that does not unpack
        return BROKEN


def content_bytes(path: Path) -> int | None:
    """Return the size of a result's content in bytes, kept compressed or not; None when absent."""
    place = packed.held(path)
    if place is None:
        return None
    if place.suffix != packed.SUFFIX:
        return place.stat().st_size
    with lzma.open(place) as stream:
        return stream.seek(0, os.SEEK_END)


class Hashes:
    """Hashes of contents, each file read once in one check, several at a time.

    Parameters
    ----------
    cache
        Where hashes are remembered between checks; None distrusts all that was remembered. A
        hash is taken from there as long as size, inode, time of change of the content and time of
        change of the file's facts (which no program can set back) are the same.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self.cache = cache
        self.bytes_read = 0
        self.remembered = 0  # files that were not read
        self._known: dict[tuple[Path, bool], str | None] = {}
        self._kept: dict[str, list[Any]] = {}
        if cache is not None:
            self._kept = recall(cache)

    def fill(self, paths: Iterable[Path], raw: bool = False) -> None:
        """Hash files side by side; threads suffice, since hashing leaves the interpreter free."""
        wanted = [path for path in dict.fromkeys(paths) if (path, raw) not in self._known]
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for path, found in zip(wanted, pool.map(lambda p: self._hash(p, raw), wanted)):  # noqa: B905
                self._known[path, raw] = found

    def of(self, path: Path, raw: bool = False) -> str | None:
        """Return the sha256 of a result's content; None when it is absent, BROKEN if unreadable.

        Parameters
        ----------
        path
            The file.
        raw
            Whether to hash it as it is: an archive is not unpacked.
        """
        if (path, raw) not in self._known:
            self._known[path, raw] = self._hash(path, raw)
        return self._known[path, raw]

    def _hash(self, path: Path, raw: bool) -> str | None:
        """Return the sha256 of a file, or (not `raw`) of what it holds unpacked."""
        place = path if raw else packed.held(path)
        if place is None or not place.is_file():
            return None
        before = _facts(place)
        name = f"{'raw' if raw else 'content'} {place}"
        kept = self._kept.get(name)
        if isinstance(kept, list) and kept[:-1] == before:
            self.remembered += 1
            digest: str | None = kept[-1]
            return digest
        found = file_sha256(place) if raw else content_sha256(path)
        self.bytes_read += before[0]
        if found is not None and _facts(place) == before and _settled(before):
            self._kept[name] = [*before, found]
        return found

    def remember(self) -> None:
        """Write the cache; where the folder cannot be written nothing is remembered."""
        if self.cache is None or not self.cache.parent.is_dir():
            return
        try:
            remember(self.cache, self._kept)
        except OSError:
            return


def _facts(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev]


def _settled(facts: list[int]) -> bool:
    return time.time_ns() - max(facts[1], facts[2]) > SETTLED_S * 1e9
