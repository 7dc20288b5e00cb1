"""Who vouches for a kept run: the signature on the commit that holds it, as git itself checks it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal

from replicortex.core import git
from replicortex.core.errors import StudyError

State = Literal["good", "bad", "unchecked", "none"]
# What `git log --format=%G?` prints (git-log, "PRETTY FORMATS").
GOOD = {"G": "good", "U": "good, of a key that nothing vouches for here"}
UNCHECKED = {
    "X": "good, but expired since",
    "Y": "by a key that expired since",
    "R": "by a key that was revoked",
    "E": "of a key that is not here",
}


def signature(folder: Path, root: Path) -> tuple[State, str]:
    """Return whether the commit that holds a kept run is signed, and a sentence on it.

    Parameters
    ----------
    folder
        Of the kept paper, below the root.
    root
        The repository.

    Raises
    ------
    GitError
        When git cannot tell.
    """
    if not folder.resolve().is_relative_to(root.resolve()):
        return "none", "lies outside the repository"
    place = folder.resolve().relative_to(root.resolve()).as_posix()
    last = git.ask(root, "log", "-1", "--format=%H %G? %GS", "--", place)
    if not last or git.ask(root, "status", "--porcelain", "--untracked-files=all", "--", place):
        return "none", "differs from what is committed"
    commit, code, *signer = last.split(maxsplit=2)
    by = f" by {signer[0]}" if signer else ""
    if code in GOOD:
        return "good", f"was kept by commit {commit[:12]}, whose signature{by} is {GOOD[code]}"
    if code == "B":
        return "bad", f"was kept by commit {commit[:12]}, whose signature is bad"
    if code in UNCHECKED or "\ngpgsig" in git.ask(root, "cat-file", "commit", commit):
        why = UNCHECKED.get(code, "of a kind that git is not set up to check here")
        return "unchecked", f"was kept by commit {commit[:12]}, whose signature is {why}"
    return "none", f"was kept by commit {commit[:12]}, which is not signed"


def sign(folder: Path, root: Path, message: str) -> str:
    """Commit a folder and have git sign the commit with its user's key; return the commit.

    Raises
    ------
    StudyError
        When there is nothing to commit, or git has no key or cannot sign; what git says stands in it.
    """
    place = folder.resolve().relative_to(root.resolve()).as_posix()
    git.ask(root, "add", "--all", "--force", "--", place)
    if not git.ask(root, "status", "--porcelain", "--", place):
        raise StudyError(
            f"keep: {place} is committed just as it is, so that there is nothing to sign; a signed "
            "tag (`git tag --sign`) vouches for a commit that is there"
        )
    command = ["git", "-C", str(root), "commit", "--quiet", "-S", "--message", message, "--", place]
    done = subprocess.run(command, capture_output=True, text=True, env=git.variables())
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[:300]
        raise StudyError(
            f"keep: {place} is written, but git could not sign a commit of it ({said}); tell git "
            "your key (`git config user.signingkey`), and commit it with `git commit -S`"
        )
    return git.head(root)
