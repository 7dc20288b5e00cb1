"""Install one dataset: a DataLad dataset at the declared version, its files verified.

A dataset is made here from what config/datasets.yaml declares, always as the same commit: its keys
follow from the declared checksums, its id from name and version, its dates are fixed. Content comes
from the mirror, by checksum, or else through git-annex from the registered URLs; `datalad get` and
`datalad drop` work on it ever after.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from replicortex.data.declared import Dataset, File, missing_user_data
from replicortex.errors import StudyError

NAMESPACE = uuid.UUID("6f0c6b0e-3d0e-5b0f-9a55-7d9ff9f0a6d1")  # of the ids of datasets made here
MADE = "1577836800 +0000"  # the date of every commit made here, so that it is the same commit
IDENTITY = {
    "GIT_AUTHOR_NAME": "Replicortex",
    "GIT_AUTHOR_EMAIL": "replicortex@localhost",
    "GIT_AUTHOR_DATE": MADE,
    "GIT_COMMITTER_NAME": "Replicortex",
    "GIT_COMMITTER_EMAIL": "replicortex@localhost",
    "GIT_COMMITTER_DATE": MADE,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


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
    data.mkdir(parents=True, exist_ok=True)
    if declared.kind == "git":
        return {"manifest": _clone(name, declared, data)}
    with tempfile.TemporaryDirectory(dir=data, prefix=f".{name}.") as scratch:
        found = _contents(name, declared, data, mirror, user_folder, Path(scratch))
        manifest = _describe(name, declared, found)
        there, fresh = data / name, Path(scratch) / "dataset"
        if _build_commit(manifest, fresh) == _commit(there):
            _delete(fresh)
            _fill(name, declared, there, manifest, found)
        else:
            _fill(name, declared, fresh, manifest, found)
            _replace(there, fresh)
    return {"manifest": manifest | {"commit": _commit(data / name)}}


def _contents(
    name: str,
    declared: Dataset,
    data: Path,
    mirror: Path | None,
    user_folder: Path | None,
    scratch: Path,
) -> dict[str, Content]:
    """Return where the content of each file is now, if anywhere, and what it is."""
    if declared.kind == "fixture":
        return _made(declared.source.generator, declared.source.arguments, scratch)
    if declared.kind == "user":
        return _of_user(name, declared, data, user_folder)
    found = {}
    index = _by_size(mirror) if mirror else {}
    for path, file in declared.files.items():
        if file.sha256 is None or file.size is None:
            raise StudyError(f"config/datasets.yaml: {name}: {path} needs its sha256 and size")
        place = data / name / path
        if not (place.is_file() and place.stat().st_size == file.size):
            place = _in_mirror(file, index)
        found[path] = Content(file.size, file.sha256, place)
    absent = [path for path, content in found.items() if content.place is None]
    if absent and declared.kind == "packed":
        return _packed(name, declared, scratch)
    return found


class Content:
    """One file: its size and sha256, and where its bytes lie now (None: still to be fetched)."""

    def __init__(self, size: int, sha256: str, place: Path | None):
        self.size, self.sha256, self.place = size, sha256, place

    def key(self, path: str) -> str:
        """Return the annex key (backend SHA256E: size, sha256, extension)."""
        suffixes = [s for s in Path(path).suffixes[-2:] if 1 < len(s) <= 5 and s[1:].isalnum()]
        return f"SHA256E-s{self.size}--{self.sha256}{''.join(suffixes)}"


def _made(generator: str | None, arguments: dict[str, Any], scratch: Path) -> dict[str, Content]:
    module, _, function = str(generator).partition(":")
    folder = scratch / "made"
    folder.mkdir()
    getattr(import_module(module), function)(folder, **arguments)
    return _listed(folder)


def _packed(name: str, declared: Dataset, scratch: Path) -> dict[str, Content]:
    """Pack the files from their source repository, and check the decoded content."""
    source = scratch / "source"
    try:
        _run("git", "clone", "--quiet", str(declared.source.url), str(source))
        _run("git", "checkout", "--quiet", str(declared.source.commit), folder=source)
    except StudyError as error:
        raise _unreachable(name, declared, next(iter(declared.files)), str(error)) from None
    folder = scratch / "packed"
    folder.mkdir()
    module, _, function = str(declared.source.recipe).partition(":")
    digest = getattr(import_module(module), function)(source, folder)
    if digest != declared.source.digest:
        raise StudyError(
            f"dataset {name}: packed from {declared.source.url}, its decoded content has the digest "
            f"{digest[:12]}, {str(declared.source.digest)[:12]} expected"
        )
    return _listed(folder)


def _of_user(
    name: str, declared: Dataset, data: Path, user_folder: Path | None
) -> dict[str, Content]:
    """Hash the user's files where they are, and leave a link to them; nothing is copied."""
    if user_folder is None or not user_folder.is_dir():
        raise missing_user_data(name, declared, user_folder)
    found = _listed(user_folder)
    for path, file in declared.files.items():
        if path not in found:
            raise StudyError(f"{user_folder}: has no '{path}', which dataset {name} needs")
        if file.sha256 and found[path].sha256 != file.sha256:
            raise _wrong(user_folder / path, file.sha256, found[path].sha256)
    link = data / f"{name}.user"
    link.unlink(missing_ok=True)
    link.symlink_to(user_folder.resolve())
    return found


