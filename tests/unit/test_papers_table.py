"""The table of papers in the README: generated, and current."""

import shutil

import pytest

from replicortex.core.errors import StudyError
from replicortex.tools import papers_table
from replicortex.tools.generated import marks, replaced, write


def test_the_readmes_table_is_what_the_papers_and_their_verdicts_say(root):
    readme = (root / "README.md").read_text()
    made = papers_table.table(root)
    assert replaced(readme, papers_table.PART, made, "README.md") == readme, "run `make readme`"
    assert made.count("\n") == 7


@pytest.fixture
def changed(root, tmp_path):
    shutil.copytree(root / "workflow/papers", tmp_path / "workflow/papers")
    shutil.copytree(root / "envs", tmp_path / "envs")
    kept = tmp_path / "results/reference/mt_maps/scorecard"
    kept.mkdir(parents=True)
    rows = [
        "published,replicated on other data",
        'published,"replicated, smaller"',
        "published,not testable here",
        "control,holds",
        "published,not replicated",
    ]
    (kept / "claims.csv").write_text("\n".join(["kind,verdict", *rows]) + "\n")
    return tmp_path


def test_verdicts_are_counted_by_word_whatever_the_data(changed):
    said = "4: 1 replicated, 1 smaller, 1 not testable, 1 not"
    assert papers_table.verdicts(changed, "mt_maps") == said
    assert papers_table.verdicts(changed, "topographic") == "no run is kept yet"


def test_a_paper_that_says_nothing_has_no_row(changed):
    file = changed / "workflow/papers/mt_maps/paper.yaml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("controls:")]
    file.write_text("\n".join(lines) + "\n")
    made = papers_table.table(changed)
    assert "mt_maps" not in made and made.count("\n") == 6


def test_a_text_without_marks_is_told_and_none_of_its_parts_is_written(tmp_path):
    part, other = marks("one", "a test"), marks("other", "a test")
    with pytest.raises(StudyError, match=r"README\.md: the lines .* expected, once each"):
        replaced("no marks", part, "table", "README.md")
    file = tmp_path / "text.md"
    before = f"a\n{part.start}old\n{part.end}b\n"
    file.write_text(before)
    with pytest.raises(StudyError, match=r"text\.md: the lines <!-- other"):
        write(file, {part: "new\n", other: "new\n"})
    assert file.read_text() == before
    write(file, {part: "new\n"})
    assert file.read_text() == before.replace("old", "new")
