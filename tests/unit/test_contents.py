"""Hashes of many files, remembered as long as nothing speaks against it."""

import hashlib
import hmac
import lzma
import os
from pathlib import Path

import pytest

from replicortex.provenance import contents
from replicortex.provenance.contents import BROKEN, Hashes


def sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(contents, "SETTLED_S", 0.0)


def remembered(path):
    hashes = Hashes(Path("cache.json"))
    found = hashes.of(path)
    hashes.remember()
    return found, hashes.bytes_read


def test_a_hash_is_remembered_and_the_file_not_read_again():
    path = Path("a")
    path.write_bytes(b"one")
    assert remembered(path) == (sha(b"one"), 3)
    assert remembered(path) == (sha(b"one"), 0)


def test_a_change_of_the_same_size_with_its_time_set_back_is_seen():
    path = Path("a")
    path.write_bytes(b"one")
    before = path.stat()
    remembered(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert remembered(path)[0] == sha(b"two")


def test_what_was_changed_a_moment_ago_is_not_remembered(monkeypatch):
    monkeypatch.setattr(contents, "SETTLED_S", 60.0)
    path = Path("a")
    path.write_bytes(b"one")
    assert remembered(path)[1] == remembered(path)[1] == 3


def test_without_a_cache_every_file_is_read():
    path = Path("a")
    path.write_bytes(b"one")
    remembered(path)
    hashes = Hashes()
    assert hashes.of(path) == sha(b"one") and hashes.bytes_read == 3


def forged(path):
    """Write a cache as somebody would who read this source, but has no key of this user."""
    import json

    stat = path.stat()
    facts = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev]
    content = json.dumps({f"content {path}": [*facts, sha(b"one")]}, separators=(",", ":")).encode()
    for seal in (sha(content), hmac.new(b"", content, "sha256").hexdigest()):
        Path("cache.json").write_bytes(seal.encode() + b"\n" + content)
        yield


def test_a_forged_cache_and_that_of_another_user_are_left_aside(tmp_path_factory, monkeypatch):
    path = Path("a")
    path.write_bytes(b"one")
    remembered(path)
    path.write_bytes(b"two")
    for _ in forged(path):
        assert remembered(path) == (sha(b"two"), 3)
    assert remembered(path) == (sha(b"two"), 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("another")))
    assert remembered(path) == (sha(b"two"), 3)


@pytest.mark.parametrize("caches", ["in the study", "a file"])
def test_without_a_place_for_the_key_nothing_is_remembered(tmp_path_factory, monkeypatch, caches):
    place = (
        Path("caches").absolute()
        if caches == "in the study"
        else tmp_path_factory.mktemp("x") / "f"
    )
    if caches == "a file":
        place.write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    path = Path("a")
    path.write_bytes(b"one")
    assert remembered(path) == remembered(path) == (sha(b"one"), 3)
    assert not Path("cache.json").exists() and not Path("caches").exists()


def test_the_key_of_caches_is_its_users_alone(tmp_path_factory, monkeypatch):
    caches = tmp_path_factory.mktemp("caches")
    monkeypatch.setenv("XDG_CACHE_HOME", str(caches))
    path = Path("a")
    path.write_bytes(b"one")
    remembered(path)
    key = caches / "replicortex/key"
    assert key.stat().st_mode & 0o777 == 0o600 and key.stat().st_size == 32
    key.write_bytes(b"cut")  # a new one takes its place
    assert remembered(path)[1] == 3 and remembered(path)[1] == 0


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 3}'])
def test_a_cache_that_is_none_is_left_aside(content):
    path = Path("a")
    path.write_bytes(b"one")
    Path("cache.json").write_text(content)
    assert remembered(path)[0] == sha(b"one")


def test_a_result_is_hashed_by_its_content_and_raw_data_as_they_are():
    packed = lzma.compress(b"table")
    Path("t.csv.xz").write_bytes(packed)
    hashes = Hashes()
    assert hashes.of(Path("t.csv")) == hashes.of(Path("t.csv.xz")) == sha(b"table")
    assert hashes.of(Path("t.csv.xz"), raw=True) == sha(packed)
    assert hashes.of(Path("t.csv"), raw=True) is None and hashes.of(Path("absent")) is None
    Path("t.csv.xz").write_bytes(packed[:-9])
    assert Hashes().of(Path("t.csv")) == BROKEN


def test_many_files_side_by_side_are_the_files_one_by_one():
    paths = [Path(f"f{n}") for n in range(40)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 1000)
    hashes = Hashes()
    hashes.fill([*paths, *paths])
    assert hashes.bytes_read == 40_000
    assert [hashes.of(path) for path in paths] == [sha(path.read_bytes()) for path in paths]
    assert hashes.bytes_read == 40_000
