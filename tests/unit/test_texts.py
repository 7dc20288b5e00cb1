"""English texts: documentation topics and WikiText's tables, whole and damaged."""

import pandas as pd
import pytest
from manifests import described

from replicortex.core.errors import StudyError
from replicortex.data import texts
from replicortex.data.fixtures import python_topics as fixture
from replicortex.data.fixtures import wikitext


def test_topics_are_parsed_never_run(tmp_path):
    folder = tmp_path / "topics"
    folder.mkdir()
    fixture.build(folder, seed=0, topics=3, sentences=5)
    found = texts.read(described(folder))
    assert len(found) == 3 and all(text.count(".") == 5 for text in found)
    for content in ("topics = open('x')", "topics = {'a': 1}", "topics = ['a']", "'a'"):
        (folder / texts.TOPICS).write_text(content)
        with pytest.raises(
            StudyError, match="a dictionary of topics, as Python writes it expected"
        ):
            texts.read(described(folder))


def test_wikitext_is_cut_into_articles(tmp_path):
    folder = tmp_path / "wiki"
    lines = [
        "",
        " = One = \n",
        " first  text \n",
        " = = Part = = \n",
        " more \n",
        " = Two = \n",
        "b",
    ]
    for name in texts.WIKITEXT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"text": lines}).to_parquet(folder / name)
    found = texts.read(described(folder))
    assert found == 3 * ["= One = first text = = Part = = more", "= Two = b"]
    (folder / texts.WIKITEXT[1]).write_bytes(b"PAR1")
    with pytest.raises(StudyError, match=r"validation.*a table with a column 'text'.* expected"):
        texts.read(described(folder))


def test_made_up_articles_have_titles_sections_and_letters_beyond_ascii(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        wikitext.build(tmp_path / name, seed=0, articles=5, sentences=6)
    found = texts.read(described(tmp_path / "one"))
    assert len(found) == 5 and found == texts.read(described(tmp_path / "two"))
    for number, text in enumerate(found):
        assert text.startswith(f"= Article {number} = Café {number} :")
        assert text.count(" .") == 6 and " = = Section = = " in text
    lines = [len(pd.read_parquet(tmp_path / "one" / name)) for name in texts.WIKITEXT]
    assert lines == [24, 8, 8]


def test_a_dataset_without_text_is_told(tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "none/a.txt").write_text("a")
    with pytest.raises(StudyError, match="dataset none holds no text"):
        texts.read(described(tmp_path / "none"))


def test_passages_are_of_one_length_and_cross_no_text():
    assert texts.passages(["abcdefg", "hé", "xyz"], 3) == ["abc", "def", "xyz"]
