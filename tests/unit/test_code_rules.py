"""Records of an older version of the hash rules hold by those rules, and are compared by them."""

import json
import subprocess
from pathlib import Path

import pytest

from replicortex.core import codehash
from replicortex.core.codehash import joined, module_hashes, read_from
from replicortex.core.files import canonical_json
from replicortex.provenance import records
from replicortex.provenance.differences import differences
from replicortex.provenance.reasons import _modules
from replicortex.provenance.verification import verify

GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@localhost"]
SENTENCE = """from replicortex.core.errors import StudyError


def halved(x):
    if x < 0:
        raise StudyError("is negative")
    return x / 2
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of one job and the library's errors, at one commit; it is the present folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(codehash, "ROOT", tmp_path / "workflow")
    for path in ("replicortex/__init__.py", "replicortex/core/__init__.py", "pkg/__init__.py"):
        place = Path("workflow", path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    Path("workflow/replicortex/core/errors.py").write_text(
        "class StudyError(ValueError):\n    ...\n"
    )
    Path("workflow/pkg/job.py").write_text(SENTENCE)
    subprocess.run([*GIT, "init", "--quiet"], check=True)
    commit()
    return tmp_path


def commit():
    subprocess.run([*GIT, "add", "workflow"], check=True)
    subprocess.run([*GIT, "commit", "--quiet", "--message", "x"], check=True)


def made(path: str, rules: int | None, content: str = "a\n1\n") -> Path:
    """Write a result with a record by a version of the rules; None: one that names none."""
    head = subprocess.run([*GIT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    read = read_from(Path("workflow"))
    modules = module_hashes("pkg.job", read, rules or 1)
    what = {"call": "pkg.job:halved", "arguments": {}, "code": joined(modules)}
    result = Path(path)
    result.parent.mkdir(parents=True, exist_ok=True)
    result.write_text(content)
    facts = {"rule": "x", "git": {"commit": head.stdout.strip(), "dirty": "no"}}
    identity = records.Identity(what, {})
    records.write(result, identity, records.file_sha256(result), None, facts)
    place = records.path_of(result)
    record = json.loads(place.read_text())
    del record["sha256"], record["code_rules"]
    record["modules"] = modules
    if rules:
        record["code_rules"] = rules
    record["sha256"] = records.sha256(canonical_json(record))
    place.write_text(canonical_json(record, indent=1) + "\n")
    return result


def found(path: Path) -> list[tuple[str, str]]:
    return [(fault.kind, fault.path) for fault in verify([path], Path.cwd())]


@pytest.mark.parametrize("rules", [None, 1, 2])
def test_a_record_holds_by_its_own_rules(repository, rules):
    assert found(made("results/a.csv", rules)) == []


def test_a_new_record_names_the_rules_and_by_others_it_does_not_hold(repository):
    result = made("results/a.csv", 2)
    place = records.path_of(result)
    record = json.loads(place.read_text())
    assert records.code_rules(record) == codehash.RULES == 2
    del record["code_rules"], record["sha256"]
    record["sha256"] = records.sha256(canonical_json(record))
    place.write_text(canonical_json(record, indent=1) + "\n")
    assert ("fault", "results/a.csv") in found(result)


def test_a_sentence_edited_since_is_stale_by_the_first_rules_alone(repository):
    old, new = made("results/a.csv", None), made("results/b.csv", 2)
    Path("workflow/pkg/job.py").write_text(SENTENCE.replace("is negative", "lies below 0"))
    assert found(old) == [("stale", "workflow/pkg/job.py")]
    assert found(new) == [("text", "workflow/pkg/job.py")]
    Path("workflow/pkg/job.py").write_text(SENTENCE.replace("< 0", "<= 0"))
    assert found(new) == [("stale", "workflow/pkg/job.py")]


def test_why_names_the_rules_where_nothing_else_of_the_code_differs(repository):
    now = {"call": "pkg.job:halved", "code": "another"}
    old = records.read(records.path_of(made("results/a.csv", None)))
    assert _modules(old, now) == ["code: hashed by rules 1 then, 2 now"]
    Path("workflow/pkg/job.py").write_text(SENTENCE.replace("< 0", "<= 0"))
    assert _modules(old, now)[0] == "code: workflow/pkg/job.py"


def test_records_of_two_rules_are_compared_by_the_newer_ones(repository):
    old, new = made("results/a/a.csv", None), made("results/b/a.csv", 2, "a\n2\n")
    lines = list(differences(old, new, Path.cwd()))
    assert lines == [
        "results/a/a.csv and results/b/a.csv differ, and nothing on their chains tells why"
    ]
    Path("workflow/pkg/job.py").write_text(SENTENCE.replace("< 0", "<= 0"))
    commit()
    newer = made("results/c/a.csv", 2, "a\n2\n")
    lines = list(differences(old, newer, Path.cwd()))
    assert lines[0] == "results/a/a.csv: code of pkg/job.py"
    assert "    +    if x <= 0:" in lines
