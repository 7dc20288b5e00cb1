"""Readers of CIFAR-10, the 92 objects and THINGS-fMRI, on fixtures in the real formats."""

import importlib
import io
import pickle
import random
import tarfile

import h5py
import numpy as np
import pandas as pd
import pytest
from manifests import described
from PIL import Image

from replicortex.core.errors import StudyError
from replicortex.data import cifar, objects92, things

SIZES = {
    "cifar10": {"train": 60, "test": 20},
    "cifar10_jpeg": {"train": 60, "test": 20},
    "objects92": {"subjects": 4, "side": 48},
    "things_fmri_events": {"concepts": 12, "exemplars": 2, "runs": 4},
    "things_images": {"concepts": 12, "exemplars": 2, "side": 48},
    "things_fmri_betas": {
        **{"concepts": 12, "exemplars": 2, "runs": 4},
        **{"side": 48, "voxels": 5, "noise": 1.0},
    },
}


def build(name, folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    module = importlib.import_module(f"replicortex.data.fixtures.{name}")
    module.build(folder, seed=0, **{**SIZES[name], **changes})
    return folder


@pytest.fixture
def dataset(tmp_path):
    """Make one fixture dataset and return its manifest."""

    def make(name, **changes):
        return described(build(name, tmp_path / name, **changes))

    return make


@pytest.mark.parametrize("name", SIZES)
def test_two_builds_give_the_same_bytes(tmp_path, name):
    one, two = build(name, tmp_path / "one"), build(name, tmp_path / "two")
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files and files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
    assert all((one / f).read_bytes() == (two / f).read_bytes() for f in files)


# CIFAR-10


def test_archive_holds_what_was_drawn(dataset):
    from replicortex.data.fixtures.cifar10 import draw

    drawn, labels = draw(0, 80)
    manifest = dataset("cifar10")
    images, read, classes = cifar.read(manifest, "train")
    assert np.array_equal(images, drawn[:60]) and np.array_equal(read, labels[:60])
    assert classes[0] == "airplane" and len(classes) == 10
    assert np.array_equal(cifar.read(manifest, "test")[0], drawn[60:])


def test_packed_jpegs_are_the_same_pictures_class_by_class(dataset):
    images, labels, _ = cifar.read(dataset("cifar10_jpeg"), "train")
    assert (np.diff(labels) >= 0).all() and np.bincount(labels).tolist() == [6] * 10
    plain, order, _ = cifar.read(dataset("cifar10"), "train")
    same = plain[np.argsort(order, kind="stable")].astype(int)
    lost = np.abs(images - same).mean()  # by JPEG, of quality 75
    assert 1 < lost < np.abs(images - same[::-1]).mean() / 2


def test_chosen_images_come_in_the_order_asked_for(dataset):
    for name in ("cifar10", "cifar10_jpeg"):
        manifest = dataset(name)
        images, labels, _ = cifar.read(manifest, "train")
        some, few, _ = cifar.read(manifest, "train", indices=[5, 2])
        assert np.array_equal(some, images[[5, 2]]) and np.array_equal(few, labels[[5, 2]])


def test_truncated_archive_is_told(tmp_path):
    folder = build("cifar10", tmp_path / "cifar10")
    path = folder / cifar.ARCHIVE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StudyError, match=r"archive \(tar\.gz\) expected, .*EOFError"):
        cifar.read(described(tmp_path / "cifar10"), "train")


def test_archive_without_a_batch_is_told(tmp_path):
    (tmp_path / "cifar10").mkdir()
    with tarfile.open(tmp_path / "cifar10" / cifar.ARCHIVE, "w:gz"):
        pass
    with pytest.raises(StudyError, match="lacks cifar-10-batches-py/data_batch_1"):
        cifar.read(described(tmp_path / "cifar10"), "train")


