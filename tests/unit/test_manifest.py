"""Manifests: read back, led from to files, and refused when they are not what they say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from fresh_python import said

from replicortex.core.errors import StudyError
from replicortex.data import manifest

CONTENTS = {"a.npy": b"first", "sub/b.npy": b"second"}


def entries(contents=CONTENTS):
    return {
        path: {"key": f"key of {path}", "size": len(c), "sha256": hashlib.sha256(c).hexdigest()}
        for path, c in contents.items()
    }


def write(data: Path, **changes) -> Path:
    content = {
        "name": "things",
        "version": "7",
        "id": "an id",
        "commit": "c0ffee",
        "synthetic": True,
        "files": entries(),
    }
    path = data / "manifests/things.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**content, **changes}))
    return path


def put(folder: Path) -> Path:
    for path, content in CONTENTS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def test_load_returns_what_was_written(tmp_path):
    found = manifest.load(write(tmp_path))
    assert (found.name, found.version, found.id, found.commit) == ("things", "7", "an id", "c0ffee")
    assert found.synthetic is True
    assert found.files["sub/b.npy"] == manifest.FileEntry(
        key="key of sub/b.npy", size=6, sha256=hashlib.sha256(b"second").hexdigest()
    )


def test_path_leads_into_the_dataset(tmp_path):
    put(tmp_path / "things")
    found = manifest.load(write(tmp_path))
    assert found.path("sub/b.npy") == tmp_path / "things/sub/b.npy"
    assert found.path("sub/b.npy").read_bytes() == b"second"


def test_path_leads_to_the_users_folder_where_there_is_one(tmp_path):
    put(tmp_path / "elsewhere")
    put(tmp_path / "things")
    (tmp_path / "things.user").symlink_to(tmp_path / "elsewhere")
    found = manifest.load(write(tmp_path))
    assert found.path("a.npy").resolve() == tmp_path / "elsewhere/a.npy"


def test_unknown_file_names_the_nearest(tmp_path):
    found = manifest.load(write(tmp_path))
    with pytest.raises(StudyError, match=r"has no file 'sub/b\.npz'; did you mean 'sub/b\.npy'\?"):
        found.path("sub/b.npz")


def test_absent_file(tmp_path):
    found = manifest.load(write(tmp_path))
    with pytest.raises(
        StudyError, match=r"a\.npy: absent, .*delete manifests/things@\*\.json and run"
    ):
        found.path("a.npy")


def test_user_folder_that_went_away(tmp_path):
    (tmp_path / "things.user").symlink_to(tmp_path / "unplugged")
    put(tmp_path / "things")  # the dataset must not stand in for it
    with pytest.raises(StudyError, match=r"things\.user/a\.npy: absent"):
        manifest.load(write(tmp_path)).path("a.npy")


@pytest.mark.parametrize("user", [False, True])
def test_dataset_at_another_version_than_the_manifest(tmp_path, user):
    """The manifest of an older version lies about; the dataset's links tell what is there."""
    put(tmp_path / "objects")
    (tmp_path / "objects/key of another").write_bytes(b"FIRST")  # of the same size
    (tmp_path / "things").mkdir()
    (tmp_path / "things/a.npy").symlink_to("../objects/key of another")
    if user:
        (tmp_path / "things.user").symlink_to(tmp_path / "objects")
    found = manifest.load(write(tmp_path))
    with pytest.raises(StudyError, match=r"of another version .*\(key of another found, key of a"):
        found.path("a.npy")
    (tmp_path / "objects/key of a.npy").write_bytes(b"first")
    (tmp_path / "things/a.npy").unlink()
    (tmp_path / "things/a.npy").symlink_to("../objects/key of a.npy")
    assert found.path("a.npy").read_bytes() == b"first"


@pytest.mark.parametrize("content", [b"", b"first and more"])
def test_file_of_another_size(tmp_path, content):
    put(tmp_path / "things")
    (tmp_path / "things/a.npy").write_bytes(content)
    sentence = rf"a\.npy: {len(content)} bytes found, 5 expected"
    with pytest.raises(StudyError, match=sentence):
        manifest.load(write(tmp_path)).path("a.npy")


@pytest.mark.parametrize(
    "text",
    ["", "[]", '"text"', "{}", '{"name": "x", "files": {}}', '{"files": {"a": {"size": 1}}}', "{x"],
)
def test_what_is_no_manifest(tmp_path, text):
    path = tmp_path / "manifests/x.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(
        StudyError, match=r"x\.json: a dataset's manifest \(JSON\) expected, .* found; delete"
    ):
        manifest.load(path)


def test_absent_manifest(tmp_path):
    with pytest.raises(StudyError, match=r"x\.json: .* no file found; .*run `snakemake datasets`"):
        manifest.load(tmp_path / "manifests/x.json")


def test_list_beside_the_manifest(tmp_path):
    listed = json.dumps(entries()).encode()
    name = f"things.files-{hashlib.sha256(listed).hexdigest()[:16]}.json"
    path = write(tmp_path, files=name)
    with pytest.raises(StudyError, match=rf"{name}: .* no file found"):
        manifest.load(path)
    (tmp_path / "manifests" / name).write_bytes(listed)
    assert manifest.load(path).files == manifest.load(write(tmp_path)).files
    path = write(tmp_path, files=name)
    (tmp_path / "manifests" / name).write_bytes(listed.replace(b"key of a", b"key of z"))
    with pytest.raises(StudyError, match=rf"{name}: was changed after it was written"):
        manifest.load(path)


def test_import_is_light(root):
    """Jobs read manifests; neither DataLad nor numpy is paid for that."""
    code = (
        "import sys, replicortex.data.manifest;"
        "print([m for m in ('datalad', 'numpy', 'pydantic', 'yaml') if m in sys.modules])"
    )
    assert said(root, code) == "[]"
