"""Datasets as declared in config/datasets.yaml: what, which version, from where, under which terms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from replicortex.errors import StudyError, nearest
from replicortex.schema import PositiveInt, Section

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class File(Section):
    """One file of a dataset."""

    sha256: Sha256 | None = None
    size: PositiveInt | None = Field(default=None, description="bytes")
    md5: str | None = None
    url: str | None = None


class Source(Section):
    """Where a dataset comes from."""

    kind: Literal["urls", "git", "packed", "user", "fixture"]
    url: str | None = Field(default=None, description="git repository or page")
    commit: str | None = None
    listing: str | None = Field(default=None, description="table of files: path, size, sha256")
    url_prefix: str | None = Field(default=None, description="leads to each file of the listing")
    digest: Sha256 | None = Field(default=None, description="of the decoded content")
    recipe: str | None = Field(default=None, description="package.module:function that packs")
    generator: str | None = Field(default=None, description="package.module:function that makes it")
    arguments: dict[str, Any] = Field(default={})


class Citation(Section):
    """How to cite a dataset."""

    key: str
    bibtex: str


class Dataset(Section):
    """One dataset."""

    title: str
    version: str
    source: Source
    files: dict[str, File] = Field(default={})
    licence: str
    citation: Citation | None = None
    obtain: str = Field(default="", description="where to get it, under which terms")

    @property
    def kind(self) -> str:
        """Kind of source."""
        return self.source.kind


def load(path: Path) -> dict[str, Dataset]:
    """Return all declared datasets by name.

    Raises
    ------
    StudyError
        When an entry has an unknown key, or lacks one.
    """
    with path.open() as stream:
        entries = yaml.safe_load(stream) or {}
    return {name: _dataset(path, name, entry) for name, entry in entries.items()}


def _dataset(path: Path, name: str, entry: Any) -> Dataset:
    try:
        declared = Dataset.model_validate(entry)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in (name, *fault["loc"]))
        valid = {"source": Source, "files": File, "citation": Citation}
        owner = valid.get(str(fault["loc"][0]), Dataset) if len(fault["loc"]) > 1 else Dataset
        near = nearest(str(fault["loc"][-1]), owner.model_fields)
        what = f"unknown key{near}" if fault["type"] == "extra_forbidden" else fault["msg"]
        raise StudyError(f"config/{path.name}: {key}: {what}") from None
    if declared.source.listing is None:
        return declared
    files = dict(_listed(path.parent / declared.source.listing, declared.source.url_prefix or ""))
    return declared.model_copy(update={"files": {**declared.files, **files}})


def _listed(listing: Path, prefix: str) -> Iterator[tuple[str, File]]:
    with listing.open() as stream:
        next(stream)  # the heading
        for line in stream:
            name, size, digest = line.rstrip("\n").split("\t")
            yield name, File(size=int(size), sha256=digest, url=prefix + name if prefix else None)


def missing_user_data(name: str, entry: Dataset, folder: Path | None) -> StudyError:
    """Return the error for licensed data that the user has not placed yet."""
    found = f"the folder {folder} does not exist" if folder else "no folder is given"
    return StudyError(
        f"config/config.yaml: user_data.{name}: {found}; {entry.title} is not redistributable: "
        f"{entry.obtain.strip().rstrip('.')} (terms: {entry.licence}), then set "
        f"user_data: {{{name}: /your/folder}}"
    )