def test_pickles_may_hold_arrays_only(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("no",))

    with pytest.raises(pickle.UnpicklingError, match="does not belong into CIFAR-10"):
        cifar._Plain(io.BytesIO(pickle.dumps(Evil()))).load()


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    """The parts of a small archive by name."""
    folder = build("cifar10", tmp_path_factory.mktemp("cifar10"), train=10, test=4)
    with tarfile.open(folder / cifar.ARCHIVE) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}


def packed(parts, path):
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("label", [-5, 999, 10, 1.5, "1", None, [1], 1 << 70])
def test_a_label_that_is_none_of_the_classes_is_told(tmp_path, batches, label):
    name = cifar.BATCHES["test"][0]
    batch = pickle.loads(batches[name], encoding="bytes")
    batch[b"labels"][2] = label
    path = packed(batches | {name: pickle.dumps(batch)}, tmp_path / "x.tar.gz")
    with pytest.raises(StudyError, match=r"x\.tar\.gz: (labels from 0 to 9|CIFAR-10's archive) "):
        cifar.read_archive(path, "test")


def test_mutated_pickles_are_read_or_told(tmp_path, batches):
    """Inside a sound archive no checksum of gzip helps."""
    draw = random.Random(5)
    names = [*cifar.BATCHES["test"], f"{cifar.FOLDER}/batches.meta"]
    refused = 0
    for number in range(200):
        name = names[number % 2]
        content = bytearray(batches[name])
        at = draw.randrange(min(len(content), draw.choice([60, 400, 1 << 20])))
        if number % 3:
            content[at] = draw.randrange(256)
        else:
            del content[at : at + draw.choice([1, 4])]
        path = packed(batches | {name: bytes(content)}, tmp_path / "x.tar.gz")
        try:
            images, labels, classes = cifar.read_archive(path, "test")
        except StudyError:
            refused += 1
            continue
        assert images.dtype == np.uint8 and images.shape == (4, 32, 32, 3)
        assert labels.dtype == np.int64 and 0 <= labels.min() <= labels.max() < len(classes)
    assert 50 < refused < 190


def test_truncated_packed_file_is_told(tmp_path):
    folder = build("cifar10_jpeg", tmp_path / "cifar10_jpeg")
    path = folder / cifar.PACKED["train"]
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(StudyError, match=r"packed CIFAR-10 \(npz\) expected"):
        cifar.read(described(tmp_path / "cifar10_jpeg"), "train")


@pytest.mark.parametrize("side", [1, 33])
def test_a_packed_picture_of_another_size_is_told(tmp_path, side):
    folder = build("cifar10_jpeg", tmp_path / "cifar10_jpeg")
    path = folder / cifar.PACKED["train"]
    with np.load(path) as packed:
        arrays = dict(packed)
    stream = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), 9, np.uint8)).save(stream, "JPEG")
    offsets = arrays["offsets"]
    last = np.frombuffer(stream.getvalue(), np.uint8)
    arrays["jpeg"] = np.concatenate([arrays["jpeg"][: offsets[-2]], last])
    arrays["offsets"] = np.append(offsets[:-1], len(arrays["jpeg"]))
    np.savez(path, **arrays)
    with pytest.raises(StudyError, match=rf"image \d+ expected.*{side} x {side} pixels"):
        cifar.read(described(tmp_path / "cifar10_jpeg"), "train")


# the 92 objects


def test_objects_and_their_people(dataset):
    manifest = dataset("objects92")
    names, images = objects92.read_images(manifest)
    assert len(names) == 92 and images.shape == (92, 48, 48, 3) and names[0] == "00 human bodypart"
    rdms = objects92.read_brain_rdms(manifest)
    assert {roi: r.shape for roi, r in rdms.items()} == {"EVC": (4, 92, 92), "IT": (4, 92, 92)}
    faces = objects92.read_categories(manifest)["face"]
    same = rdms["IT"].mean(axis=0)[np.ix_(faces, faces)].mean()
    assert same < rdms["IT"].mean(axis=0)[np.ix_(faces, ~faces)].mean()


