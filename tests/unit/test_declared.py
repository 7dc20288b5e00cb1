"""config/datasets.yaml: every dataset of the study declared, every mistake in it one sentence."""

from __future__ import annotations

import re

import pytest
import yaml
from fresh_python import said

from replicortex.core.codehash import ROOT
from replicortex.core.config import paper_names, paper_numbers
from replicortex.core.errors import StudyError
from replicortex.data.declared import Dataset, load, missing_user_data

SHA = "ab" * 32
GOOD = {
    "title": "small things",
    "version": "1",
    "source": {"kind": "urls"},
    "files": {"a.npy": {"sha256": SHA, "size": 3, "url": "https://example.org/a.npy"}},
    "licence": "MIT",
    "obtain": "Ask the author.",
}


@pytest.fixture(scope="module")
def declared(root) -> dict[str, Dataset]:
    return load(root / "config/datasets.yaml")


def changed(**changes):
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not None}


def write(tmp_path, **entries):
    path = tmp_path / "datasets.yaml"
    path.write_text(yaml.safe_dump(entries))
    return path


# --- the file itself ---------------------------------------------------------------------------

KINDS = {
    "urls": "cifar10 objects92 things_fmri_events macaque_v4 videos cifar_resnets tiny_llm",
    "packed": "cifar10_jpeg floc_128",
    "user": "things_fmri_betas things_images nsd ucf101",
    "fixture": "cifar10_fixture cifar10_jpeg_fixture objects92_fixture things_images_fixture "
    "things_fmri_events_fixture things_fmri_betas_fixture ucf101_fixture",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_dataset_is_declared(declared, kind):
    assert {name: declared[name].kind for name in KINDS[kind].split()} == dict.fromkeys(
        KINDS[kind].split(), kind
    )


def test_cifar10_is_the_official_archive(declared):
    (path,) = declared["cifar10"].files
    file = declared["cifar10"].files[path]
    assert path == "cifar-10-python.tar.gz"
    assert file.md5 == "c58f30108f718f92721af3b95e74349a"  # as torchvision and others have it
    assert file.size == 170498071
    assert file.sha256 == "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def test_events_are_three_people_times_twelve_sessions_times_ten_runs(declared):
    files = declared["things_fmri_events"].files
    found = {re.match(r"sub-(\d+)/ses-things(\d+)/func/.*run-(\d+)_", p).groups() for p in files}
    runs = {
        (f"{p:02}", f"{s:02}", r) for p in (1, 2, 3) for s in range(1, 13) for r in range(1, 11)
    }
    assert {(p, s, int(r)) for p, s, r in found} == runs
    assert len(files) == 360
    version = declared["things_fmri_events"].version
    assert all(file.url.endswith(f"ds004192/{version}/{p}") for p, file in files.items())


def test_everything_from_github_is_pinned_to_a_commit(declared):
    for name, entry in declared.items():
        for path, file in entry.files.items():
            if file.url and "github" in file.url:
                pattern = r"https://raw\.githubusercontent\.com/[\w-]+/[\w.-]+/[0-9a-f]{40}/.+"
                assert re.fullmatch(pattern, file.url), (name, path)


def test_every_dataset_says_its_terms_and_how_to_cite_it(declared):
    keys = {}
    for name, entry in declared.items():
        if entry.kind == "fixture":
            continue
        assert entry.obtain, name
        cited = re.findall(r"@\w+\{([\w-]+),", entry.citation.bibtex)
        assert cited[0] == entry.citation.key, name
        assert entry.citation.bibtex.count("{") == entry.citation.bibtex.count("}"), name
        assert keys.setdefault(entry.citation.key, entry.citation.bibtex) == entry.citation.bibtex


def test_each_fixture_bears_its_name_and_its_seed(declared):
    for name, entry in declared.items():
        assert (entry.kind == "fixture") == name.endswith("_fixture"), name
        if entry.kind == "fixture":
            assert entry.source.arguments["seed"] == 0, name


@pytest.mark.parametrize("paper", paper_names(ROOT.parent))
def test_the_demo_of_a_paper_reads_what_is_made_here_alone(root, declared, paper):
    """Or it needs the network, whatever its dataset is called."""
    named = paper_numbers(paper, "demo", {}, root)["datasets"]
    assert [name for name in named if declared[name].kind != "fixture"] == []


def test_import_and_loading_are_light(root):
    """Every start of the engine reads the file, so DataLad must not be imported for it."""
    code = (
        "import sys; from pathlib import Path; from replicortex.data.declared import load;"
        "load(Path('../config/datasets.yaml'));"
        "print([m for m in ('datalad', 'numpy', 'torch', 'pandas') if m in sys.modules])"
    )
    assert said(root, code).split("\n")[0] == "[]"


# --- what can be wrong in it -------------------------------------------------------------------

FAULTS = {
    "unknown key": (changed(licens="MIT"), r"x: unknown key 'licens'; did you mean 'licence'\?"),
    "unknown key of a file": (
        changed(files={"a.npy": {"sha25": SHA}}),
        r"x: unknown key 'files\.a\.npy\.sha25'; did you mean 'sha256'\?",
    ),
    "unknown key of the source": (
        changed(source={"kind": "urls", "comit": "0"}),
        r"x: unknown key 'source\.comit'; did you mean 'commit'\?",
    ),
    "unknown kind": (
        changed(source={"kind": "url"}),
        r"x: source\.kind: .*found 'url'; did you mean 'urls'\?",
    ),
    "missing": (changed(title=None), r"x: key 'title' is missing"),
    "no licence": (changed(licence=""), r"x: licence: string should have at least 1 character"),
    "version that is a number": (changed(version=2009), r"x: version: .*valid string, found 2009"),
    "no way to obtain": (changed(obtain=None), "x: obtain is missing"),
    "no files": (changed(files=None), r"x: files \(or source\.listing\) is missing"),
    "no checksum": (changed(files={"a.npy": {"size": 3}}), r"x: files\.a\.npy needs its sha256"),
    "short checksum": (
        changed(files={"a.npy": {"sha256": "abc", "size": 3}}),
        r"x: files\.a\.npy\.sha256: string should match .*found 'abc'",
    ),
    "empty file": (
        changed(files={"a.npy": {"sha256": SHA, "size": 0}}),
        r"x: files\.a\.npy\.size: .*greater than 0, found 0",
    ),
    "way out": (
        changed(files={"../a.npy": {"sha256": SHA, "size": 3}}),
        r"x: files\.\.\./a\.npy leads out of the dataset",
    ),
    "packed without a recipe": (
        changed(source={"kind": "packed", "url": "https://example.org", "commit": "0" * 40}),
        r"x: source\.recipe is missing, which kind 'packed' needs",
    ),
    "branch for a commit": (
        changed(source={"kind": "git", "url": "https://example.org", "commit": "main"}),
        r"x: source\.commit: string should match .*found 'main'",
    ),
    "generator of no module": (
        {
            **changed(files=None, obtain=None),
            "source": {"kind": "fixture", "generator": "replicortex.data.fixtures.none:build"},
        },
        r"x: source\.generator: no module 'replicortex\.data\.fixtures\.none'",
    ),
    "generator that is no function": (
        changed(source={"kind": "fixture", "generator": "replicortex.data.fixtures.cifar10"}),
        r"x: source\.generator: string should match",
    ),
    "no mapping": ("text", "x: .*found 'text'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_mistake_is_one_sentence(tmp_path, fault):
    entry, message = FAULTS[fault]
    with pytest.raises(StudyError, match=rf"^config/datasets\.yaml: {message}") as error:
        load(write(tmp_path, x=entry))
    assert "\n" not in str(error.value)


def test_sound_entry_is_read(tmp_path):
    found = load(write(tmp_path, x=GOOD))["x"]
    assert (found.kind, found.version, found.files["a.npy"].size) == ("urls", "1", 3)


def test_dataset_declared_twice(tmp_path):
    path = write(tmp_path, x=GOOD)
    path.write_text(path.read_text() * 2)
    with pytest.raises(StudyError, match=r"config/datasets\.yaml: the key 'x' is given twice"):
        load(path)


@pytest.mark.parametrize("text", ["x: [", "- a\n- b\n"])
def test_file_that_is_no_mapping(tmp_path, text):
    (tmp_path / "datasets.yaml").write_text(text)
    with pytest.raises(StudyError, match=r"^config/datasets\.yaml: (is no YAML|names of datasets)"):
        load(tmp_path / "datasets.yaml")


def test_listing_gives_files_with_their_urls(tmp_path):
    (tmp_path / "listed").mkdir()
    (tmp_path / "listed/x.tsv").write_text(f"path\tsize\tsha256\nsub/a b.tsv\t7\t{SHA}\n")
    source = {"kind": "urls", "listing": "listed/x.tsv", "url_prefix": "https://example.org/"}
    found = load(write(tmp_path, x=changed(source=source)))["x"].files
    assert sorted(found) == ["a.npy", "sub/a b.tsv"]
    assert found["sub/a b.tsv"].model_dump() == {
        "sha256": SHA,
        "size": 7,
        "md5": None,
        "url": "https://example.org/sub/a b.tsv",
    }


@pytest.mark.parametrize("line", ["a\t7", f"a\tmany\t{SHA}", "a\t7\tab12", ""])
def test_bad_line_of_a_listing(tmp_path, line):
    (tmp_path / "listed").mkdir()
    (tmp_path / "listed/x.tsv").write_text(f"path\tsize\tsha256\nb\t7\t{SHA}\n{line}\n")
    with pytest.raises(StudyError, match=r"^config/listed/x\.tsv: line 3: path, size and sha256"):
        load(write(tmp_path, x=changed(source={"kind": "urls", "listing": "listed/x.tsv"})))


@pytest.mark.parametrize("name", ["../x.csv", "a/../../x.csv", "/etc/x.csv", "..", ".", "", "a//b"])
def test_a_file_that_leads_out_of_the_dataset(tmp_path, name):
    listing = tmp_path / "listed/x.tsv"
    listing.parent.mkdir()
    listing.write_text(f"path\tsize\tsha256\na.csv\t1\t{'a' * 64}\n{name}\t1\t{'a' * 64}\n")
    with pytest.raises(StudyError, match=r"listed/x\.tsv: line 3: .*leads out of the dataset"):
        load(write(tmp_path, x=changed(source={"kind": "urls", "listing": "listed/x.tsv"})))
    if name:
        file = {"sha256": "a" * 64, "size": 1}
        with pytest.raises(StudyError, match="leads out of the dataset"):
            load(write(tmp_path, x=changed(files={name: file})))


def test_absent_listing(tmp_path):
    with pytest.raises(StudyError, match=r"x\.tsv: the listing of files is absent"):
        load(write(tmp_path, x=changed(source={"kind": "urls", "listing": "listed/x.tsv"})))


# --- versions and what users are told ----------------------------------------------------------


def fixture(**arguments):
    generator = "replicortex.data.fixtures.cifar10:build"
    source = {"kind": "fixture", "generator": generator, "arguments": arguments}
    return changed(files=None, obtain=None, source=source)


def test_version_of_a_fixture_follows_from_arguments_and_code(tmp_path, monkeypatch):
    def version(**arguments):
        return load(write(tmp_path, x=fixture(**arguments)))["x"].version

    first = version(seed=0, train=20)
    assert re.fullmatch(r"1-[0-9a-f]{10}", first)
    assert version(train=20, seed=0) == first  # the order of keys is no change
    assert version(seed=0, train=21) != first
    monkeypatch.setattr(
        "replicortex.data.declared.code_hash", lambda module, *_: f"{module} edited"
    )
    assert version(seed=0, train=20) != first


def test_version_of_real_data_is_the_declared_one(declared):
    assert declared["things_fmri_betas"].version == "figshare-20492835"


@pytest.mark.parametrize("folder", [None, "nowhere"])
def test_missing_user_data_says_where_terms_and_where_to_put(declared, tmp_path, folder):
    place = tmp_path / folder if folder else None
    sentence = str(missing_user_data("things_images", declared["things_images"], place))
    assert sentence.startswith("config/config.yaml: user_data.things_images: ")
    assert (f"the folder {place} does not exist" if folder else "no folder is given") in sentence
    assert "osf.io/jum2f" in sentence
    assert "terms: research use; not redistributable" in sentence
    assert "set user_data: {things_images: /your/folder}" in sentence
