"""Files of the repository at any commit."""

import subprocess

import pytest
from study_copy import GIT

from replicortex.provenance.history import History


@pytest.fixture
def repository(tmp_path):
    """Two commits: a module, and the module changed with a file beside it."""

    def commit(**files):
        for name, text in files.items():
            path = tmp_path / "workflow/pkg" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        subprocess.run([*GIT, "add", "."], cwd=tmp_path, check=True)
        subprocess.run([*GIT, "commit", "--quiet", "-m", "c"], cwd=tmp_path, check=True)
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True)
        return head.stdout.decode().strip()

    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return (
        tmp_path,
        commit(__init__="", a="x = 1\n"),
        commit(a="import pkg.b\nx = 2\n", b="y = 1\n\n\n"),
    )


def test_files_are_read_as_each_commit_holds_them(repository):
    root, one, two = repository
    with History(root) as history:
        assert history.has(one) and history.has(two) and not history.has("0" * 40)
        assert history.read(one, "workflow/pkg/a.py") == b"x = 1\n"
        assert history.read(one, "workflow/pkg/b.py") is None
        assert history.read(two, "workflow/pkg") is None  # a folder
        assert history.read(two, "workflow/pkg/b.py") == b"y = 1\n\n\n"
        assert history.read("HEAD", "workflow/pkg/a.py") == b"import pkg.b\nx = 2\n"


def test_a_name_of_two_lines_is_one_question(repository):
    root, one, two = repository
    with History(root) as history:
        assert history.read(f"{one}:workflow/pkg/a.py\n{one}", "workflow/pkg/a.py") is None
        assert history.read(two, "workflow/pkg/b.py") == b"y = 1\n\n\n"


def test_modules_are_those_of_the_commit(repository):
    root, one, two = repository
    with History(root) as history:
        assert set(history.modules("pkg.a", one)) == {"pkg/a.py"}
        assert set(history.modules("pkg.a", two)) == {"pkg/__init__.py", "pkg/a.py", "pkg/b.py"}
        assert history.modules("pkg.b", one) is None


def test_outside_a_repository_there_is_nothing(tmp_path, monkeypatch):
    with History(tmp_path) as history:
        assert not history.has("0" * 40) and history.read("HEAD", "a") is None
    monkeypatch.setenv("PATH", "")
    with History(tmp_path) as history:
        assert history.read("HEAD", "a") is None