def test_unknown_roi_and_damaged_files_are_told(tmp_path, dataset):
    manifest = dataset("objects92")
    with pytest.raises(StudyError, match="no ROI 'EVCC'; did you mean 'EVC'"):
        objects92.read_brain_rdms(manifest, ["EVCC"])
    for name in (objects92.IMAGES, objects92.BRAINS):
        path = tmp_path / "objects92" / name
        path.write_bytes(path.read_bytes()[:200].ljust(path.stat().st_size, b"\0"))
    with pytest.raises(
        StudyError, match=r"supplementalData\.mat: the 92 objects \(a MATLAB file\) expected"
    ):
        objects92.read_images(manifest)
    with pytest.raises(
        StudyError, match=r"target_fmri\.mat: the RDMs of 15 people \(HDF5\) expected"
    ):
        objects92.read_brain_rdms(manifest)


# THINGS-fMRI


def test_first_exemplars_are_chosen_and_orders_kept(dataset):
    selection = things.select(dataset("things_fmri_events"))
    assert len(selection) == 12 and selection["concept"].is_monotonic_increasing
    assert selection["stimulus"].str.endswith("_01b.jpg").all()
    assert (selection["run_01"] == selection["run_02"]).all()
    assert (selection["run_01"] != selection["run_03"]).any()


def test_pairs_of_one_run_are_masked(dataset):
    selection = things.select(dataset("things_fmri_events"))
    mask = things.cross_run_mask(selection)
    for i in range(12):
        for j in range(12):
            runs = [
                selection.loc[i, f"run_{s}"] == selection.loc[j, f"run_{s}"]
                for s in ("01", "02", "03")
            ]
            assert mask[i, j] == (i != j and not any(runs))


def test_responses_are_those_of_pandas_scored_over_all_trials(tmp_path, dataset):
    selection = things.select(dataset("things_fmri_events"))
    manifest = dataset("things_fmri_betas")
    rois = {"V1": ["V1"], "LOC": ["lLOC", "rLOC"]}
    read = things.read_responses(manifest, "02", rois, selection)
    folder = tmp_path / "things_fmri_betas"
    table = pd.read_hdf(folder / "sub-02_ResponseData.h5", "ResponseData").set_index("voxel_id")
    voxels = pd.read_csv(folder / "sub-02_VoxelMetadata.csv")
    trials = pd.read_csv(folder / "sub-02_StimulusMetadata.csv")
    for roi, columns in rois.items():
        own = table[(voxels[columns] == 1).any(axis=1).to_numpy()].to_numpy()
        scored = (own - own.mean(axis=1, keepdims=True)) / own.std(axis=1, keepdims=True)
        places = [int(np.flatnonzero(trials["stimulus"] == s)[0]) for s in selection["stimulus"]]
        assert np.allclose(read[roi], scored[:, places].T, atol=1e-6)


def test_things_faults_are_told(tmp_path, dataset):
    selection = things.select(dataset("things_fmri_events"))
    manifest = dataset("things_fmri_betas")
    with pytest.raises(StudyError, match="ROI early: no column 'V11'; did you mean 'V1'"):
        things.read_responses(manifest, "01", {"early": ["V11"]}, selection)
    voxels = tmp_path / "things_fmri_betas/sub-01_VoxelMetadata.csv"
    table = pd.read_csv(voxels)
    table.loc[table.index[table["V1"] == 1][1:], "V1"] = 0
    table.to_csv(voxels, index=False)
    manifest = described(tmp_path / "things_fmri_betas")
    with pytest.raises(StudyError, match="ROI V1 has 1 voxels of sub-01"):
        things.read_responses(manifest, "01", {"V1": ["V1"]}, selection)
    wrong = selection.assign(stimulus=selection["stimulus"].str.replace("000", "999"))
    with pytest.raises(StudyError, match="stimuli of events and responses do not match"):
        things.read_responses(manifest, "01", {"V2": ["V2"]}, wrong)


