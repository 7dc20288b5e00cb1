"""SHA-256 in hexadecimal: of what is in memory, of a stream, of a file."""

import hashlib
from io import BufferedIOBase
from pathlib import Path


def sha256(content: bytes | memoryview | str) -> str:
    """Return the digest of bytes, or of a text in UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def stream_sha256(stream: BufferedIOBase) -> str:
    """Return the digest of what a stream still holds, read piece by piece."""
    return hashlib.file_digest(stream, "sha256").hexdigest()


def file_sha256(path: Path) -> str:
    """Return the digest of a file's content.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open("rb") as stream:
        return stream_sha256(stream)
