"""English texts: documentation topics and WikiText's tables, whole and damaged."""

import json

import pandas as pd
import pytest

from replicortex.data import texts
from replicortex.data.fixtures import python_topics as fixture
from replicortex.errors import StudyError


def described(folder, data):
    """A manifest over the files of a folder."""
    files = {
        path.relative_to(folder).as_posix(): {"key": "K", "size": path.stat().st_size, "sha256": ""}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    content = {"name": folder.name, "version": "1", "id": "i", "commit": "c", "synthetic": True}
    manifest = data / "manifests" / f"{folder.name}@0.json"
    manifest.parent.mkdir(exist_ok=True)
    manifest.write_text(json.dumps({**content, "files": files}))
    return manifest


def test_topics_are_parsed_never_run(tmp_path):
    folder = tmp_path / "topics"
    folder.mkdir()
    fixture.build(folder, seed=0, topics=3, sentences=5)
    found = texts.read(described(folder, tmp_path))
    assert len(found) == 3 and all(text.count(".") == 5 for text in found)
    (folder / texts.TOPICS).write_text("topics = open('x')")
    with pytest.raises(StudyError, match="no dictionary of topics"):
        texts.read(described(folder, tmp_path))


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
    found = texts.read(described(folder, tmp_path))
    assert found == 3 * ["= One = first text = = Part = = more", "= Two = b"]
    (folder / texts.WIKITEXT[1]).write_bytes(b"PAR1")
    with pytest.raises(StudyError, match=r"validation.*is no table with a column 'text'"):
        texts.read(described(folder, tmp_path))


def test_a_dataset_without_text_is_told(tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "none/a.txt").write_text("a")
    with pytest.raises(StudyError, match="dataset none holds no text"):
        texts.read(described(tmp_path / "none", tmp_path))


def test_passages_are_of_one_length_and_cross_no_text():
    assert texts.passages(["abcdefg", "hé", "xyz"], 3) == ["abc", "def", "xyz"]
