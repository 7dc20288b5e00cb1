"""The files that a run has to have: a list of their names beside it, so that a deletion shows.

A run's list is written whenever the workflow ends well and names what its rules ask for: figures, tables,
scorecards. A kept run's list is written when it is kept and holds the sha256 of each file. Each list ends
with its own sha256.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import canonical_json, write_bytes
from replicortex.provenance import packed, records
from replicortex.provenance.contents import Hashes

NAME = ".files.json"
KEPT = records.KEPT


def unit(path: Path) -> Path | None:
    """Return the folder whose list names a result: its run's, or the kept paper's; None outside."""
    here = Path.cwd() if path.is_absolute() else Path()
    parts = path.relative_to(here).parts if path.is_relative_to(here) else ()
    deep = 3 if parts[:2] == KEPT else 2
    return Path(here, *parts[:deep]) if parts[:1] == KEPT[:1] and len(parts) >= deep else None


def is_kept(unit: Path) -> bool:
    """Whether a folder is that of a kept run."""
    return unit.parent.parts[-2:] == KEPT


def units(folder: Path) -> list[Path]:
    """Return the folders that have, or should have, a list and lie around or below a folder."""
    own = unit(folder)
    if own is not None:
        return [own]
    if folder.name not in KEPT or not folder.is_dir():
        return []
    below = (path for path in sorted(folder.iterdir()) if path.is_dir())
    return [one for path in below if not path.name.startswith(".") for one in units(path)]


def read(folder: Path) -> dict[str, str | None] | None:
    """Return the names that a folder's list has, with the sha256 of kept ones; None without a list.

    Raises
    ------
    StudyError
        When the list was changed after it was written.
    """
    path = folder / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:  # a folder in its place
        content = b""
    try:
        files: dict[str, str | None] = json.loads(content)["files"]
        if content != _text(files) or (is_kept(folder) and None in files.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise StudyError(f"{path}: the list of files was changed after it was written") from None
    return files


def _text(files: Mapping[str, str | None]) -> bytes:
    content = {"files": dict(files), "sha256": sha256(canonical_json(files))}
    return (canonical_json(content, indent=1) + "\n").encode()


def write(folder: Path, files: Mapping[str, str | None]) -> Path:
    """Write the list of a folder.

    Parameters
    ----------
    folder
        Of a run, or of a kept paper.
    files
        The sha256 of each file, None where it may change, by its path from there.
    """
    write_bytes(folder / NAME, _text(files))
    return folder / NAME


def note(run: Path, wanted: Iterable[str | Path]) -> None:
    """Write a run's list at the end of the workflow.

    What the rules ask for is listed once it was made, also where this time only a part was asked for;
    papers that took no part keep what was listed.

    Parameters
    ----------
    run
        Its folder.
    wanted
        Files that the rules of this time's papers ask for; those outside the folder do not count.
    """
    names = {Path(path).relative_to(run).as_posix() for path in wanted if run in Path(path).parents}
    parts = {name.partition("/")[0] for name in names}
    try:
        before = set(read(run) or ())
    except StudyError:
        before = set()
    others = {name for name in before if name.partition("/")[0] not in parts}
    made = {name for name in names if name in before or (run / name).is_file()}
    if made | others:
        write(run, dict.fromkeys(sorted(made | others)))


def result_of(path: Path) -> Path:
    """Return the result that a file of a kept run is, or tells of; an archive of records is itself."""
    if path.name == records.ARCHIVE:
        return path
    return packed.result_of(path.with_name(path.name.removesuffix(records.SUFFIX)))


def missing(path: Path) -> str:
    """Return what is told of a file that should be here and is not."""
    if path.is_symlink() and not path.exists():
        return "is a link that leads nowhere"
    if path.is_dir():
        return "is a folder where a file is expected"
    return "is missing: the run's list of files names it"


class Lists:
    """The lists of some folders, each read once.

    Parameters
    ----------
    hashes
        Where hashes come from.
    """

    def __init__(self, hashes: Hashes):
        self.hashes = hashes
        self.spoilt: dict[Path, str] = {}  # what is wrong with a list, by its place
        self._names: dict[Path, dict[Path, str | None]] = {}

    def names(self, folder: Path) -> dict[Path, str | None]:
        """Return the sha256 of what a folder's list names by place; nothing where none can be read.

        A name that leads out of the folder is none.
        """
        if folder not in self._names:
            try:
                files = read(folder) or {}
            except StudyError as error:
                self.spoilt[folder / NAME] = str(error).partition(": ")[2]
                files = {}
            self._names[folder] = {
                folder / name: digest
                for name, digest in files.items()
                if ".." not in Path(name).parts and not Path(name).is_absolute()
            }
        return self._names[folder]

    def is_missing(self, result: Path) -> bool:
        """Whether a result is not here and should be: a list names it, or something else lies there."""
        if self.hashes.of(result) is not None:
            return False
        if result.is_symlink() or result.exists():
            return True
        folder = unit(result)
        names = {} if folder is None else self.names(folder)
        return result in names or packed.path_of(result) in names

    def faults(self, folder: Path, below: Path, files: list[Path]) -> Iterator[tuple[Path, str]]:
        """Yield what differs from a folder's list, or what is wrong with the list.

        Parameters
        ----------
        folder
            With a list.
        below
            The part of it that counts: a folder, or one result.
        files
            Results that are here.
        """
        names = self.names(folder)
        if folder / NAME in self.spoilt:
            yield folder / NAME, self.spoilt[folder / NAME]
            return
        kept = is_kept(folder)
        self.hashes.fill(names if kept else (), raw=True)
        for place, digest in names.items():
            result = result_of(place)
            if not result.is_relative_to(result_of(below)):
                continue
            if not place.is_file():
                if place.name.endswith(records.SUFFIX) or self.hashes.of(result) is None:
                    yield result, missing(place)
            elif kept and self.hashes.of(place, raw=True) != digest:
                yield result, f"{place.name} is not the one that was kept"
        own = {
            result_of(place)
            for place in [*names, *(records.archived_below(folder) if kept else ())]
        }
        for path in files if kept else ():
            if unit(path) == folder and result_of(path) not in own:
                yield path, "is not among the files that were kept"