def _listed(folder: Path) -> dict[str, Content]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts)
    return {
        path.relative_to(folder).as_posix(): Content(path.stat().st_size, _sha256(path), path)
        for path in files
    }


def _by_size(mirror: Path) -> dict[int, list[Path]]:
    index: dict[int, list[Path]] = {}
    for path in sorted(mirror.rglob("*")):
        if path.is_file():
            index.setdefault(path.stat().st_size, []).append(path)
    return index


def _in_mirror(file: File, index: dict[int, list[Path]]) -> Path | None:
    """Return the mirror's file of that content; files of another size are not even read."""
    same_size = index.get(file.size or -1, [])
    return next((path for path in same_size if _sha256(path) == file.sha256), None)


def _describe(name: str, declared: Dataset, found: dict[str, Content]) -> dict[str, Any]:
    return {
        "name": name,
        "version": declared.version,
        "id": str(uuid.uuid5(NAMESPACE, f"{name}@{declared.version}")),
        "synthetic": declared.kind == "fixture",
        "files": {
            path: {"key": content.key(path), "size": content.size, "sha256": content.sha256}
            for path, content in sorted(found.items())
        },
    }


def _build_commit(manifest: dict[str, Any], folder: Path) -> str:
    """Make the dataset, still without content; return its one commit."""
    folder.mkdir()
    _run("git", "init", "--quiet", "--initial-branch=main", folder=folder)
    _run("git", "config", "annex.backend", "SHA256E", folder=folder)
    _run("git", "annex", "init", "--quiet", "--version=10", "replicortex", folder=folder)
    (folder / ".datalad").mkdir()
    (folder / ".datalad/config").write_text(f'[datalad "dataset"]\n\tid = {manifest["id"]}\n')
    (folder / ".gitattributes").write_text(
        "* annex.backend=SHA256E\n**/.git* annex.largefiles=nothing\n"
    )
    lines = "".join(f"{file['key']} {path}\n" for path, file in manifest["files"].items())
    _run("git", "annex", "fromkey", "--force", "--quiet", "--batch", folder=folder, text=lines)
    _run("git", "add", "--all", folder=folder)
    message = f"{manifest['name']} {manifest['version']}"
    _run("git", "commit", "--quiet", "--no-verify", "--message", message, folder=folder)
    return _commit(folder)


def _fill(
    name: str,
    declared: Dataset,
    folder: Path,
    manifest: dict[str, Any],
    found: dict[str, Content],
) -> None:
    """Bring in what is missing, and verify every file's sha256."""
    if declared.kind == "user":
        return
    urls = {path: file.url for path, file in declared.files.items() if file.url}
    lines = "".join(
        f"{manifest['files'][path]['key']} {url}\n" for path, url in urls.items() if path in found
    )
    if lines:
        _run("git", "annex", "registerurl", "--quiet", "--batch", folder=folder, text=lines)
    copied = {
        path: content
        for path, content in found.items()
        if content.place is not None and not (folder / path).is_file()
    }
    _annex_copies(copied, manifest, folder)
    for path, content in found.items():
        place = folder / path
        if not place.is_file():
            _get(name, declared, folder, path)
        if (digest := _sha256(place)) != content.sha256:
            raise _wrong(place, content.sha256, digest)


