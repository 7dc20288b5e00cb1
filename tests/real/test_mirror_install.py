"""Real data: installed from the mirror through DataLad, and what the mirror says of their source."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from manifests import installed

from replicortex.core.digests import file_sha256
from replicortex.data import annex, cifar, pack
from replicortex.data import manifest as manifests
from replicortex.data.declared import load

pytestmark = pytest.mark.mirror

FOLDERS = {"floc_128": "floc"}  # datasets that the mirror names otherwise
HELD = ["cifar10_jpeg", "objects92", "things_fmri_events", "floc_128", "macaque_v4", "videos"]
HELD += ["cifar_resnets", "tiny_llm"]


@pytest.fixture(scope="module")
def declared(root):
    return load(root / "config/datasets.yaml")


def put(name, declared, data: Path, mirror: Path | None):
    return installed(data, name, declared[name].model_dump(mode="json"), mirror)


@pytest.mark.parametrize("name", HELD)
def test_declaration_agrees_with_the_sources_of_the_mirror(declared, mirror, name):
    with (mirror / "SOURCES.tsv").open() as stream:
        rows = [
            row
            for row in csv.DictReader(stream, delimiter="\t")
            if row["file"].startswith(f"{FOLDERS.get(name, name)}/")
        ]
    files = declared[name].files
    assert len(rows) == len(files)
    for row in rows:
        file = files[row["file"].partition("/")[2]]
        assert (file.sha256, file.size) == (row["sha256"], int(row["bytes"]))
        if declared[name].kind == "packed":
            assert declared[name].source.url == f"https://{row['repository']}"
            assert declared[name].source.commit == row["commit"]
        else:
            owner = row["repository"].removeprefix("github.com/")
            expected = f"https://raw.githubusercontent.com/{owner}/{row['commit']}/{row['path']}"
            assert file.url == expected


def test_objects92_installs_as_a_dataset_that_is_always_the_same(declared, mirror, tmp_path):
    import datalad.api

    one = put("objects92", declared, tmp_path / "one", mirror)
    two = put("objects92", declared, tmp_path / "two", mirror)
    assert one.read_bytes() == two.read_bytes()
    found = manifests.load(one)
    assert found.synthetic is False
    for path, file in found.files.items():
        with found.path(path).open("rb") as stream:
            assert hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    with annex.environment():
        dataset = datalad.api.Dataset(str(tmp_path / "one/objects92"))
        states = dataset.status(annex="availability", result_renderer="disabled")
        assert {state["state"] for state in states} == {"clean"}
        assert sum(bool(state.get("has_content")) for state in states) == 5
        assert (dataset.id, dataset.repo.get_hexsha()) == (found.id, found.commit)
    places = annex.run("git", "annex", "whereis", "--json", folder=tmp_path / "one/objects92")
    for line in map(json.loads, places.splitlines()):
        urls = [url for place in line["whereis"] for url in place["urls"]]
        assert urls == [declared["objects92"].files[line["file"]].url]


def test_360_events_files_install_at_once(declared, mirror, tmp_path):
    path = put("things_fmri_events", declared, tmp_path, mirror)
    found = manifests.load(path)
    assert len(found.files) == 360
    assert len({found.path(name) for name in found.files}) == 360
    before = path.read_bytes()
    put("things_fmri_events", declared, tmp_path, None)  # everything is in place
    assert path.read_bytes() == before


def test_packed_cifar_is_what_its_digest_says(declared, mirror, tmp_path):
    path = put("cifar10_jpeg", declared, tmp_path, mirror)
    images, labels, classes = cifar.read(path, "test")
    assert images.shape == (10_000, 32, 32, 3)
    assert np.bincount(labels).tolist() == [1000] * 10
    assert classes[3] == "cat"
    assert images.mean() / 255 == pytest.approx(0.4766, abs=2e-3)  # mean over the three channels


@pytest.mark.slow
def test_recipe_of_packed_cifar_makes_the_declared_bytes(declared, mirror, tmp_path):
    """Unpacked into the source's folders and packed again: the digest and the very bytes."""
    source, packed = tmp_path / "source", tmp_path / "packed"
    packed.mkdir()
    for split, name in cifar.PACKED.items():
        with np.load(mirror / "cifar10_jpeg" / name) as content:
            jpeg, offsets = content["jpeg"].tobytes(), content["offsets"]
            labels, classes = content["labels"], content["classes"]
        count = dict.fromkeys(range(10), 0)
        for word in classes:
            (source / split / word).mkdir(parents=True)
        for index, label in enumerate(labels):
            place = source / split / classes[label] / f"{count[label]:04d}.jpg"
            place.write_bytes(jpeg[offsets[index] : offsets[index + 1]])
            count[label] += 1
    entry = declared["cifar10_jpeg"]
    assert pack.cifar10_jpeg(source, packed) == entry.source.digest
    shutil.rmtree(source)  # 60,000 files
    for name, file in entry.files.items():
        assert file_sha256(packed / name) == file.sha256


def test_localizer_images_have_the_declared_digest(declared, mirror):
    assert pack.floc_digest(mirror / "floc") == declared["floc_128"].source.digest


def test_recipe_of_the_localizer_images_averages_blocks(mirror, tmp_path):
    """The 128 x 128 images enlarged eightfold are packed into themselves, in the same order."""
    from PIL import Image

    with np.load(mirror / "floc" / pack.FLOC) as content:
        images, labels, index = content["images"], content["labels"], content["index"]
        assert content["categories"].tolist() == pack.FLOC_CATEGORIES
    chosen = np.flatnonzero(np.isin(index, [2, 10, 144]))  # 10 comes after 2, though "10" < "2"
    for one in chosen:
        category = pack.FLOC_CATEGORIES[labels[one]]
        place = tmp_path / f"source/stimuli/{category}/{category}-{index[one]}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        large = images[one].repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(large).save(place, format="PNG")  # without loss, whatever its name
    (tmp_path / "packed").mkdir()
    pack.floc_128(tmp_path / "source", tmp_path / "packed")
    with np.load(tmp_path / "packed" / pack.FLOC) as made:
        np.testing.assert_array_equal(made["images"], images[chosen])
        np.testing.assert_array_equal(made["labels"], labels[chosen])
        np.testing.assert_array_equal(made["index"], index[chosen])


def test_installing_works_where_path_has_no_git_annex(declared, mirror, tmp_path, root):
    """As in a job: git-annex lies beside Python and nowhere else."""
    code = (
        "import json, sys; from pathlib import Path; from replicortex.data.install import install;"
        "print(install(name='tiny_llm', entry=json.loads(sys.argv[1]), data=Path(sys.argv[2]),"
        "mirror=Path(sys.argv[3]), user_folder=None)['manifest']['commit'])"
    )
    entry = json.dumps(declared["tiny_llm"].model_dump(mode="json"))
    done = subprocess.run(
        [sys.executable, "-c", code, entry, str(tmp_path), str(mirror)],
        cwd=root / "workflow",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": os.environ.get("LANG", "C")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == annex.commit(tmp_path / "tiny_llm")
