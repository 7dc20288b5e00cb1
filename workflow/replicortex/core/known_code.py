"""What code hashes need of each source, remembered from plan to plan: a sixth of a plan's time."""

from __future__ import annotations

import atexit
import sys
from functools import cache
from pathlib import Path
from typing import Any

from replicortex.core import codehash
from replicortex.core.digests import file_sha256, sha256
from replicortex.core.remembered import recall, remember

# In the engine's own folder; where that is not, nothing is remembered.
FILE = Path(".snakemake/code.json")


class KnownCode:
    """Analyses of sources, each made once as long as its content stays, and the code that makes it.

    Parameters
    ----------
    file
        Where they are remembered, under their user's seal.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.new = 0  # sources that were parsed
        by = (codehash.__file__, __file__)
        self._made_by = " ".join([*(file_sha256(Path(file)) for file in by), sys.version])
        noted = recall(file)
        self._kept: dict[str, list[Any]] = {}
        if noted.get("made by") == self._made_by:
            self._kept = noted["sources"]

    def __call__(self, path: str, source: bytes) -> codehash.Source:
        """Return what `codehash.analysed` says of a source."""
        digest = sha256(source)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == digest:
            _, with_words, without, imported, reads_words = kept
            return codehash.Source(with_words, without, tuple(imported), reads_words)
        one = codehash.analysed(path, source)
        self.new += 1
        self._kept[path] = [digest, one.with_words, one.without, one.imported, one.reads_words]
        return one

    def keep(self) -> None:
        """Write what was new; where the folder cannot be written nothing is remembered."""
        if not self.new or not self.file.parent.is_dir():
            return
        try:
            remember(self.file, {"made by": self._made_by, "sources": self._kept})
        except OSError:
            return


@cache
def known_code() -> KnownCode:
    """Return those of this process, kept when it ends."""
    known = KnownCode(FILE.absolute())
    atexit.register(known.keep)
    return known
