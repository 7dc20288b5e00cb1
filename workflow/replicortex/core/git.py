"""What git knows of this repository, asked in one place; where it cannot answer, why and what to do."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from replicortex.core.errors import StudyError

# A surrounding git command (a hook, say) sets these; they would lead to another repository.
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")
# Where code and numbers live: a file there that git does not track counts as a change.
CODE = ("Snakefile", "workflow", "config", "envs")
NO_COMMIT = (
    "records of this run name no commit, so that its results cannot be kept, nor be verified "
    "against the source that made them"
)
NO_SOURCE = "the commits that records name, and their sources, cannot be looked up"


class GitError(StudyError):
    """Git cannot tell: one sentence with the cause and the remedy."""


def variables() -> dict[str, str]:
    """Return the environment in which git is asked: of this repository alone, in English."""
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    return kept | {"LC_ALL": "C", "LANGUAGE": "C", "GIT_OPTIONAL_LOCKS": "0"}


def ask(root: Path, *arguments: str) -> str:
    """Return what git prints, without spaces around it; bytes that are no UTF-8 are replaced.

    Parameters
    ----------
    root
        The repository.
    arguments
        Of git.

    Raises
    ------
    GitError
        When there is no git, no repository, or git refuses.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=variables(),
        )
    except OSError as error:
        raise GitError(_no_program(error)) from None
    if done.returncode:
        raise GitError(_cause(root, done.stderr))
    return done.stdout.strip()


def head(root: Path) -> str:
    """Return the commit that the repository is at.

    Raises
    ------
    GitError
        When git cannot tell, or `root` is a mere folder of another repository, whose commits say
        nothing about it.
    """
    top, _, commit = ask(root, "rev-parse", "--show-toplevel", "HEAD").rpartition("\n")
    if Path(top).resolve() != root.resolve():
        raise GitError(
            f"{root} is no git repository of its own, but lies in that of {top}; "
            "use a clone (`git clone`) instead of a copy or an unpacked archive"
        )
    return commit


def trouble(root: Path) -> str:
    """Return why git cannot tell the commits of the repository, and the remedy; "" when it can."""
    try:
        head(root)
    except GitError as error:
        return str(error)
    return ""


def facts(root: Path) -> Mapping[str, str]:
    """Return what records say of the source: its `commit`, and `dirty`: whether files differ from it.

    Where git cannot tell, `commit` is empty, `dirty` is "unknown", and `no_commit` says why.
    """
    try:
        commit = head(root)
        differ = changed(root)
    except GitError as error:
        return {"commit": "", "dirty": "unknown", "no_commit": str(error)}
    return {"commit": commit, "dirty": "yes" if differ else "no", "no_commit": ""}


def changed(root: Path) -> list[str]:
    """Return what differs from the last commit: changed files anywhere, untracked ones among `CODE`.

    Raises
    ------
    GitError
        When git cannot tell.
    """
    tracked = ask(root, "status", "--porcelain", "--untracked-files=no")
    code = ask(root, "status", "--porcelain", "--untracked-files=all", "--", *CODE)
    # A line is two letters, a space and the name; `ask` strips the first line's leading space.
    return [line.split(maxsplit=1)[1] for line in (*tracked.splitlines(), *code.splitlines())]


def _no_program(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the program git was not found on PATH; install it"
    return f"the program git cannot be run ({error.strerror}); install it anew"


def _cause(root: Path, said: str) -> str:
    """Return a sentence for what git printed when it failed."""
    if "dubious ownership" in said or "is owned by someone else" in said:
        # Git itself names the folder that it distrusts, quoted for a shell.
        named = re.search(r"--add safe\.directory (\S.*)", said)
        folder = named[1].strip() if named else str(root.resolve())
        return (
            f"{root} belongs to another user, so that git refuses to read it; if you trust it, run "
            f"`git config --global --add safe.directory {folder}`"
        )
    if "not a git repository" in said:
        return (
            f"{root} is no git repository; use a clone (`git clone`) instead of a copy or an "
            "unpacked archive"
        )
    if "ambiguous argument 'HEAD'" in said:
        return f"the git repository {root} has no commit yet; commit its files"
    lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
    why = (lines or said.splitlines() or ["it does not say why"])[0]
    return f"git cannot read {root} ({why.strip()[:200]}); see what `git status` says there"
