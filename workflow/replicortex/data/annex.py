"""DataLad datasets that are the same commit wherever they are made.

Keys follow from checksums and the id from name and version; author, dates and git's settings are
fixed here, so that neither the machine nor its user leaves a trace in the commit.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from replicortex.core.digests import file_sha256
from replicortex.core.errors import StudyError
from replicortex.core.git import ELSEWHERE

MADE = "1577836800 +0000"  # the date of every commit
TRIES = 20  # to delete a folder in which a process still ends
IDENTITY = {
    "GIT_AUTHOR_NAME": "Replicortex",
    "GIT_AUTHOR_EMAIL": "replicortex@localhost",
    "GIT_AUTHOR_DATE": MADE,
    "GIT_COMMITTER_NAME": "Replicortex",
    "GIT_COMMITTER_EMAIL": "replicortex@localhost",
    "GIT_COMMITTER_DATE": MADE,
    "GIT_TERMINAL_PROMPT": "0",
}
# A dataset that is made here takes nothing from the user's git settings (hooks, signing, line ends).
OWN_SETTINGS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
SETTINGS = {"safe.directory": "*", "annex.retry": "3", "annex.retry-delay": "1"}
ATTRIBUTES = "* annex.backend=SHA256E\n**/.git* annex.largefiles=nothing\n"


def key(path: str, size: int, sha256: str) -> str:
    """Return the annex key of a file (backend SHA256E: size, sha256, extension)."""
    _, *parts = path.rpartition("/")[2].lstrip(".").split(".")
    extension: list[str] = []
    for part in reversed(parts):  # git-annex keeps at most two short ones
        if len(part.encode()) > 4 or len(extension) == 2:
            break
        if part.isalnum():
            extension.insert(0, part)
    return f"SHA256E-s{size}--{sha256}" + "".join(f".{part}" for part in extension)


def create(folder: Path, identity: str, keys: Mapping[str, str], message: str) -> str:
    """Make a dataset of annexed files that are still without content; return its one commit.

    Parameters
    ----------
    folder
        Where to make it; must not exist.
    identity
        The dataset's id.
    keys
        Annex key by path.
    message
        Of the commit.
    """
    folder.mkdir()
    run("git", "init", "--quiet", "--initial-branch=main", "--template=", folder=folder)
    run("git", "config", "annex.backend", "SHA256E", folder=folder)
    run("git", "annex", "init", "--quiet", "--version=10", "replicortex", folder=folder)
    (folder / ".datalad").mkdir()
    (folder / ".datalad/config").write_text(f'[datalad "dataset"]\n\tid = {identity}\n')
    (folder / ".gitattributes").write_text(ATTRIBUTES)
    for name in (".datalad/config", ".gitattributes"):
        (folder / name).chmod(0o644)  # git keeps the executable bit, whatever the umask
    lines = "".join(f"{key} {path}\0" for path, key in keys.items())
    run("git", "annex", "fromkey", "--force", "--quiet", "--batch", "-z", folder=folder, text=lines)
    run("git", "add", "--all", folder=folder)
    run("git", "commit", "--quiet", "--no-verify", "--message", message, folder=folder)
    return commit(folder)


def commit(folder: Path) -> str:
    """Return the commit that a dataset is at, or nothing when there is no dataset."""
    if not (folder / ".git").exists():
        return ""
    try:
        # Its own repository or none: git would go on to look in the folders above.
        return run("git", "--git-dir=.git", "rev-parse", "--verify", "HEAD", folder=folder).strip()
    except StudyError:
        return ""  # no commit yet


def register_urls(folder: Path, urls: Iterable[tuple[str, str]]) -> None:
    """Say where the content of keys can be had, so that `datalad get` finds it."""
    lines = "".join(f"{key} {url}\n" for key, url in urls)
    if lines:
        run("git", "annex", "registerurl", "--quiet", "--batch", folder=folder, text=lines)


def copy_in(folder: Path, contents: Mapping[str, tuple[Path, str]]) -> None:
    """Copy content to where annexed links point, and tell the annex that it is here.

    (`git annex setkey` would move the originals, and costs a process for each.)

    Parameters
    ----------
    folder
        The dataset.
    contents
        Source and expected sha256 by path.

    Raises
    ------
    StudyError
        When a source is not what was expected.
    """
    here = run("git", "config", "annex.uuid", folder=folder).strip()
    lines = []
    for path, (source, expected) in contents.items():
        target = _object(folder, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.parent.chmod(target.parent.stat().st_mode | stat.S_IRWXU)
        copy = target.with_name("copying")
        copy.unlink(missing_ok=True)
        shutil.copyfile(source, copy)
        if (found := file_sha256(copy)) != expected:
            copy.unlink()
            raise wrong_checksum(source, expected, found)
        copy.chmod(0o444)
        copy.replace(target)
        lines.append(f"{target.name} {here} 1\n")
    _tell(folder, lines)


def discard(folder: Path, paths: Iterable[str]) -> None:
    """Delete damaged content, and tell the annex that it is no longer here."""
    here = run("git", "config", "annex.uuid", folder=folder).strip()
    lines = []
    for path in paths:
        target = _object(folder, path)
        target.parent.chmod(target.parent.stat().st_mode | stat.S_IRWXU)
        target.unlink()
        lines.append(f"{target.name} {here} 0\n")
    _tell(folder, lines)


def _tell(folder: Path, lines: list[str]) -> None:
    """Tell the annex which keys are here ("key uuid 1") or no longer are (0)."""
    if lines:
        run("git", "annex", "setpresentkey", "--batch", folder=folder, text="".join(lines))
        run("git", "annex", "merge", "--quiet", folder=folder)  # commits it, for clones to see


def _object(folder: Path, path: str) -> Path:
    link = folder / path
    return link.parent / link.readlink()


def get(folder: Path, paths: Iterable[str]) -> str:
    """Let DataLad fetch files from wherever they are registered; return what it said of failures.

    Raises
    ------
    StudyError
        When DataLad has no place for its caches.
    """
    _check_home()
    import datalad.api

    with environment():
        results = datalad.api.get(
            [str(folder / path) for path in paths],
            dataset=str(folder),
            result_renderer="disabled",
            on_failure="ignore",
        )
    return _failures(results)


def clone(url: str, folder: Path, at: str) -> None:
    """Clone a DataLad or git dataset at a commit.

    Raises
    ------
    StudyError
        When it cannot be reached, has no such commit, or DataLad has no place for its caches.
    """
    _check_home()
    import datalad.api

    with environment():
        results = datalad.api.clone(
            source=url,
            path=str(folder),
            result_renderer="disabled",
            on_failure="ignore",
            return_type="list",
            result_xfm=None,
        )
    if failures := _failures(results):
        raise StudyError(failures)
    run("git", "checkout", "--quiet", at, folder=folder, own=False)


def _check_home() -> None:
    """Check that DataLad has a place for its caches, without which it ends in the middle."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        caches = caches.expanduser()
        caches.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(caches, os.W_OK | os.X_OK) else "it may not be written"
    except (OSError, RuntimeError) as error:
        why = str(error)
    if why:
        raise StudyError(
            f"{caches}: DataLad cannot keep its caches there ({why}); set the variable XDG_CACHE_HOME "
            "to a folder that can be written, and start again"
        )


