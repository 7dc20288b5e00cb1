"""One way to hash: the standard's own examples, whatever the content comes from."""

from __future__ import annotations

import gzip

import pytest

from replicortex.core.digests import file_sha256, sha256, stream_sha256

# NIST FIPS 180-2, appendix B.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
MILLION = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"


@pytest.mark.parametrize("content", ["abc", b"abc", memoryview(b"abc")])
def test_what_is_in_memory(content):
    assert sha256(content) == ABC


def test_a_text_counts_as_utf8():
    assert sha256("ä") == sha256(b"\xc3\xa4") != sha256("ä".encode("latin-1"))


def test_a_file_and_what_a_compressed_one_holds(tmp_path):
    (tmp_path / "a").write_bytes(b"a" * 1_000_000)
    assert file_sha256(tmp_path / "a") == MILLION
    with gzip.open(tmp_path / "a.gz", "wb") as stream:
        stream.write(b"a" * 1_000_000)
    with gzip.open(tmp_path / "a.gz") as stream:
        assert stream_sha256(stream) == MILLION
    assert file_sha256(tmp_path / "a.gz") != MILLION


def test_the_library_hashes_files_in_one_place(root):
    library = root / "workflow/replicortex"
    places = [path for path in library.rglob("*.py") if "file_digest" in path.read_text()]
    assert places == [library / "core/digests.py"]
