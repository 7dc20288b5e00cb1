"""Analyses of sources that are remembered between plans: the same hashes, and never one of other code."""

import pytest

from replicortex.core import codehash
from replicortex.core.codehash import ROOT, code_hash, module_hashes, read_from
from replicortex.core.known_code import KnownCode

MODULE = "papers.learning_rules.trainings.bp"


def hashed(folder, read=None):
    """Hash a module with what a folder remembers; return the hash and how many sources were parsed."""
    known = KnownCode(folder / "code.json")
    found = code_hash(MODULE, read or read_from(ROOT), known)
    known.keep()
    return found, known.new


def test_a_second_plan_parses_nothing_and_hashes_the_same(tmp_path):
    first, parsed = hashed(tmp_path)
    assert (first, parsed) == (code_hash(MODULE), len(module_hashes(MODULE)))
    assert hashed(tmp_path) == (first, 0)


def test_what_changed_is_parsed_again(tmp_path):
    before, _ = hashed(tmp_path)
    (own,) = (path for path in module_hashes(MODULE) if path.endswith("trainings/bp.py"))

    def edited(path):
        source = read_from(ROOT)(path)
        return source and source + (b"\nMORE = 1\n" if path == own else b"")

    after, parsed = hashed(tmp_path, edited)
    assert parsed == 1 and after == code_hash(MODULE, edited) != before
    assert hashed(tmp_path) == (before, 1)


@pytest.mark.parametrize("what", ["seal", "analysis", "user"])
def test_notes_of_others_count_for_nothing(tmp_path, monkeypatch, what):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    first, parsed = hashed(tmp_path)
    if what == "seal":
        file = tmp_path / "code.json"
        file.write_bytes(file.read_bytes().replace(b"false", b"true"))
    elif what == "analysis":
        other = tmp_path / "codehash.py"
        other.write_text("RULES = 3\n")
        monkeypatch.setattr(codehash, "__file__", str(other))
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "yours"))
    assert hashed(tmp_path) == (first, parsed)


def test_without_the_engines_folder_nothing_is_written(tmp_path):
    assert hashed(tmp_path / "absent") == hashed(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()
