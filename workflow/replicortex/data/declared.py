"""Datasets as declared in config/datasets.yaml: what, which version, from where, under which terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from replicortex.core.codehash import ROOT, Reader, code_hash, read_from
from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import canonical_json
from replicortex.core.known_code import known_code
from replicortex.core.schema import PositiveInt
from replicortex.core.section import Section
from replicortex.core.validation import validate
from replicortex.core.yaml_text import read_yaml_file
from replicortex.data.needed import ANYWHERE, Needed
from replicortex.data.placed import Folder, absent, in_words

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
Function = Annotated[str, Field(pattern=r"^[a-z_][\w.]*:[a-z_]\w*$")]
Words = Annotated[str, Field(min_length=1)]
PackageName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$")]
Release = Annotated[str, Field(pattern=r"^\d[\w.!+]*$")]

NEEDED = {  # keys of `source` by kind
    "urls": (),
    "git": ("url", "commit"),
    "packed": ("url", "commit", "recipe", "digest"),
    "user": ("url",),
    "package": ("name", "version", "sha256", "size"),
    "fixture": ("generator",),
}


def _is_none(value: object) -> bool:
    return value is None


class File(Section):
    """One file of a dataset."""

    sha256: Sha256 | None = None
    size: PositiveInt | None = Field(default=None, description="bytes")
    md5: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    url: str | None = None


class Source(Section):
    """Where a dataset comes from."""

    kind: Literal["urls", "git", "packed", "user", "package", "fixture"]
    url: str | None = Field(default=None, description="git repository or page")
    commit: Commit | None = None
    listing: str | None = Field(default=None, description="table of files: path, size, sha256")
    url_prefix: str | None = Field(default=None, description="leads to each file of the listing")
    include: list[str] = Field(
        default=[], description="patterns of the user's files that count, all unless given"
    )
    about: Words | None = Field(
        default=None,
        exclude_if=_is_none,
        description="size of the user's files, and how it is known",
    )
    digest: Sha256 | None = Field(default=None, description="of the decoded content")
    recipe: Function | None = Field(default=None, description="function that packs")
    generator: Function | None = Field(default=None, description="function that makes it")
    arguments: dict[str, Any] = Field(default={}, description="of the generator")
    # Left out where there is none, so that other datasets' manifests keep their names.
    name: PackageName | None = Field(
        default=None, exclude_if=_is_none, description="of the package, as an installer knows it"
    )
    version: Release | None = Field(default=None, exclude_if=_is_none, description="of the package")
    sha256: Sha256 | None = Field(default=None, exclude_if=_is_none, description="of its wheel")
    size: PositiveInt | None = Field(
        default=None, exclude_if=_is_none, description="of its wheel, bytes"
    )


class Citation(Section):
    """How to cite a dataset."""

    key: Words
    bibtex: Annotated[str, Field(pattern=r"^@\w+\{")]


class Dataset(Section):
    """One dataset."""

    title: Words
    version: Words
    source: Source
    files: dict[str, File] = Field(default={})
    licence: Words
    citation: Citation | None = None
    obtain: str = Field(default="", description="where to get it, under which terms")
    card: Words | None = Field(
        default=None,
        exclude_if=_is_none,
        description="of a trained network: what it is, what it learned from, what nobody states",
    )

    @property
    def kind(self) -> str:
        """Kind of source."""
        return self.source.kind

    @model_validator(mode="after")
    def _complete(self) -> Dataset:
        """Refuse an entry that lacks what its kind needs.

        Raises
        ------
        ValueError
            Naming the key.
        """
        kind = self.source.kind
        for key in NEEDED[kind]:
            if not getattr(self.source, key):
                raise ValueError(f"source.{key} is missing, which kind '{kind}' needs")
        if kind != "fixture" and not self.obtain:
            raise ValueError("obtain is missing: say where to get it, under which terms")
        if kind == "package" and not self.card:
            raise ValueError("card is missing: say what the package's file is, and of what origin")
        if kind in ("urls", "git", "packed", "package") and not (self.files or self.source.listing):
            raise ValueError(f"files (or source.listing) is missing, which kind '{kind}' needs")
        for path, file in self.files.items():
            if _leads_out(path):
                raise ValueError(f"files.{path} leads out of the dataset")
            if kind in ("urls", "packed", "package") and not (file.sha256 and file.size):
                raise ValueError(f"files.{path} needs its sha256 and size")
        return self


def load(path: Path) -> dict[str, Dataset]:
    """Return all declared datasets by name.

    A fixture's version grows a tail that follows from its generator and arguments, so that what
    reads it runs again when either changes.

    Raises
    ------
    StudyError
        When an entry has an unknown key, lacks one, or is declared twice.
    """
    where = f"config/{path.name}"
    entries = read_yaml_file(path, where) or {}
    if not isinstance(entries, dict):
        raise StudyError(f"{where}: names of datasets with their declarations expected")
    read = cache(read_from(ROOT))  # generators share most of their modules
    return {
        name: _dataset(path, f"{where}: {name}", entry, read) for name, entry in entries.items()
    }


def _dataset(path: Path, where: str, entry: Any, read: Reader) -> Dataset:
    declared = validate(Dataset, entry, where)
    if declared.kind == "fixture":
        return declared.model_copy(update={"version": _fixture_version(where, declared, read)})
    if declared.source.listing is None:
        return declared
    listed = dict(_listed(path.parent / declared.source.listing, declared.source.url_prefix))
    return declared.model_copy(update={"files": {**declared.files, **listed}})


def _fixture_version(where: str, declared: Dataset, read: Reader) -> str:
    """Return a fixture's version with a tail that follows from generator, arguments and code.

    Raises
    ------
    StudyError
        When there is no such generator.
    """
    source = declared.source
    module = str(source.generator).partition(":")[0]
    try:
        code = code_hash(module, read, known_code())
    except ModuleNotFoundError:
        raise StudyError(
            f"{where}: source.generator: no module '{module}' in this repository"
        ) from None
    made_by = canonical_json([source.generator, source.arguments, code])
    return f"{declared.version}-{sha256(made_by)[:10]}"


def _leads_out(path: str) -> bool:
    """Whether a file of a dataset would lie outside it, or be its folder."""
    return path.startswith("/") or bool({"", ".", ".."} & set(path.split("/")))


def _listed(listing: Path, prefix: str | None) -> Iterator[tuple[str, File]]:
    """Yield the files of a listing, a table (path, size in bytes, sha256) with a heading.

    Raises
    ------
    StudyError
        Naming the line that is none, or whose file would lie outside the dataset.
    """
    where = f"config/{listing.parent.name}/{listing.name}"
    try:
        lines = listing.read_text().splitlines()
    except FileNotFoundError:
        raise StudyError(f"{where}: the listing of files is absent") from None
    for number, line in enumerate(lines[1:], start=2):  # after the heading
        try:
            name, size, digest = line.split("\t")
            url = f"{prefix}{name}" if prefix else None
            file = File(size=int(size), sha256=digest, url=url)
        except ValueError:  # pydantic's is one too
            raise StudyError(
                f"{where}: line {number}: path, size and sha256 expected, found '{line[:80]}'"
            ) from None
        if _leads_out(name):
            raise StudyError(f"{where}: line {number}: {name} leads out of the dataset")
        yield name, file


def missing_user_data(
    name: str, entry: Dataset, folder: Path | None, files: Sequence[str] = ()
) -> StudyError:
    """Return the error for licensed data that the user has not placed yet, or lacks files of."""
    return StudyError(
        f"config/config.yaml: user_data.{name}: {what_is_wrong(folder, files)}; {entry.title}: too "
        f"large or not redistributable, so get it yourself: {obtaining(entry)} ({entry.source.url}; "
        f"terms: {entry.licence}), then set user_data: {{{name}: /your/folder}}"
    )


def what_is_wrong(folder: Path | None, files: Sequence[str]) -> str:
    """Return what is wrong with a user's folder, as a part of a sentence."""
    if folder is None:
        return "no folder is given"
    if not folder.is_dir():
        return f"the folder {folder} does not exist"
    return f"the folder {folder} lacks {in_words(files)}"


def obtaining(declared: Dataset) -> str:
    """Return how a person gets the dataset, as a part of a sentence."""
    return declared.obtain.strip().rstrip(".")


def lacking(
    declared: Dataset,
    folder: Path | None,
    needed: Callable[[Folder], list[Needed]],
    most: int | None,
) -> list[str] | None:
    """Return which files a licensed dataset lacks; None if nothing.

    Parameters
    ----------
    folder
        Where the user says that it lies.
    needed
        What its readers open; the declared patterns are looked for as well.
    most
        As `Folder` takes it.
    """
    seen = Folder(folder or Path(), most)
    if folder is None or not folder.is_dir():
        return []
    patterns = [(f"{ANYWHERE}{pattern}",) for pattern in declared.source.include]
    files = [(name,) for name in declared.files]
    return absent(seen, [*needed(seen), *files, *patterns]) or None
