"""Files of the repository as any commit holds them, read through one git process."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import IO

from replicortex.core import git
from replicortex.core.codehash import RULES, Reader, module_hashes


class History:
    """The commits of a repository.

    Where git cannot tell, it holds none, and `trouble` says why, with the remedy; "" otherwise, and
    as long as nothing was asked.
    """

    def __init__(self, root: Path):
        self.root = root
        self.trouble = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._objects: dict[str, bytes | None] = {}
        self._modules: dict[tuple[str, str, int], dict[str, str] | None] = {}

    def __enter__(self) -> History:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def has(self, commit: str) -> bool:
        """Whether a commit is here; a shallow or another clone lacks it."""
        return bool(commit) and self._object(f"{commit}^{{commit}}") is not None

    def read(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes at a commit; None when the commit holds no such file."""
        return self._object(f"{commit}:{path}")

    def modules(self, module: str, commit: str, rules: int = RULES) -> dict[str, str] | None:
        """Return the hash of each module that `module` ran on at a commit; None if it had none.

        `rules` is the version of the hash rules: that of the record to compare with.
        """
        key = (module, commit, rules)
        if key not in self._modules:
            try:
                self._modules[key] = module_hashes(module, self._reader(commit), rules)
            except (ModuleNotFoundError, SyntaxError):
                self._modules[key] = None
        return self._modules[key]

    def _reader(self, commit: str) -> Reader:
        return lambda path: self.read(commit, f"workflow/{path}")

    def _object(self, name: str) -> bytes | None:
        if name not in self._objects:
            self._objects[name] = self._ask(name)
        return self._objects[name]

    def _ask(self, name: str) -> bytes | None:
        """Return the content of a git object (`<commit>:<path>`), None where there is none."""
        if (
            self.trouble or "\n" in name
        ):  # a line is a question: one of a forged record would be two
            return None
        if self._process is None:
            self.trouble = git.trouble(self.root)
            if self.trouble:
                return None
            command = ["git", "-C", str(self.root), "cat-file", "--batch"]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=git.variables(),
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(f"{name}\n".encode())
            stdin.flush()
        except BrokenPipeError:
            self.trouble = f"git ended while it read {self.root}; see what `git fsck` says there"
            return None
        return _answer(stdout)


def _answer(stdout: IO[bytes]) -> bytes | None:
    head = stdout.readline().split()
    if len(head) != 3 or head[1] not in (b"blob", b"commit"):
        if len(head) == 3 and head[2].isdigit():  # a folder: its content is of no use here
            stdout.read(int(head[2]) + 1)
        return None
    content = stdout.read(int(head[2]))
    stdout.read(1)
    return content
