"""Manifests of datasets: of those that tests put into a folder, and of those that are installed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


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


def installed(
    data: Path,
    name: str,
    entry: dict[str, Any],
    mirror: Path | None = None,
    user_folder: Path | None = None,
    file: str | None = None,
) -> Path:
    """Install a dataset as the study does, write its manifest as the runner does, and return it."""
    from replicortex.core.files import canonical_json
    from replicortex.data.install import install

    made = install(name=name, entry=entry, data=data, mirror=mirror, user_folder=user_folder)
    path = data / "manifests" / (file or f"{name}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(canonical_json(made["manifest"], indent=1))
    return path


def from_package(data: Path, name: str, mirror: Path | None) -> Path:
    """Install a declared dataset out of its package, from the mirror or by the user's installer.

    The test is skipped where neither has the package.
    """
    import pytest

    from replicortex.core.errors import StudyError
    from replicortex.data.declared import load

    declared = load(Path(__file__).parents[1] / "config/datasets.yaml")[name]
    try:
        return installed(data, name, declared.model_dump(mode="json"), mirror)
    except StudyError as error:
        if "could not be fetched" not in str(error):
            raise
        pytest.skip(str(error))
