"""The decoded sources, opened."""

from __future__ import annotations

import json
from pathlib import Path

from replicortex.data.frames import Store, open_store


def stores(shards: list[Path]) -> dict[str, Store]:
    """Return the store of each source, from the shards of all."""
    from safetensors import safe_open

    files: dict[str, list[Path]] = {}
    for path in shards:
        with safe_open(path, framework="numpy") as stream:
            source = json.loads(stream.metadata()["replicortex"])["source"]
        files.setdefault(source, []).append(path)
    return {source: open_store(paths) for source, paths in files.items()}
