"""Notes that only save work: whatever is wrong with one, it is taken for absent and made anew.

Each is sealed with a key that its user's own folder of caches holds, outside the study: a note that
somebody else wrote, or that came with a copied folder, is none.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from replicortex.core.files import canonical_json, write_bytes

KEY_BYTES = 32


def recall(path: Path) -> dict[str, Any]:
    """Return what was noted; nothing when the file is absent, damaged, of something or somebody else."""
    key = _key()
    if key is None:
        return {}
    try:
        seal, _, content = path.read_bytes().partition(b"\n")
        if not hmac.compare_digest(seal, _seal(key, content)):
            return {}
        noted = json.loads(content)
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def remember(path: Path, notes: dict[str, Any]) -> None:
    """Write notes under their seal, on the first line; nothing where there is no place for the key.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    key = _key()
    if key is None:
        return
    content = canonical_json(notes).encode()
    write_bytes(path, _seal(key, content) + b"\n" + content)


def _seal(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).hexdigest().encode()


def _key() -> bytes | None:
    """Return the user's key, made at first use; None where no folder of caches can hold one.

    One inside the study would come along with a copy of it.
    """
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        path = caches.resolve() / "replicortex/key"
        if path.is_relative_to(Path.cwd().resolve()):
            return None
        if not path.exists() or path.stat().st_size != KEY_BYTES:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)  # its owner alone may read it
            with os.fdopen(handle, "wb") as stream:
                stream.write(secrets.token_bytes(KEY_BYTES))
            Path(name).replace(path)
        return path.read_bytes()
    except (OSError, RuntimeError):  # no home
        return None
