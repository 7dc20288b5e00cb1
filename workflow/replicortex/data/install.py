"""Install one dataset: a DataLad dataset at the declared version, its files verified.

A dataset is made here from what config/datasets.yaml declares, always as the same commit. Content
comes from the mirror, by checksum, or else through git-annex from the registered URLs; `datalad get`
and `datalad drop` work on it ever after. An existing git or DataLad dataset is cloned instead.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from replicortex.core.digests import file_sha256, sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import canonical_json, write_bytes
from replicortex.core.places import check_data
from replicortex.data import annex
from replicortex.data.declared import Dataset, obtaining
from replicortex.data.sources import Content, Mirror, content_of, find, unreachable

NAMESPACE = uuid.UUID("6f0c6b0e-3d0e-5b0f-9a55-7d9ff9f0a6d1")  # of the ids of datasets made here
LONG = 1_000_000  # bytes; a longer list of files lies beside its manifest


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
        old = _backup_path(data / name)
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
    found = find(name, declared, data, identity, looked_in, user_folder, scratch)
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
            raise unreachable(name, declared, path, content, mirror, why)
        if (digest := file_sha256(place)) != content.sha256:
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
            found = annex.wrong_checksum(place, content.sha256, file_sha256(place))
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
                f"{obtaining(declared)}"
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
                f"{obtaining(declared)}"
            )
        content = content_of(place)
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
    old = _backup_path(there)
    if old.exists():
        annex.delete(old)
    if there.exists():
        there.rename(old)
    fresh.rename(there)
    if old.exists():
        annex.delete(old)


def _backup_path(there: Path) -> Path:
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
        digest = sha256(listed)
        place = folder / f"{manifest['name']}.files-{digest[:16]}.json"
        write_bytes(place, listed)
        lists.discard(place)
        short = manifest | {"files": place.name}
    for old in lists:
        old.unlink()
    return short
