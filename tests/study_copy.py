"""A copy of the repository in which whole runs are tried, and finished demo runs to start from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@localhost"]
# A clone of another user, as git pretends in its own tests: no such user is needed.
ANOTHERS = {
    "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
# Starts a program for which rights of files count, also where tests run as root.
ORDINARY = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []


class Copy:
    """A copy of the repository, committed, in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def snakemake(
        self, *arguments: str, check: bool = True, watch: bool = False
    ) -> subprocess.CompletedProcess:
        return self.run(str(BIN / "snakemake"), *arguments, check=check, watch=watch)

    def run(
        self, *command: str, check: bool = True, watch: bool = False
    ) -> subprocess.CompletedProcess:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("REPLICORTEX_", "PYTEST"))}
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            env={
                **kept,
                "PATH": f"{BIN}:{kept['PATH']}",
                "PYTHONPATH": str(self.folder / "workflow"),
                **({"REPLICORTEX_WATCH": "1"} if watch else {}),
            },
            timeout=1200,
        )
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def planned(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule would run."""
        done = self.snakemake("--dry-run", "--quiet", "rules", *arguments)
        text = done.stdout + done.stderr
        if "Nothing to be done" in text:
            return {}
        table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\ntotal ", text, re.S)
        assert table, text[-2000:]
        counts = dict(line.split() for line in table[1].splitlines())
        return {rule: int(count) for rule, count in counts.items() if rule != "all"}

    def commit(self) -> None:
        for arguments in (["add", "--all"], ["commit", "--quiet", "--message", "change"]):
            subprocess.run([*GIT, *arguments], cwd=self.folder, check=True)

    def tables(self) -> dict[str, bytes]:
        """Return the content of every table of the demo run."""
        results = self.folder / "results/demo"
        return {
            path.relative_to(results).as_posix(): path.read_bytes()
            for path in sorted(results.rglob("*.csv"))
        }


def engine_logs(folder: Path) -> str:
    """Return what the engine said in all runs of a folder: the terminal shows one line a job."""
    logs = sorted((folder / ".snakemake/log").glob("*.log"))
    return "".join(path.read_text() for path in logs)


def copy_of(root: Path, folder: Path) -> Copy:
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        source, target = root / name, folder / name
        if source.is_symlink():
            target.symlink_to(source.readlink())
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    subprocess.run([*GIT, "init", "--quiet", "--initial-branch=main"], cwd=folder, check=True)
    made = Copy(folder)
    made.commit()
    return made


def _finished(root: Path, folder: Path, papers: str) -> Copy:
    made = copy_of(root, folder)
    config = folder / "config/config.yaml"
    config.write_text(config.read_text().replace("run: all ", f"run: {papers} ", 1))
    if papers != "all":
        made.commit()
    # No job may open what its rule does not declare, and what the shell holds counts for none.
    shell = ("env", "REPLICORTEX_COMMIT=deadbeef", "REPLICORTEX_DATA=elsewhere")
    made.first_output = made.run(*shell, str(BIN / "snakemake"), "--cores", "2", watch=True)
    return made


@pytest.fixture(scope="session")
def one_paper(root, tmp_path_factory) -> Copy:
    """A finished demo run of the pattern, learning_rules. Tests leave it as they find it."""
    return _finished(root, tmp_path_factory.mktemp("one_paper"), "learning_rules")


@pytest.fixture(scope="session")
def finished(root, tmp_path_factory) -> Copy:
    """A finished demo run of every paper, for slow tests. They leave it as they find it."""
    return _finished(root, tmp_path_factory.mktemp("finished"), "all")


@pytest.fixture(params=["one_paper", pytest.param("finished", marks=pytest.mark.slow)])
def study(request) -> Copy:
    """A finished demo run: of one paper, and, among the slow tests, of all."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def fresh(root, tmp_path) -> Copy:
    """A copy in which nothing has run yet."""
    return copy_of(root, tmp_path)