@pytest.mark.parametrize(
    "value, what",
    [(np.nan, "have NaN or infinite values"), (1.0, "the same response in all trials")],
)
def test_responses_without_information_are_told(tmp_path, dataset, value, what):
    selection = things.select(dataset("things_fmri_events"))
    manifest = dataset("things_fmri_betas")
    with h5py.File(tmp_path / "things_fmri_betas/sub-01_ResponseData.h5", "r+") as file:
        file["ResponseData/block0_values"][2, 1:] = value
    with pytest.raises(StudyError, match=what):
        things.read_responses(manifest, "01", {"V1": ["V1"]}, selection)


def test_missing_image_and_truncated_table_are_told(tmp_path, dataset):
    selection = things.select(dataset("things_fmri_events"))
    dataset("things_images")
    next((tmp_path / "things_images").rglob("concept003_01b.jpg")).unlink()
    with pytest.raises(StudyError, match=r"no image 'concept003/concept003_01b\.jpg'"):
        things.read_images(described(tmp_path / "things_images"), selection)
    manifest = dataset("things_fmri_betas")
    path = tmp_path / "things_fmri_betas/sub-01_ResponseData.h5"
    path.write_bytes(path.read_bytes()[:300].ljust(path.stat().st_size, b"\0"))
    with pytest.raises(StudyError, match="no response table"):
        things.read_responses(manifest, "01", {"V1": ["V1"]}, selection)


def tables_of(tmp_path, dataset):
    dataset("things_fmri_betas")
    selection = things.select(dataset("things_fmri_events"))
    folder = tmp_path / "things_fmri_betas"

    def read(rois=("V1",)):
        found = things.read_responses(
            described(folder), "01", {roi: [roi] for roi in rois}, selection
        )
        return found if len(rois) > 1 else found[rois[0]]

    return folder, read


def test_voxels_are_joined_by_id(tmp_path, dataset):
    folder, read = tables_of(tmp_path, dataset)
    right = read(("V1", "IT"))
    path = folder / "sub-01_VoxelMetadata.csv"
    table = pd.read_csv(path)
    table[::-1].to_csv(path, index=False)
    turned = read(("V1", "IT"))
    assert all(np.array_equal(turned[roi][:, ::-1], right[roi]) for roi in right)
    table.assign(voxel_id=table["voxel_id"] + 1).to_csv(path, index=False)
    with pytest.raises(StudyError, match=r"has no voxel_id 40, nor 0 others .* not of one version"):
        read()
    table.assign(voxel_id=7).to_csv(path, index=False)
    with pytest.raises(StudyError, match="voxel_id 7 stands there twice"):
        read()
    table.assign(V1=table["V1"].replace(1, 2)).to_csv(path, index=False)
    with pytest.raises(StudyError, match="column 'V1' has '2', 0 or 1 expected"):
        read()


@pytest.mark.parametrize("layout", ["block1", "index", "numbers"])
def test_ids_and_trials_wherever_pandas_puts_them(tmp_path, dataset, layout):
    """Rows and columns in another order than the tables beside; pandas itself writes the file."""
    folder, read = tables_of(tmp_path, dataset)
    right = read()
    path = folder / "sub-01_ResponseData.h5"
    table = pd.read_hdf(path, "ResponseData").astype({"voxel_id": np.int64})
    trials = [name for name in table.columns if name != "voxel_id"]
    table = table[::-1].reset_index(drop=True)
    if layout == "index":
        table = table.set_index("voxel_id")[trials[::-1]]
    elif layout == "block1":
        table = table[["voxel_id", *trials[::-1]]]
    else:  # pandas pickles names of both kinds, so that their order is all there is
        table = table.rename(columns={name: int(name) for name in trials})
    path.unlink()
    table.to_hdf(path, key="ResponseData")
    np.testing.assert_allclose(read(), right, atol=1e-6)


