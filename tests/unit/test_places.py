"""Folders that cannot take what is to be written there, and damaged notes: one sentence, or nothing."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from study_copy import ORDINARY

from replicortex.core import places, study
from replicortex.core.errors import StudyError
from replicortex.core.remembered import recall, remember
from replicortex.provenance.contents import Hashes


def no_links(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), "a", None, "b")


def a_file(folder):
    folder.write_text("x")


def a_file_within(folder):
    folder.mkdir()
    (folder / "manifests").write_text("x")


def a_broken_link(folder):
    folder.symlink_to("unplugged/disk")


STANDS = {
    a_file: "data: is a file, a folder was expected; move it away, or name another folder as `data`",
    a_file_within: "data/manifests: is a file, a folder was expected",
    a_broken_link: "data: leads to 'unplugged/disk', which is not there; mount it, or name another",
}


@pytest.mark.parametrize("what", STANDS, ids=lambda what: what.__name__)
def test_what_stands_in_the_place_of_the_data_is_told(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    places.check_data(Path("data"))
    what(Path("data"))
    with pytest.raises(StudyError) as raised:
        places.check_data(Path("data"))
    assert STANDS[what] in str(raised.value)


def test_a_file_system_without_symbolic_links_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "symlink", no_links)
    with pytest.raises(StudyError, match=r"data: its file system holds no symbolic links .*`data`"):
        places.check_data(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_a_check_leaves_nothing(tmp_path):
    places.check_data(tmp_path / "deep/data")
    assert list(tmp_path.iterdir()) == []


def opened(root, tmp_path):
    """Open the study in a folder, as a user without root's privileges, and return what is said."""
    config = yaml.safe_load((root / "config/config.yaml").read_text()) | {"run": "learning_rules"}
    code = (
        "import json, sys; from pathlib import Path; from replicortex.core.study import load_study; "
        "load_study(json.loads(sys.argv[1]), Path(sys.argv[2]), main=True)"
    )
    command = [*ORDINARY, sys.executable, "-c", code, json.dumps(config), str(root)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root / "workflow")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


@pytest.mark.parametrize("folder", ["data", "data/manifests", "logs"])
def test_a_folder_without_rights_is_told_before_any_job(root, tmp_path, folder):
    assert opened(root, tmp_path) == ""
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder).chmod(0o555)
    said = opened(root, tmp_path)
    assert said.startswith("Error: ") and said.count("\n") == 1
    assert f"{folder}: cannot be written by this user" in said


def test_data_that_are_all_installed_need_not_be_writable(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((root / "config/config.yaml").read_text()) | {"run": "learning_rules"}
    checked = study.configuration.check(config, root)
    for name, entry in checked.datasets.items():
        made = tmp_path / "data/manifests" / study.configuration.manifest_name(name, entry)
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text("{}")
    for folder in ("data/manifests", "data"):
        (tmp_path / folder).chmod(0o555)
    assert opened(root, tmp_path) == ""
    (tmp_path / "data").chmod(0o755)
    (tmp_path / "data/manifests").chmod(0o755)
    made.unlink()
    (tmp_path / "data/manifests").chmod(0o555)
    assert "data/manifests: cannot be written" in opened(root, tmp_path)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda p: (p / "file/x").mkdir(), "file/x: Not a directory: a file stands where a folder"),
        (lambda p: (p / "file").mkdir(), "file: File exists: a file stands where a folder"),
        (lambda p: (p / ("x" * 300)).write_text(""), "File name too long"),
        (lambda p: p.read_bytes(), "Is a directory"),
        (lambda p: (p / "absent").read_bytes(), ""),
    ],
)
def test_what_the_system_refuses_is_a_sentence(tmp_path, what, said):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as raised:
        what(tmp_path)
    sentence = places.sentence(raised.value)
    assert said in sentence and bool(said) == bool(sentence) and "\n" not in sentence
    assert not said or sentence.endswith(", and start again")


def test_a_page_that_cannot_be_written_is_a_sentence(root, tmp_path):
    (tmp_path / "no").mkdir()
    (tmp_path / "no").chmod(0o555)
    words = ["audit", "page", "results/reference/learning_rules", str(tmp_path / "no/page")]
    done = subprocess.run(
        [*ORDINARY, sys.executable, "-m", "replicortex", *words],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "workflow")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "Permission denied: this user may not read or write it" in done.stderr


def test_notes_come_back_and_damaged_ones_are_none(tmp_path):
    path = tmp_path / "notes"
    assert recall(path) == {}
    notes = {"a": [1, "x", 2.5], "é": None}
    remember(path, notes)
    assert recall(path) == notes
    content = path.read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1
        path.write_bytes(flipped)
        assert recall(path) == {}, position
        path.write_bytes(content[:position])
        assert recall(path) == {}, position
    for other in (b"", b"null", b"[1]", bytes(range(256)), b'{"a": 1}'):
        path.write_bytes(other)
        assert recall(path) == {}
    path.unlink()
    path.mkdir()
    assert recall(path) == {}


def test_damaged_hashes_of_a_check_are_made_anew(tmp_path):
    file, cache = tmp_path / "f", tmp_path / "hashes.json"
    file.write_text("x")
    os.utime(file, (1, 1))
    first = Hashes(cache)
    first._kept = {f"content {file}": [1, 2, 3, 4, 5, "0" * 64]}
    first.remember()
    assert Hashes(cache)._kept == first._kept
    cache.write_bytes(cache.read_bytes().replace(b"0" * 64, b"1" * 64))
    assert Hashes(cache)._kept == {}


def test_ordinary_users_are_refused(tmp_path):
    """The tests above would pass for root, whom no rights bind, without having tried anything."""
    tmp_path.chmod(0o555)
    done = subprocess.run([*ORDINARY, "touch", str(tmp_path / "x")], capture_output=True, text=True)
    assert "Permission denied" in done.stderr and not (tmp_path / "x").exists()
    assert shutil.which("touch")


@pytest.mark.parametrize("home", ["writable", "absent", "no rights", "unset"])
def test_make_keeps_caches_where_they_can_be_written(root, tmp_path, home):
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in ("XDG_CACHE_HOME", "HOME") and not k.startswith("MAKE")
    }
    folder = tmp_path / "home"
    folder.mkdir()
    if home == "no rights":
        folder.chmod(0o555)
    places_of = {"absent": "/proc/nonexistent", "unset": None}
    place = places_of.get(home, str(folder))
    words = ["make", "--eval", "shown: ; @echo $$XDG_CACHE_HOME $$MPLCONFIGDIR", "shown"]
    done = subprocess.run(
        [*ORDINARY, *words],
        cwd=root,
        env=kept | ({"HOME": place} if place else {}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    if home == "unset":  # programs ask the system for it
        assert done.stdout == "\n"
        return
    if home == "writable":
        assert done.stdout == "\n" and (folder / ".cache/snakemake").is_dir()
        return
    said, printed = done.stdout.splitlines()
    assert "caches are kept in .snakemake/caches" in said
    caches = root / ".snakemake/caches"
    assert printed == f"{caches} {caches / 'matplotlib'}"
