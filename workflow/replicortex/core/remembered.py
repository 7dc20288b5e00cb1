"""Notes that only save work: whatever is wrong with one, it is taken for absent and made anew."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from replicortex.core.files import canonical_json, write_bytes


def recall(path: Path) -> dict[str, Any]:
    """Return what was noted; nothing when the file is absent, damaged or of something else."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return {}
        noted = json.loads(content)
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def remember(path: Path, notes: dict[str, Any]) -> None:
    """Write notes under their own sha256, on the first line.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    content = canonical_json(notes).encode()
    write_bytes(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
