"""A dataset's manifest: which dataset, which commit, which files; and where those files lie.

`data/manifests/<name>@<content>.json` is the same bytes on every machine. The dataset itself lies at
`data/<name>`, or, for licensed data that stay where the user put them, behind the link
`data/<name>.user`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import reading

INSTALL = "delete it, if it is there, and run `snakemake datasets` to install the dataset"


@dataclass(frozen=True)
class FileEntry:
    """One file: its annex key, size in bytes and sha256."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """A dataset at one version."""

    name: str
    version: str
    id: str
    commit: str
    synthetic: bool
    files: dict[str, FileEntry]
    folder: Path  # that holds manifests/, the datasets and links to user data

    def path(self, file: str) -> Path:
        """Return where a file can be read.

        Raises
        ------
        StudyError
            When the dataset has no such file, or it is absent, of another size or version.
        """
        if file not in self.files:
            raise StudyError(
                f"dataset {self.name}: has no file '{file}'{nearest(file, self.files)}"
            )
        annexed, user = self.folder / self.name / file, self.folder / f"{self.name}.user"
        again = f"delete manifests/{self.name}@*.json and run `snakemake datasets` to get it again"
        if annexed.is_symlink() and annexed.readlink().name != self.files[file].key:
            raise StudyError(
                f"{annexed}: is of another version of dataset {self.name} than its manifest says "
                f"({annexed.readlink().name} found, {self.files[file].key} expected); {again}"
            )
        place = user / file if user.is_symlink() else annexed
        if not place.is_file():
            raise StudyError(f"{place}: absent, though dataset {self.name} was installed; {again}")
        size = place.stat().st_size
        if size != self.files[file].size:
            raise StudyError(
                f"{place}: {size} bytes found, {self.files[file].size} expected; the file was changed"
            )
        return place


def load(path: Path) -> Manifest:
    """Return the manifest that a file describes.

    Raises
    ------
    StudyError
        When the file is no manifest.
    """
    with reading(path, "a dataset's manifest (JSON)", INSTALL):
        content = json.loads(path.read_text())
        listed = content.pop("files")
        if isinstance(listed, str):  # too long for one file: the list lies beside
            listed = json.loads(_checked(path.parent / listed))
        files = {name: FileEntry(**entry) for name, entry in listed.items()}
        found = Manifest(**content, files=files, folder=path.parent.parent)
        if not isinstance(found.name, str) or not isinstance(found.synthetic, bool):
            raise StudyError(f"{path}: is no manifest of a dataset: no name, or synthetic no flag")
        return found


def _checked(listed: Path) -> bytes:
    """Return a list of files, which is named by its own sha256: `<name>.files-<sha256>.json`."""
    with reading(listed, "a list of a dataset's files", INSTALL):
        content = listed.read_bytes()
    found = sha256(content)
    if listed.stem.rpartition("-")[2] != found[:16]:
        raise StudyError(f"{listed}: was changed after it was written (its sha256 is {found})")
    return content
