"""The decoded sources, opened."""

from __future__ import annotations

from pathlib import Path

from replicortex.core.files import read_tensors
from replicortex.data.frames import Store, open_store


def stores(shards: list[Path]) -> dict[str, Store]:
    """Return the store of each source, from the shards of all."""
    files: dict[str, list[Path]] = {}
    for path in shards:
        _, described = read_tensors(path, [])
        source = described["source"]
        files.setdefault(source, []).append(path)
    return {source: open_store(paths) for source, paths in files.items()}
