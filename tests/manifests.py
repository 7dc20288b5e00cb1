"""Manifests of datasets that tests put into a folder, in place of an installation."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def described(folder: Path, data: Path | None = None, synthetic: bool = True) -> Path:
    """Write the manifest of all files of a dataset, and return it.

    Parameters
    ----------
    folder
        The dataset, which bears its name.
    data
        The folder of datasets that gets the manifest; the one that `folder` lies in, without it.
    synthetic
        Whether the data were made up.
    """
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        entry = {"key": digest, "size": len(content), "sha256": digest}
        files[path.relative_to(folder).as_posix()] = entry
    about = {"name": folder.name, "version": "1", "id": "i", "commit": "c", "synthetic": synthetic}
    manifest = (data or folder.parent) / "manifests" / f"{folder.name}@0.json"
    manifest.parent.mkdir(exist_ok=True)
    manifest.write_text(json.dumps({**about, "files": files}))
    return manifest


def mirrored(mirror: Path, data: Path, name: str) -> Path:
    """Link a dataset of the mirror into a folder, and return its manifest."""
    (data / name).symlink_to(mirror / name)
    return described(data / name, synthetic=False)