def test_other_trials_than_the_tables_are_told(tmp_path, dataset):
    folder, read = tables_of(tmp_path, dataset)
    right = read()
    path = folder / "sub-01_StimulusMetadata.csv"
    table = pd.read_csv(path)
    table[::-1].to_csv(path, index=False)
    np.testing.assert_array_equal(read(), right)  # by trial_id
    table.drop(columns="trial_id").to_csv(path, index=False)
    np.testing.assert_array_equal(read(), right)  # by the row's number
    table.assign(trial_id=table["trial_id"] % 4).to_csv(path, index=False)
    np.testing.assert_array_equal(read(), right)
    table.assign(trial_id=table["trial_id"] + 5).to_csv(path, index=False)
    with pytest.raises(StudyError, match=r"its trials \(0, \.\.\.\) are not those of the table of"):
        read()
    table[table["trial_type"] == "train"].to_csv(path, index=False)
    with pytest.raises(StudyError, match=r"a table of 40 voxels x \d+ trials found, 40 x 24 exp"):
        read()
    both = table["stimulus"].replace("concept000_02s.jpg", "concept000_01b.jpg")
    table.assign(stimulus=both).to_csv(path, index=False)
    with pytest.raises(StudyError, match=r"'concept000_01b\.jpg' has two single trials"):
        read()


def test_an_infinite_response_is_told(tmp_path, dataset):
    folder, read = tables_of(tmp_path, dataset)
    with h5py.File(folder / "sub-01_ResponseData.h5", "r+") as file:
        file["ResponseData/block0_values"][2, 3] = np.inf
    with pytest.raises(StudyError, match="responses of voxel 2 have NaN or infinite values"):
        read()


def test_events_keep_their_names(tmp_path, dataset):
    dataset("things_fmri_events")
    folder = tmp_path / "things_fmri_events"
    first = sorted(folder.rglob("*.tsv"))[0]
    first.write_text(first.read_text().replace("concept000", "NA").replace("concept001", "null"))
    trials = things.read_events(described(folder))
    assert {"", "concept003_01b.jpg"} < set(trials["stimulus"])
    assert not trials["stimulus"].isna().any()
    again = first.parent / f"copy_{first.name}"
    again.write_text(first.read_text())
    with pytest.raises(StudyError, match="are of the same run"):
        things.read_events(described(folder))
    again.unlink()
    onset = first.read_text().splitlines()
    first.write_text("\n".join([onset[0], onset[1].replace("3.0", "n/a", 1), *onset[2:]]) + "\n")
    with pytest.raises(StudyError, match="onsets in seconds expected"):
        things.read_events(described(folder))


def test_a_concept_named_na_is_a_name(tmp_path, dataset):
    dataset("things_fmri_events")
    folder = tmp_path / "things_fmri_events"
    for path in folder.rglob("*.tsv"):
        path.write_text(path.read_text().replace("concept000/concept000", "NA/NA"))
    selection = things.select(described(folder))
    assert selection["concept"].tolist()[0] == "NA" and len(selection) == 12


def test_pictures_as_shown_and_ambiguous_ones(tmp_path, dataset):
    from PIL import Image

    dataset("things_images")
    selection = things.select(dataset("things_fmri_events"))[:2]
    folder = tmp_path / "things_images"
    place = next(folder.rglob("concept001_01b.jpg"))
    drawn = np.zeros((10, 30, 3), np.uint8)
    drawn[:, :15] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(drawn).save(place, quality=95, exif=exif)
    image = things.read_images(described(folder), selection)[1][1]
    assert image.shape == (30, 10, 3) and image[:12].min() > 240 and image[18:].max() < 15
    copy = folder / "more/concept001" / place.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(place.read_bytes())  # the same picture twice is no question
    assert np.array_equal(things.read_images(described(folder), selection)[1][1], image)
    Image.fromarray(drawn).save(copy)
    with pytest.raises(
        StudyError, match=r"lies there as 'more/.*with other content, as 'object_im"
    ):
        things.read_images(described(folder), selection)
