"""Install one dataset: a DataLad dataset at the declared version, its files verified.

A dataset is made here from what config/datasets.yaml declares, always as the same commit. Content
comes from the mirror, by checksum, or else through git-annex from the registered URLs; `datalad get`
and `datalad drop` work on it ever after. An existing git or DataLad dataset is cloned instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sysconfig
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock

from replicortex.core.errors import StudyError
from replicortex.core.files import canonical_json, write_bytes
from replicortex.core.places import check_data
from replicortex.core.remembered import recall, remember
from replicortex.data import annex
from replicortex.data.declared import Dataset, File, missing_user_data

NAMESPACE = uuid.UUID("6f0c6b0e-3d0e-5b0f-9a55-7d9ff9f0a6d1")  # of the ids of datasets made here
LONG = 1_000_000  # bytes; a longer list of files lies beside its manifest
KEY = re.compile(r"SHA256E-s(?P<size>\d+)--(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Content:
    """One file: its size and sha256, and where its bytes lie now (None: still to be fetched)."""

    size: int
    sha256: str
    place: Path | None


def install(
    *, name: str, entry: dict[str, Any], data: Path, mirror: Path | None, user_folder: Path | None
) -> dict[str, Any]:
    """Install a dataset, or verify the one that is there.

    Parameters
    ----------
    name
        Name of the dataset.
    entry
        Its declaration.
    data
        Folder of all datasets; this one lies at `data/<name>`.
    mirror
        Folder looked in first, by checksum.
    user_folder
        Where the user keeps a licensed dataset.

    Returns
    -------
    "manifest": name, version, id, commit, synthetic, and per file its annex key, size and sha256.

    Raises
    ------
    StudyError
        When a file cannot be had, or is not the declared one; what was there before stays.
    """
    declared = Dataset.model_validate(entry)
    if mirror is not None and not mirror.is_dir():
        raise StudyError(f"mirror: the folder '{mirror}' does not exist; dataset {name} needs it")
    with _locked_scratch(data, name) as scratch:
        if (data / name).exists() and not (data / name / ".git").exists():
            raise StudyError(
                f"{data / name}: is no dataset, and would be replaced by one; move it away "
                "(a folder named as `mirror` is looked in for its files)"
            )
        if declared.kind == "git":
            manifest = _clone(name, declared, data / name, scratch)
        else:
            manifest = _make(name, declared, data, mirror, user_folder, scratch)
        _link(data / f"{name}.user", user_folder if declared.kind == "user" else None)
        _forget_others(manifest, data / "manifests")
        return {"manifest": _short(manifest, data / "manifests")}


@contextmanager
def _locked_scratch(data: Path, name: str) -> Iterator[Path]:
    """Give a scratch folder beside the dataset to one installation of it at a time.

    Raises
    ------
    StudyError
        When the folder cannot be made or locked.
    """
    check_data(data)
    # A lock of another kind would outlive an installation that was killed.
    lock = FileLock(data / f".{name}.lock", fallback_to_soft=False)
    try:
        data.mkdir(parents=True, exist_ok=True)
        held = lock.acquire()
    except OSError as error:
        raise StudyError(
            f"{lock.lock_file}: cannot be locked ({error.strerror}), which keeps two installations of one "
            "dataset apart; choose for `data` in config/config.yaml a folder that you can write to, on a "
            "file system with locks"
        ) from None
    with held:
        old = _aside(data / name)
        if old.exists() and not (data / name).exists():  # ended between the two renames
            old.rename(data / name)
        for left in data.glob(f".{name}.scratch*"):  # by an installation that was killed
            annex.delete(left)
        with tempfile.TemporaryDirectory(dir=data, prefix=f".{name}.scratch") as scratch:
            yield Path(scratch)


def _make(
    name: str,
    declared: Dataset,
    data: Path,
    mirror: Path | None,
    user_folder: Path | None,
    scratch: Path,
) -> dict[str, Any]:
    """Make the dataset, or complete the one that is there; return its manifest."""
    there, fresh = data / name, scratch / "dataset"
    identity = str(uuid.uuid5(NAMESPACE, f"{name}@{declared.version}"))
    looked_in = Mirror(mirror)
    if declared.kind == "fixture":
        found = _generated(declared, scratch)
    elif declared.kind == "user":
        found = _of_user(name, declared, user_folder, data / f".{name}.hashes.json")
    else:
        found = _declared(declared, there, looked_in)
        if declared.kind == "packed" and any(content.place is None for content in found.values()):
            found |= _packed(name, declared, there, identity, found, looked_in, scratch)
    keys = {path: annex.key(path, c.size, c.sha256) for path, c in sorted(found.items())}
    commit = annex.create(fresh, identity, keys, f"{name} {declared.version}")
    same = annex.commit(there) == commit
    if declared.kind != "user":
        folder = there if same else fresh
        _fill(name, declared, folder, keys, found, looked_in)
    if not same:
        _replace(there, fresh)
    return {
        "name": name,
        "version": declared.version,
        "id": identity,
        "commit": commit,
        "synthetic": declared.kind == "fixture",
        "files": {
            path: {"key": key, "size": found[path].size, "sha256": found[path].sha256}
            for path, key in keys.items()
        },
    }


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
                if annex.file_sha256(candidate) == file.sha256:
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
                    return str(
                        annex.wrong_checksum(place, content.sha256, annex.file_sha256(place))
                    )
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
        place = there / path
        intact = (
            place.is_file()
            and place.stat().st_size == file.size
            and annex.file_sha256(place) == file.sha256
        )
        if not intact:
            place = mirror.find(path, file) or _with_python(path, file)
        found[path] = Content(file.size, file.sha256, place)
    return found


def _with_python(path: str, file: File) -> Path | None:
    """Return the declared file if it comes with this Python, at that path of its library."""
    place = Path(sysconfig.get_path("stdlib"), path)
    if place.is_file() and place.stat().st_size == file.size:
        return place if annex.file_sha256(place) == file.sha256 else None
    return None


def _generated(declared: Dataset, scratch: Path) -> dict[str, Content]:
    """Return what a fixture's generator makes."""
    folder = scratch / "made"
    folder.mkdir()
    _function(declared.source.generator)(folder, **declared.source.arguments)
    return {
        path.relative_to(folder).as_posix(): _content(path)
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
        raise _unreachable(
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
    return {path: _content(folder / path) for path in missing}


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
        contents[path] = _content(place)
        if contents[path].sha256 != key["sha256"]:
            return None
    return contents


def _function(name: str | None) -> Any:
    module, _, function = str(name).partition(":")
    return getattr(import_module(module), function)


def _content(path: Path) -> Content:
    return Content(path.stat().st_size, annex.file_sha256(path), path)


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
                    f"{_sentence(declared.obtain)}"
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
        raise StudyError(f"{folder}: is empty; {name}: {_sentence(declared.obtain)}")
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
            same = isinstance(kept, list) and kept[:-1] == stamp
            digest = kept[-1] if same else annex.file_sha256(place)
            hashes[path] = [*stamp, digest]
            found[path] = Content(place.stat().st_size, digest, place)
    finally:  # hours of work for some datasets
        remember(cache, {**known, **hashes})
    return found


def _link(link: Path, folder: Path | None) -> None:
    """Let a link lead to the user's folder, or remove it."""
    if folder is None:
        link.unlink(missing_ok=True)
        return
    fresh = link.with_name(f".{link.name}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.resolve())
    fresh.replace(link)


def _fill(
    name: str,
    declared: Dataset,
    folder: Path,
    keys: Mapping[str, str],
    found: Mapping[str, Content],
    mirror: Mirror,
) -> None:
    """Bring in what is missing, so that every file is there with the right sha256."""
    urls = {path: file.url for path, file in declared.files.items() if file.url}
    annex.register_urls(folder, [(keys[path], url) for path, url in urls.items()])
    wanted = {path: c for path, c in found.items() if c.place != folder / path}
    damaged = _restore(folder, wanted)
    copies = {path: (c.place, c.sha256) for path, c in wanted.items() if c.place is not None}
    annex.copy_in(folder, copies)
    absent = {path: content for path, content in wanted.items() if content.place is None}
    if not absent:
        return
    annex.discard(folder, [path for path in damaged if path in absent])
    size = sum(content.size for content in absent.values())
    print(f"{name}: fetching {len(absent)} files, {size / 1e6:.1f} MB")
    said = annex.get(folder, absent)
    for path, content in absent.items():
        place = folder / path
        if not place.is_file():
            url = urls.get(path)
            why = annex.diagnose(url, content.size, content.sha256) if url else said
            raise _unreachable(name, declared, path, content, mirror, why)
        if (digest := annex.file_sha256(place)) != content.sha256:
            raise annex.wrong_checksum(place, content.sha256, digest)


def _restore(folder: Path, contents: Mapping[str, Content]) -> list[str]:
    """Bring back deleted links; return the files whose annexed content is damaged.

    Raises
    ------
    StudyError
        When the user put a file of other content in the place of an annexed one.
    """
    deleted = [path for path in contents if not os.path.lexists(folder / path)]
    if deleted:
        listed = "".join(f"{path}\0" for path in deleted)
        annex.run(
            *("git", "checkout", "--quiet", "HEAD", "--pathspec-from-file=-"),
            "--pathspec-file-nul",
            folder=folder,
            text=listed,
        )
    for path, content in contents.items():
        place = folder / path
        if not place.is_symlink():
            found = annex.wrong_checksum(place, content.sha256, annex.file_sha256(place))
            raise StudyError(f"{found}; delete it, and run again to get the declared file")
    return [path for path in contents if (folder / path).is_file()]


def _clone(name: str, declared: Dataset, there: Path, scratch: Path) -> dict[str, Any]:
    """Clone an existing DataLad or git dataset at its commit, and get the declared files."""
    url, commit = str(declared.source.url), str(declared.source.commit)
    if annex.commit(there) != commit:
        fresh = scratch / "dataset"
        try:
            annex.clone(url, fresh, commit)
        except StudyError as error:
            raise StudyError(
                f"dataset {name}: {url} at {commit} could not be cloned ({str(error)[:300]}); "
                f"{_sentence(declared.obtain)}"
            ) from None
        _replace(there, fresh)
    absent = [path for path in declared.files if not (there / path).is_file()]
    said = annex.get(there, absent) if absent else ""
    files = {}
    for path, file in declared.files.items():
        place = there / path
        if not place.is_file():
            raise StudyError(
                f"dataset {name}: {path} could not be got from {url} ({said[:300]}); "
                f"{_sentence(declared.obtain)}"
            )
        content = _content(place)
        if file.sha256 and content.sha256 != file.sha256:
            raise annex.wrong_checksum(place, file.sha256, content.sha256)
        if place.is_symlink():
            key = place.readlink().name
        else:  # kept in git itself: the name of its blob
            key = f"GIT--{annex.run('git', 'rev-parse', f'HEAD:{path}', folder=there).strip()}"
        files[path] = {"key": key, "size": content.size, "sha256": content.sha256}
    settings = there / ".datalad/config"
    own_id = re.search(r"id = (\S+)", settings.read_text()) if settings.is_file() else None
    return {
        "name": name,
        "version": declared.version,
        "id": own_id[1] if own_id else str(uuid.uuid5(NAMESPACE, f"{url}@{commit}")),
        "commit": commit,
        "synthetic": False,
        "files": dict(sorted(files.items())),
    }


def _replace(there: Path, fresh: Path) -> None:
    """Put a complete dataset in the place of an older one, if there is one."""
    old = _aside(there)
    if old.exists():
        annex.delete(old)
    if there.exists():
        there.rename(old)
    fresh.rename(there)
    if old.exists():
        annex.delete(old)


def _aside(there: Path) -> Path:
    return there.with_name(f".{there.name}.old")


def _forget_others(manifest: Mapping[str, Any], folder: Path) -> None:
    """Delete manifests of other versions: what they describe is no longer there."""
    for path in folder.glob(f"{manifest['name']}@*.json"):
        if path.name.endswith(".record.json"):
            continue
        try:
            commit = json.loads(path.read_text()).get("commit")
        except (ValueError, AttributeError):
            commit = None
        if commit != manifest["commit"]:
            path.with_name(f"{path.name}.record.json").unlink(missing_ok=True)
            path.unlink()


def _short(manifest: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put a long list of files into a file beside the manifest, named by its content."""
    listed = canonical_json(manifest["files"], indent=1).encode() + b"\n"
    lists = set(folder.glob(f"{manifest['name']}.files-*.json"))
    short = manifest
    if len(listed) > LONG:
        digest = hashlib.sha256(listed).hexdigest()
        place = folder / f"{manifest['name']}.files-{digest[:16]}.json"
        write_bytes(place, listed)
        lists.discard(place)
        short = manifest | {"files": place.name}
    for old in lists:
        old.unlink()
    return short


def _sentence(obtain: str) -> str:
    return obtain.strip().rstrip(".")


def _unreachable(
    name: str, declared: Dataset, path: str, content: Content, mirror: Mirror, why: str
) -> StudyError:
    return StudyError(
        f"dataset {name}: {path} could not be fetched ({why[:300] or 'no source answered'}), and "
        f"{mirror.near(path, content)}; {_sentence(declared.obtain)}, or name a folder that holds "
        "it as `mirror` in config/config.yaml"
    )