def _annex_copies(contents: dict[str, Content], manifest: dict[str, Any], folder: Path) -> None:
    """Copy files to where their annexed links point, and tell the annex that they are here.

    (`git annex setkey` would move the originals, and costs a process for each.)
    """
    here = _run("git", "config", "annex.uuid", folder=folder).strip()
    lines = []
    for path, content in contents.items():
        link = folder / path
        target = link.parent / link.readlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = target.with_name("copying")
        shutil.copyfile(content.place, copy)
        if (digest := _sha256(copy)) != content.sha256:
            raise _wrong(content.place, content.sha256, digest)
        copy.chmod(0o444)
        copy.rename(target)
        lines.append(f"{manifest['files'][path]['key']} {here} 1\n")
    if lines:
        _run("git", "annex", "setpresentkey", "--batch", folder=folder, text="".join(lines))


def _get(name: str, declared: Dataset, folder: Path, path: str) -> None:
    """Let DataLad fetch one file from its registered URL."""
    import datalad.api

    with _environment():
        results = datalad.api.get(
            path, dataset=str(folder), result_renderer="disabled", on_failure="ignore"
        )
    if not (folder / path).is_file():
        told = next((str(r.get("message", "")) for r in results if r["status"] != "ok"), "")
        raise _unreachable(name, declared, path, " ".join(told.split()))


def _clone(name: str, declared: Dataset, data: Path) -> dict[str, Any]:
    """Clone an existing DataLad or git dataset at its commit, and get the declared files."""
    import datalad.api

    folder = data / name
    url, commit = str(declared.source.url), str(declared.source.commit)
    with _environment():
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=data, prefix=f".{name}.") as scratch:
                try:
                    _run("git", "clone", "--quiet", url, f"{scratch}/dataset")
                    _run("git", "checkout", "--quiet", commit, folder=Path(scratch, "dataset"))
                except StudyError as error:
                    raise _unreachable(name, declared, url, str(error)) from None
                Path(scratch, "dataset").rename(folder)
        elif _commit(folder) != commit:
            _run("git", "fetch", "--quiet", folder=folder)
            _run("git", "checkout", "--quiet", commit, folder=folder)
        datalad.api.get(
            list(declared.files),
            dataset=str(folder),
            result_renderer="disabled",
            on_failure="ignore",
        )
    files = {}
    for path, file in declared.files.items():
        place = folder / path
        if not place.is_file():
            raise _unreachable(name, declared, path, "its content could not be got")
        digest = _sha256(place)
        if file.sha256 and digest != file.sha256:
            raise _wrong(place, file.sha256, digest)
        key = place.readlink().name if place.is_symlink() else f"git:{path}"
        files[path] = {"key": key, "size": place.stat().st_size, "sha256": digest}
    identity = datalad.api.Dataset(str(folder)).id or str(uuid.uuid5(NAMESPACE, f"{url}@{commit}"))
    return {
        "name": name,
        "version": declared.version,
        "id": identity,
        "commit": commit,
        "synthetic": False,
        "files": files,
    }


def _replace(there: Path, fresh: Path) -> None:
    """Put a complete dataset in the place of an older one, if there is one."""
    old = there.with_name(f".{there.name}.old")
    if old.exists():
        _delete(old)
    if there.exists():
        there.rename(old)
    fresh.rename(there)
    if old.exists():
        _delete(old)


def _delete(folder: Path) -> None:
    """Delete a dataset; annexed content is write-protected."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    shutil.rmtree(folder)


def _commit(folder: Path) -> str:
    if not (folder / ".git").exists():
        return ""
    try:
        return _run("git", "rev-parse", "HEAD", folder=folder).strip()
    except StudyError:
        return ""  # no commit yet


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _wrong(path: Path, expected: str, found: str) -> StudyError:
    return StudyError(
        f"{path}: wrong checksum: sha256 {found[:16]} found, {expected[:16]} expected"
    )


def _unreachable(name: str, declared: Dataset, what: str, why: str) -> StudyError:
    return StudyError(
        f"dataset {name}: {what} is in no mirror and could not be fetched ({why[:300]}); "
        f"{declared.obtain.strip().rstrip('.')}, or name a folder that holds it as `mirror`"
    )


def _path() -> str:
    """Return a search path that begins beside this Python, where git-annex was installed."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


@contextmanager
def _environment() -> Iterator[None]:
    """Let DataLad find git-annex, and commit without an identity of the machine."""
    before = dict(os.environ)
    os.environ.update(IDENTITY, PATH=_path())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run(*command: str, folder: Path | None = None, text: str | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, **IDENTITY, "PATH": _path()},
    )
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise StudyError(f"{' '.join(command[:3])} failed: {said[:300]}")
    return done.stdout
