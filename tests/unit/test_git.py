"""Where git cannot tell: each command and a run's opening say the cause and the remedy once."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from study_copy import ANOTHERS, GIT
from test_chain import FACTS, made

from replicortex.core import git, study
from replicortex.provenance import records
from replicortex.provenance.differences import differences
from replicortex.provenance.history import History
from replicortex.provenance.verification import verify
from replicortex.tools.promote import keep

FIGURE = "results/reference/learning_rules/figures/change.png"


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository of one commit, with the figure of a run that no commit holds."""
    for name in git.ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "a clone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("replicortex.core.codehash.module_hashes", lambda module: {})
    Path("code.py").write_text("x = 1\n")
    Path(".gitignore").write_text("/results/\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run([*GIT, "commit", "--quiet", "--message", "c"], check=True)
    made("results/small/x/figures/f.svg", "<svg/>", {})
    return folder


def no_program(clone, monkeypatch):
    monkeypatch.setenv("PATH", str(clone))


def no_repository(clone, monkeypatch):
    (clone / ".git").rename(clone.parent / "gone")


def of_another_user(clone, monkeypatch):
    for name, value in ANOTHERS.items():
        monkeypatch.setenv(name, value)


def inside_another(clone, monkeypatch):
    (clone / ".git").rename(clone.parent / ".git")


def damaged(clone, monkeypatch):
    (clone / ".git/refs").rename(clone / ".git/reffs")
    (clone / ".git/HEAD").write_text("0" * 40)


def without_commit(clone, monkeypatch):
    (clone / ".git/HEAD").write_text("ref: refs/heads/none")


CAUSES = {
    no_program: "the program git was not found on PATH; install it",
    no_repository: "a clone is no git repository; use a clone (`git clone`)",
    of_another_user: "a clone belongs to another user, so that git refuses to read it; if you trust "
    "it, run `git config --global --add safe.directory '",
    inside_another: "a clone is no git repository of its own, but lies in that of ",
    damaged: "a clone is no git repository",
    without_commit: "a clone has no commit yet; commit its files",
}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_each_cause_is_one_sentence_everywhere(clone, monkeypatch, cause):
    assert git.trouble(clone) == "" and git.facts(clone)["dirty"] == "no"
    commit = git.head(clone)
    cause(clone, monkeypatch)
    why = git.trouble(clone)
    assert CAUSES[cause] in why and "\n" not in why
    assert git.facts(clone) == {"commit": "", "dirty": "unknown", "no_commit": why}
    with pytest.raises(git.GitError, match=r"^keep: .*nothing is kept") as raised:
        keep("small", "x", clone)
    assert why in str(raised.value)
    with History(clone) as history:
        assert not history.has(commit) and history.read("HEAD", "code.py") is None
        assert history.trouble == why


def test_what_git_says_is_told_where_no_sentence_is_known(clone):
    (clone / ".git/index").write_bytes(b"damaged")
    with pytest.raises(git.GitError, match=r"git cannot read .*index.*see what `git status` says"):
        git.ask(clone, "status", "--porcelain", "--untracked-files=no")
    assert git.facts(clone)["no_commit"]


def test_variables_of_a_hook_lead_nowhere_else(clone, tmp_path, monkeypatch):
    head = git.head(clone)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert git.head(clone) == head


def test_git_that_ends_while_it_is_asked_is_told(clone):
    with History(clone) as history:
        assert history.read("HEAD", "code.py") == b"x = 1\n"
        history._process.kill()
        history._process.wait()
        assert history.read("HEAD", ".gitignore") is None
        assert "git ended while it read" in history.trouble


def test_results_made_where_git_could_not_tell_are_not_kept(clone, monkeypatch):
    monkeypatch.setitem(FACTS, "git", {"commit": "", "dirty": "unknown"})
    made("results/small/x/figures/g.svg", "<svg/>", {})
    with pytest.raises(git.StudyError, match=r"g\.svg was made where git could not tell"):
        keep("small", "x", clone)


@pytest.mark.parametrize("dirty", ["unknown", "no"])
def test_a_record_without_commit_is_no_silent_pass(clone, monkeypatch, dirty):
    monkeypatch.setitem(FACTS, "git", {"commit": "", "dirty": dirty})
    monkeypatch.setattr("test_chain.records.Identity", _with_code)
    made("results/small/x/metrics/g.csv", "a\n1\n", {})
    (found,) = verify([Path("results/small/x/metrics/g.csv")], clone)
    assert found.kind == "absent" and "its record names no commit" in found.what


def _with_code(what, inputs):
    return IDENTITY(what | {"code": "c" * 64}, inputs)


IDENTITY = records.Identity


@pytest.mark.parametrize("commit", ["", "1" * 40])
def test_a_difference_of_code_that_git_cannot_show_is_said(clone, monkeypatch, commit):
    for name, code in (("a", "1"), ("b", "2")):
        monkeypatch.setattr(
            "test_chain.records.Identity", lambda w, i, c=code: IDENTITY(w | {"code": c * 64}, i)
        )
        monkeypatch.setattr(
            "replicortex.core.codehash.module_hashes", lambda module, c=code: {"m.py": c, "n.py": c}
        )
        monkeypatch.setitem(FACTS, "git", {"commit": commit, "dirty": "no"})
        made(f"results/{name}/x/figures/g.svg", f"<{name}/>", {})
    lines = list(differences(*(Path(f"results/{n}/x/figures/g.svg") for n in "ab"), clone))
    assert [line.split(": ", 1)[1] for line in lines[:2]] == ["code of m.py", "code of n.py"]
    (said,) = lines[2:]
    assert ("names no commit" if not commit else "is not in this repository") in said


def test_the_opening_of_a_run_says_it(monkeypatch):
    monkeypatch.setattr(study.OpenStudy, "headline", lambda self: "Replicortex: scale demo")
    monkeypatch.setattr(study.OpenStudy, "left_out", (), raising=False)
    opened = object.__new__(study.OpenStudy)
    monkeypatch.delenv("REPLICORTEX_DIRTY", raising=False)
    monkeypatch.delenv("REPLICORTEX_NO_COMMIT", raising=False)
    assert opened.opening() == "Replicortex: scale demo"
    monkeypatch.setenv("REPLICORTEX_NO_COMMIT", "no git; install it")
    _, second = opened.opening().split("\n")
    assert second == f"Replicortex: no git; install it; until then {git.NO_COMMIT}"


COMMANDS = {
    "figure": ["audit", "figure", FIGURE],
    "diff": ["audit", "diff", FIGURE, FIGURE],
    "why": ["audit", "why", FIGURE],
    "cite": ["audit", "cite", FIGURE],
    "page": ["audit", "page", "results/reference/learning_rules", "{tmp}/page"],
    "export": ["audit", "export", "results/reference/learning_rules", "{tmp}/crate"],
    "summary": ["summary"],
    "keep": ["keep", "demo", "learning_rules"],
    "verify": ["audit", "verify", FIGURE],
    "verify, as JSON": ["audit", "verify", "--json", FIGURE],
}


SLOW = ("page", "why")


@pytest.mark.parametrize(
    "command", [pytest.param(c, marks=pytest.mark.slow) if c in SLOW else c for c in COMMANDS]
)
def test_each_command_says_it_once_and_works_on(root, tmp_path, command):
    done = _replicortex(root, tmp_path, COMMANDS[command], ANOTHERS)
    printed = done.stdout + done.stderr
    assert "Traceback" not in printed
    assert printed.count("--add safe.directory") == 1, printed
    if command == "summary":  # of a demo that this clone may not have run
        assert done.returncode == int("no results below" in printed), printed
    else:
        assert done.returncode == (1 if command == "keep" else 0), printed
    if command == "keep":
        assert re.fullmatch(r"Error: keep: .* nothing is kept .*\n", done.stderr)
    elif command == "verify":
        assert " 0 faults" in done.stdout and "no code was checked" in done.stdout
    elif command == "verify, as JSON":
        kinds = [each["kind"] for each in json.loads(done.stdout)["found"]]
        assert kinds.count("git") == 1
    else:
        assert re.search(r"^Note: .*; until then ", done.stderr, re.M)


def test_where_git_answers_nothing_is_said(root, tmp_path):
    done = _replicortex(root, tmp_path, COMMANDS["cite"], {})
    assert done.returncode == 0 and done.stderr == ""


def _replicortex(root, tmp_path, words, changes):
    kept = {k: v for k, v in os.environ.items() if k not in git.ELSEWHERE}
    return subprocess.run(
        [sys.executable, "-m", "replicortex", *(word.format(tmp=tmp_path) for word in words)],
        cwd=root,
        env=kept | {"PYTHONPATH": str(root / "workflow")} | changes,
        capture_output=True,
        text=True,
        timeout=300,
    )
