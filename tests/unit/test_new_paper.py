"""The skeleton of a paper: what is refused, and that nothing is left of what fails."""

import shutil

import pytest

from replicortex.core.errors import StudyError
from replicortex.tools import new_paper as module
from replicortex.tools.new_paper import new_paper


@pytest.fixture
def repository(root, tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("config", "envs", "workflow"):
        shutil.copytree(root / name, tmp_path / name, ignore=ignore)
    return tmp_path


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My-Paper", "small letters and digits, words joined by _, .* found 'My-Paper'"),
        ("two__lines", "small letters and digits"),
        ("../outside", "small letters and digits"),
        ("2027_paper", "small letters and digits"),
        ("", "small letters and digits"),
        ("a" * 31, "at most 30 characters"),
        ("judge", "'judge' has another meaning"),
        ("lambda", "'lambda' has another meaning"),
        ("learning_rules", r"config/papers/learning_rules\.yaml is there already"),
        ("nsd", r"workflow/replicortex/data/fixtures/nsd\.py is there already"),
        ("voxel_tables", r"fixtures/voxel_tables\.py is there already"),
    ],
)
def test_a_bad_name_is_one_sentence_and_writes_nothing(repository, name, expected):
    before = content(repository)
    with pytest.raises(StudyError, match=rf"new-paper: .*{expected}") as caught:
        new_paper(name, repository)
    assert "\n" not in str(caught.value) and content(repository) == before


@pytest.mark.parametrize("title", ['A "title"', "a" * 81, "{x}", "back\\slash", "bell\a"])
def test_a_title_that_would_break_a_file_is_refused(repository, title):
    with pytest.raises(StudyError, match="new-paper: title: at most 80 characters"):
        new_paper("toy_paper", repository, title)


@pytest.mark.parametrize("place", ["workflow/papers/toy_paper", "tests/papers/toy_paper"])
def test_a_half_made_paper_is_not_overwritten(repository, place):
    (repository / place).mkdir(parents=True)
    with pytest.raises(StudyError, match=f"{place} is there already"):
        new_paper("toy_paper", repository)


def test_a_declared_dataset_is_not_declared_twice(repository):
    file = repository / "config/datasets.yaml"
    file.write_text(file.read_text().replace("\nobjects92_fixture:", "\ntoy_paper_fixture:"))
    with pytest.raises(StudyError, match=r"datasets\.yaml declares toy_paper_fixture already"):
        new_paper("toy_paper", repository)


@pytest.mark.parametrize("when", ["schemas", "write_bytes"])
def test_what_fails_midway_leaves_nothing(repository, monkeypatch, when):
    (repository / "tests/papers").mkdir(parents=True)
    before, real, calls = content(repository), getattr(module, when), []

    def failing(*arguments):
        calls.append(arguments)
        if when == "schemas" or len(calls) == 6:
            raise OSError("no space left")
        return real(*arguments)

    monkeypatch.setattr(module, when, failing)
    with pytest.raises(OSError, match="no space left"):
        new_paper("toy_paper", repository)
    assert calls and content(repository) == before


def test_the_marks_of_the_skeleton_are_all_filled():
    words = {"__PAPER__": "p", "__TITLE__": "T", "__SHORT__": "S", "__ORDER__": "1"}
    for file in (*module.PLACES, "datasets.yaml"):
        assert not any(mark in module._filled(file, words) for mark in words), file
    held = {path.name.removesuffix(".txt") for path in module.SKELETON.iterdir()}
    assert held == {*module.PLACES, "datasets.yaml"}