def diagnose(url: str, size: int, sha256: str) -> str:
    """Return why a URL does not give the content that is expected of it."""
    digest, served = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            length = answer.headers.get("Content-Length")
            if length and int(length) != size:
                return f"{url} serves {length} bytes, {size} expected"
            while part := answer.read(1 << 20):
                digest.update(part)
                served += len(part)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{url}: {error}"
    if served != size:
        return f"{url} served {served} bytes, {size} expected"
    if digest.hexdigest() != sha256:
        return str(wrong_checksum(url, sha256, digest.hexdigest()))
    return f"{url} serves it, but git-annex could not get it"


def _failures(results: Iterable[Mapping[str, object]]) -> str:
    """Return what DataLad said of the first failure, in one line."""
    for result in results:
        if result["status"] not in ("ok", "notneeded"):
            message = result.get("error_message") or result.get("message") or result["status"]
            text = message[0] % tuple(message[1:]) if isinstance(message, tuple) else str(message)
            return " ".join(text.split())
    return ""


def delete(folder: Path) -> None:
    """Delete a dataset; annexed content is write-protected."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    # A git that outlived its killed installation may still take its own files away.
    for _ in range(TRIES):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not folder.exists():
                return
        else:
            return
    shutil.rmtree(folder)


def wrong_checksum(path: Path | str, expected: str, found: str) -> StudyError:
    """Return the error for a file that is not the declared one."""
    return StudyError(f"{path}: wrong checksum: sha256 {found} found, {expected} expected")


def run(
    *command: str, folder: Path | None = None, text: str | None = None, own: bool = True
) -> str:
    """Run git or git-annex and return what it printed.

    Parameters
    ----------
    command
        Program and arguments.
    folder
        Where to run it.
    text
        What it reads.
    own
        Whether the user's git settings are left out; network access needs them (proxies).

    Raises
    ------
    StudyError
        When it fails, or is not installed.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            input=text,
            capture_output=True,
            text=True,
            env=_variables(own),
        )
    except FileNotFoundError:
        raise StudyError(
            f"{command[0]} was not found, neither beside {sys.executable} nor on PATH; install it"
        ) from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise StudyError(f"{' '.join(command[:3])} failed: {said[:300]}")
    return done.stdout


@contextmanager
def environment() -> Iterator[None]:
    """Let DataLad find git-annex, and need no identity of the machine."""
    before = dict(os.environ)
    variables = _variables(own=False)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _variables(own: bool) -> dict[str, str]:
    """Return the environment for git: its programs first lie beside this Python."""
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    given = int(kept.get("GIT_CONFIG_COUNT") or 0)
    settings = {"GIT_CONFIG_COUNT": str(given + len(SETTINGS))}
    for number, (name, value) in enumerate(SETTINGS.items(), start=given):
        settings |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return kept | IDENTITY | settings | {"PATH": beside} | (OWN_SETTINGS if own else {})
