"""Folders of pages: written beside their place, and put there when they are complete."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from replicortex.core.errors import StudyError

MARK = "style.css"  # in every folder of pages


@contextmanager
def fresh(target: Path, what: str) -> Iterator[Path]:
    """Give an empty folder to write to; it takes the place of `target` when all went well.

    Parameters
    ----------
    target
        Pages that were there are replaced; a folder of anything else is left alone.
    what
        The command, for the sentence of an error.

    Raises
    ------
    StudyError
        The place holds something else than pages.
    """
    if target.exists() and not target.is_dir():
        raise StudyError(f"{what}: {target} is a file; name a folder")
    if target.exists() and any(target.iterdir()) and not (target / MARK).exists():
        raise StudyError(f"{what}: {target} holds something else; name a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        yield folder
        if target.exists():
            shutil.rmtree(target)
        folder.chmod(0o755)
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
