"""What readers open, and what a folder lacks of it: each fixture has it, and misses any file taken away."""

import json
from pathlib import Path

import pytest
from manifests import described

from papers.sparse_positive import weights
from replicortex.core.codehash import ROOT
from replicortex.core.config import checked_numbers, paper_names
from replicortex.core.errors import StudyError
from replicortex.data import floc_originals, model_cache, nsd, texts, things, video, voxel_tables
from replicortex.data.fixtures import nsd as nsd_fixture
from replicortex.data.fixtures import (
    nsd_regions,
    things_fmri_betas,
    things_fmri_events,
    things_images,
    ucf101,
)
from replicortex.data.fixtures import voxel_tables as tables_fixture
from replicortex.data.floc import DOMAINS
from replicortex.data.placed import Folder, absent, in_words

PEOPLE = [1, 2, 5, 7]
THINGS = {"concepts": 4, "exemplars": 2}
MODELS = [("a/small", "1" * 40), ("a/large", None)]


def touched(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def cached(folder):
    base, large = (f"models--a--{n}/snapshots" for n in ("small", "large"))
    touched(folder, *(f"{base}/{'1' * 40}/{n}" for n in ("config.json", "model.safetensors")))
    own = f"{large}/{'2' * 40}"
    touched(folder, f"{own}/config.json", f"{own}/one.safetensors", f"{own}/two.safetensors")
    index = {"weight_map": {"w": "one.safetensors", "v": "two.safetensors"}}
    (folder / own / "model.safetensors.index.json").write_text(json.dumps(index))
    touched(folder, f"{base}/{'1' * 40}/tokenizer.json", f"{own}/tokenizer.json")


def selected(folder):
    events = folder.parent / "events"
    things_fmri_events.build(events, seed=0, runs=2, **THINGS)
    return things.select(described(events))


# name -> how a folder is filled, what its reader opens there.
READERS = {
    "nsd": (
        lambda f: nsd_fixture.build(
            f, seed=0, layout="volume", people=PEOPLE, shared=6, own=4, side=8
        ),
        lambda f: nsd.expected(f, PEOPLE, ["FFA", "PPA"], "volume"),
    ),
    "nsd_surface": (
        lambda f: nsd_fixture.build(
            f, seed=0, layout="surface", people=PEOPLE, shared=6, own=4, side=8
        ),
        lambda f: nsd.expected(f, PEOPLE, ["FFA", "PPA"], "surface"),
    ),
    "nsd_regions": (
        lambda f: nsd_regions.build(f, seed=0, images=6, voxels=3, sessions=3, noise=1.0, side=8),
        lambda f: nsd.expected(f, PEOPLE, ["V1v", "V4"], "volume", coco=False),
    ),
    "things_fmri_betas": (
        lambda f: things_fmri_betas.build(f, seed=0, runs=2, side=8, voxels=4, noise=1.0, **THINGS),
        lambda f: things.expected_tables(["01", "02", "03"]),
    ),
    "things_images": (
        lambda f: things_images.build(f, seed=0, side=8, **THINGS),
        lambda f: things.expected_images(selected(f.path)),
    ),
    "ucf101": (
        lambda f: ucf101.build(f, seed=0, classes=2, groups=2, frames=2),
        lambda f: video.expected_ucf101(f, 1, "train"),
    ),
    "voxel_tables": (
        lambda f: tables_fixture.build(f, seed=0, stimuli=6, voxels=3),
        lambda f: voxel_tables.expected(["targets.csv", "matched.csv", "mismatched.npz"]),
    ),
    "floc_originals": (
        lambda f: touched(
            f, *(f"fLoc/stimuli/{c}/{c}-{n}.jpg" for c in DOMAINS for n in range(1, 4))
        ),
        lambda f: floc_originals.expected(3),
    ),
    "wikitext": (lambda f: touched(f, *texts.WIKITEXT), lambda f: texts.expected()),
    "models": (cached, lambda f: model_cache.expected(f, MODELS, tokenizer=True)),
    "model_weights": (
        lambda f: touched(f, "torchvision/resnet18-f37072fd.pth", "timm/x.a1.safetensors"),
        lambda f: weights.expected(["torchvision/resnet18", "timm/x.a1"]),
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_a_fixture_has_all_and_any_file_taken_away_is_named(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    fill, expected = READERS[name]
    fill(folder)
    needed = expected(Folder(folder))
    assert needed and absent(Folder(folder), needed) == []
    opened = {Folder(folder).find(one) for one in needed}
    for path in sorted(opened):
        away = folder / path
        aside = tmp_path / "aside"
        away.rename(aside)
        told = absent(Folder(folder), expected(Folder(folder)))
        assert told, path
        # A list of videos, or an index of weights, is named; what it would have named is not known.
        assert any(Path(one).name in (Path(path).name, "model.safetensors") for one in told), path
        aside.rename(away)


@pytest.mark.parametrize("name", READERS)
def test_an_empty_folder_lacks_what_cannot_be_guessed_from_it(tmp_path, name):
    _, expected = READERS[name]
    (tmp_path / "empty").mkdir()
    assert absent(Folder(tmp_path / "empty"), expected(Folder(tmp_path / "empty")))
    assert absent(Folder(tmp_path / "none"), expected(Folder(tmp_path / "none")))


def test_sessions_are_those_that_a_person_completed(tmp_path):
    def last(person, sessions=None):
        names = [
            one[0]
            for one in nsd.expected(Folder(tmp_path), [person], ["V1"], "volume", sessions=sessions)
        ]
        return sorted(name for name in names if "betas_session" in name)[-1][-7:-5]

    assert (last(1), last(3), last(4)) == ("40", "32", "30")
    assert last(1, 31) == "31"
    touched(tmp_path, f"{nsd._betas_of(1, 'volume', '')}07.hdf5")
    assert last(1) == "07" and last(1, nsd.SESSIONS) == "40"


def test_a_file_is_found_at_any_depth_and_in_no_other_way(tmp_path):
    touched(tmp_path, "a/b/c.jpg", ".git/x/d.jpg")
    folder = Folder(tmp_path)
    assert folder.find(("**/b/c.jpg",)) == "a/b/c.jpg"
    assert folder.find(("b/c.jpg",)) is None
    assert folder.find(("a/*/?.jpg",)) == "a/b/c.jpg"
    assert folder.find(("*/c.jpg",)) is None  # a star is of one part of a path
    assert folder.find(("**/d.jpg",)) is None
    assert folder.find(("none", "a/b/c.jpg")) == "a/b/c.jpg"
    assert folder.find(("a/b",)) is None  # a folder is no file


def test_what_was_not_looked_at_is_not_missed(tmp_path):
    touched(tmp_path, *(f"{n}.txt" for n in range(5)), "z/deep/c.jpg")
    assert absent(Folder(tmp_path, most=3), [("**/other/c.jpg",)]) == []
    assert absent(Folder(tmp_path), [("**/other/c.jpg",)]) == ["other/c.jpg"]
    (tmp_path / "z/deep/loop").symlink_to(tmp_path)
    assert absent(Folder(tmp_path), [("**/other/c.jpg",)]) == ["other/c.jpg"]


def test_few_are_named_and_the_others_counted():
    assert in_words(["a", "b"]) == "'a', 'b'"
    assert in_words(["a", "b", "c", "d"]) == "'a', 'b' and 2 more"


@pytest.mark.parametrize("paper", paper_names(ROOT.parent))
def test_each_licensed_dataset_of_a_paper_has_a_reader_that_tells(declared, root, tmp_path, paper):
    numbers = checked_numbers(paper, "full", {}, root)
    for name in numbers.datasets():
        if declared[name].kind == "user":
            assert numbers.expected(name, Folder(tmp_path), {}), name
            assert declared[name].source.about, name


@pytest.fixture(scope="module")
def declared(root):
    from replicortex.data.declared import load

    return load(root / "config/datasets.yaml")


def test_an_unknown_model_is_told():
    with pytest.raises(StudyError, match=r"no model 'resnet19'.*did you mean"):
        weights.file_of("torchvision/resnet19")
    with pytest.raises(StudyError, match="neither torchvision nor timm"):
        weights.file_of("keras/resnet18")


@pytest.mark.slow
def test_files_of_weights_are_named_as_torchvision_names_them():
    from torchvision import models

    found = {}
    for name in models.list_models(module=models):
        pinned = getattr(models.get_model_weights(name), "IMAGENET1K_V1", None)
        if pinned is not None:
            found[name] = pinned.url.rpartition("/")[2]
    assert found == weights.TORCHVISION
