"""V4 recordings and documentation topics from their fixtures."""

import json
import zipfile

import numpy as np
import pytest

from replicortex.data import macaque_v4, python_topics
from replicortex.data.fixtures import macaque_v4 as v4_fixture
from replicortex.data.fixtures import python_topics as topics_fixture
from replicortex.errors import StudyError

SIZES = {"images": 20, "shared": 12, "neurons": 4, "side": 16, "noise": 0.1}


def manifest_of(folder, name):
    """A manifest over the files of data/<name>."""
    files = {
        p.name: {"key": "", "size": p.stat().st_size, "sha256": ""}
        for p in (folder / name).iterdir()
    }
    content = {"name": name, "version": "1", "id": "i", "commit": "c", "synthetic": True}
    path = folder / "manifests" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**content, "files": files}))
    return path


@pytest.fixture
def v4(tmp_path):
    (tmp_path / "v4").mkdir()
    v4_fixture.build(tmp_path / "v4", seed=0, **SIZES)
    return tmp_path


def test_sessions_share_images_by_pixels(v4):
    manifest = manifest_of(v4, "v4")
    one, counts = macaque_v4.read(manifest, "210322")
    other, _ = macaque_v4.read(manifest, "210325")
    assert one.shape == (20, 16, 16, 3)
    assert counts.shape == (20, 4)
    here, there = macaque_v4.shared(one, other)
    assert len(here) >= 10
    assert here.tolist() != there.tolist()
    np.testing.assert_array_equal(one[here], other[there])


def test_the_same_seed_writes_the_same_bytes(v4, tmp_path):
    (tmp_path / "again").mkdir()
    v4_fixture.build(tmp_path / "again", seed=0, **SIZES)
    for file in (v4 / "v4").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_counts_that_do_not_fit_are_told(v4):
    np.save(v4 / "v4" / "responses_210322.npy", np.ones((4, 19)))
    with pytest.raises(StudyError, match="20 images, but responses of shape"):
        macaque_v4.read(manifest_of(v4, "v4"), "210322")
    (v4 / "v4" / "images_210322.zip").write_bytes(b"PK")
    with pytest.raises(StudyError, match="truncated or damaged"):
        macaque_v4.read(manifest_of(v4, "v4"), "210322")
    assert not zipfile.is_zipfile(v4 / "v4" / "images_210322.zip")


def test_topics_are_parsed_and_cut(tmp_path):
    (tmp_path / "topics").mkdir()
    topics_fixture.build(tmp_path / "topics", seed=0, topics=3, sentences=5)
    texts = python_topics.read(manifest_of(tmp_path, "topics"))
    assert len(texts) == 3
    assert all(text.count(".") == 5 for text in texts)
    assert python_topics.passages(["abcdefg", "hé"], 3) == ["abc", "def"]
    (tmp_path / "topics" / "topics.py").write_text("topics = open('x')")
    with pytest.raises(StudyError, match="no dictionary of topics"):
        python_topics.read(manifest_of(tmp_path, "topics"))
