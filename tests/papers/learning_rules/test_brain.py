"""Brain RDMs, pairs that count, noise bounds and low-level models, against slow recomputation."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from manifests import described, mirrored
from scipy.stats import spearmanr
from tests.papers.learning_rules.small_nets import changed

from papers.learning_rules import resize
from papers.learning_rules.brain import brain, low_level, noise_bounds
from papers.learning_rules.settings.responses import ObjectResponses, ThingsResponses
from papers.learning_rules.settings.scores import BrainScores, Gabor
from replicortex.analysis.bootstrap import resample_weights
from replicortex.core.errors import StudyError
from replicortex.data import objects92, things
from replicortex.data.fixtures import objects92 as objects92_fixture
from replicortex.data.fixtures import things_fmri_betas, things_fmri_events, things_images

pytestmark = pytest.mark.numbers

SETTINGS = BrainScores(
    bootstrap_draws=12,
    bootstrap_seed=3,
    gabor=Gabor(orientations=2, wavelengths=[4]),
    lowlevel_px=16,
)
CONCEPTS = {"seed": 0, "concepts": 14, "exemplars": 2}
ROIS = {"V1": ["V1"], "LOC": ["lLOC", "rLOC"]}


def install(folder: Path, name: str, generator, **arguments) -> Path:
    (folder / name).mkdir()
    generator.build(folder / name, **arguments)
    return described(folder / name)


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    return install(tmp_path, "objects92", objects92_fixture, seed=0, subjects=4, side=24)


@pytest.fixture
def scanned(tmp_path: Path) -> dict[str, Path]:
    """Manifests of the THINGS fixtures."""
    betas = CONCEPTS | {"runs": 4, "side": 24, "voxels": 6, "noise": 1.0}
    return {
        "images": install(tmp_path, "images", things_images, **CONCEPTS, side=24),
        "events": install(tmp_path, "events", things_fmri_events, **CONCEPTS, runs=4),
        "betas": install(tmp_path, "betas", things_fmri_betas, **betas),
    }


def on_objects(manifest: Path, order=("EVC", "IT"), **changes) -> dict:
    return brain(
        stimuli="objects92",
        responses=ObjectResponses(rois=["EVC", "IT"]),
        order=list(order),
        scores=changed(SETTINGS, **changes),
        images=manifest,
    )


def on_things(manifests: dict[str, Path], pairs="cross_run", rois=ROIS, order=None) -> dict:
    return brain(
        stimuli="things",
        responses=ThingsResponses(subjects=["01", "02", "03"], rois=rois, pairs=pairs),
        order=order or list(rois),
        scores=SETTINGS,
        **manifests,
    )


def change_rdm(manifest: Path, roi: str, change) -> None:
    """Change one file of RDMs where it lies, keeping its size."""
    path = manifest.parent.parent / "objects92" / objects92.BRAINS
    with h5py.File(path, "r+") as file:
        values = file[f"{roi}_RDMs"][()]
        change(values)
        file[f"{roi}_RDMs"][...] = values


def test_objects_keep_given_rdms_names_and_all_pairs(objects):
    found = on_objects(objects)["brain"]
    given = objects92.read_brain_rdms(objects)
    names, pictures = objects92.read_images(objects)
    for roi in ("EVC", "IT"):
        np.testing.assert_array_equal(found[f"rdm/{roi}"], given[roi])
    assert list(found["names"]) == names
    assert list(found["subjects"]) == ["01", "02", "03", "04"]
    np.testing.assert_array_equal(found["mask"], ~np.eye(92, dtype=bool))
    small = [resize.square(picture, 16) / 255 for picture in pictures]
    light = [picture.mean(axis=(0, 1)) @ [0.2126, 0.7152, 0.0722] for picture in small]
    expected = [[abs(a - b) for b in light] for a in light]
    np.testing.assert_allclose(found["model/luminance"], expected, atol=1e-12)
    models = {name for name in found if name.startswith("model/")}
    assert models == {f"model/{m}" for m in ("luminance", "rgb", "pixel", "gabor", "silhouette")}


def test_rois_keep_the_order_that_was_asked_for(objects):
    found = on_objects(objects, order=("IT", "EVC"))
    assert list(found["brain"]["rois"]) == ["IT", "EVC"]
    assert list(found["noise"]["roi"].unique()) == ["IT", "EVC"]


def test_noise_bounds_equal_slow_leave_one_out():
    random = np.random.default_rng(1)
    n, people = 9, 3
    stack = random.random((people, n, n))
    stack = (stack + stack.transpose(0, 2, 1)) * (1 - np.eye(n))
    some = np.triu(random.random((n, n)) < 0.8, 1)
    masks = {"all": ~np.eye(n, dtype=bool), "cross_run": some | some.T}
    table = noise_bounds({"V1": stack}, masks, SETTINGS).set_index(["pairs", "bound"])

    weights = resample_weights(n, SETTINGS.bootstrap_draws, SETTINGS.bootstrap_seed)
    for pairs, mask in masks.items():
        everything = _slow_bounds(stack, [(i, j) for i, j in _pairs(range(n)) if mask[i, j]])
        draws = []
        for counts in weights:
            chosen = np.repeat(np.arange(n), counts)
            draws.append(
                _slow_bounds(stack, [(i, j) for i, j in _pairs(chosen) if i != j and mask[i, j]])
            )
        for place, bound in enumerate(("lower", "upper")):
            row = table.loc[(pairs, bound)]
            assert row["value"] == pytest.approx(everything[place], abs=1e-12)
            low, high = np.quantile(np.array(draws)[:, place], [0.025, 0.975])
            assert (row["lower95"], row["upper95"]) == pytest.approx((low, high), abs=1e-6)
            assert row["n_subjects"] == people


def _pairs(items):
    items = list(items)
    return [(items[a], items[b]) for a in range(len(items)) for b in range(a + 1, len(items))]


def _slow_bounds(stack, pairs) -> tuple[float, float]:
    vectors = np.array([[one[i, j] for i, j in pairs] for one in stack])
    lower, upper = [], []
    for person, vector in enumerate(vectors):
        others = np.delete(vectors, person, axis=0).mean(axis=0)
        lower.append(spearmanr(vector, others)[0])
        upper.append(spearmanr(vector, vectors.mean(axis=0))[0])
    return float(np.mean(lower)), float(np.mean(upper))


def test_no_noise_bounds_from_one_person():
    one = np.random.default_rng(0).random((1, 6, 6))
    assert noise_bounds({"V1": one}, {"all": ~np.eye(6, dtype=bool)}, SETTINGS).empty


def test_things_rdms_are_correlation_distances_of_z_scored_trials(scanned):
    found = on_things(scanned)["brain"]
    selection = things.select(scanned["events"])
    folder = scanned["betas"].parent.parent / "betas"
    for person, subject in enumerate(("01", "02", "03")):
        table = pd.read_hdf(folder / f"sub-{subject}_ResponseData.h5", "ResponseData")
        values = table.drop(columns="voxel_id", errors="ignore").to_numpy(dtype=float)
        values = (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)
        voxels = pd.read_csv(folder / f"sub-{subject}_VoxelMetadata.csv")
        trials = pd.read_csv(folder / f"sub-{subject}_StimulusMetadata.csv")
        presented = trials["stimulus"].str.split("/").str[-1]
        columns = [int(np.flatnonzero(presented == name)[0]) for name in selection["stimulus"]]
        for roi, names in ROIS.items():
            rows = (voxels[names] == 1).any(axis=1).to_numpy()
            assert rows.sum() == 6 * len(names)
            expected = 1 - np.corrcoef(values[rows][:, columns].T)
            np.testing.assert_allclose(found[f"rdm/{roi}"][person], expected, atol=1e-5)
    assert list(found["names"]) == list(selection["stimulus"])
    assert list(found["rois"]) == ["V1", "LOC"]


def test_pairs_of_one_run_count_only_when_asked_for(scanned):
    selection = things.select(scanned["events"])
    expected = np.ones((14, 14), dtype=bool)
    for i in range(14):
        for j in range(14):
            for subject in ("01", "02", "03"):
                when = selection[[f"session_{subject}", f"run_{subject}"]].to_numpy()
                expected[i, j] &= tuple(when[i]) != tuple(when[j])
    cross_run, everything = on_things(scanned), on_things(scanned, pairs="all")
    assert 20 < expected.sum() < 14 * 13
    np.testing.assert_array_equal(cross_run["brain"]["mask"], expected)
    np.testing.assert_array_equal(everything["brain"]["mask"], ~np.eye(14, dtype=bool))
    # Both noise bounds are told whichever pairs count.
    pd.testing.assert_frame_equal(cross_run["noise"], everything["noise"])
    assert set(cross_run["noise"]["pairs"]) == {"all", "cross_run"}


def test_pictures_of_several_sizes_have_no_silhouette():
    random = np.random.default_rng(2)
    pictures = [random.integers(0, 256, (20, 20 + n, 3)).astype(np.uint8) for n in range(4)]
    assert set(low_level(pictures, SETTINGS)) == {"luminance", "rgb", "pixel", "gabor"}


def test_an_rdm_that_is_not_symmetric_is_refused(objects):
    def change(values):
        values[3, 5, 2] += 0.5

    change_rdm(objects, "IT", change)
    with pytest.raises(StudyError, match=r"IT, person 3: RDM is not symmetric"):
        on_objects(objects)


def test_an_rdm_with_nan_is_refused(objects):
    def change(values):
        values[3, 5, 1] = values[5, 3, 1] = np.nan

    change_rdm(objects, "EVC", change)
    with pytest.raises(StudyError, match=r"EVC, person 2: RDM has 2 value\(s\) that are NaN"):
        on_objects(objects)


def test_a_roi_of_one_voxel_is_refused(scanned):
    path = scanned["betas"].parent.parent / "betas" / "sub-02_VoxelMetadata.csv"
    table = pd.read_csv(path)
    table.loc[table.index[table["V1"] == 1][1:], "V1"] = 0
    table.to_csv(path, index=False)
    described(path.parent)
    with pytest.raises(StudyError, match=r"ROI V1 has 1 voxels of sub-02"):
        on_things(scanned)


def test_a_roi_that_answers_all_alike_is_refused(scanned):
    """Voxels that are copies of each other leave nothing to correlate over."""
    path = scanned["betas"].parent.parent / "betas" / "sub-01_ResponseData.h5"
    rows = pd.read_csv(path.with_name("sub-01_VoxelMetadata.csv"))["V1"].to_numpy() == 1
    with h5py.File(path, "r+") as file:
        block = file["ResponseData"]["block0_values"]
        values = block[()]
        values[rows, 1:] = values[np.flatnonzero(rows)[0], 1:]  # the first column is voxel_id
        block[...] = values
    described(path.parent)
    with pytest.raises(StudyError, match=r"constant features in responses of V1, sub-01"):
        on_things(scanned)


def test_pictures_that_are_all_alike_are_refused(objects, monkeypatch):
    names, pictures = objects92.read_images(objects)
    same = np.repeat(pictures[:1], len(pictures), axis=0)
    monkeypatch.setattr(objects92, "read_images", lambda manifest: (names, same))
    with pytest.raises(StudyError, match="luminance of the objects92 stimuli: RDM is constant"):
        on_objects(objects)


def test_fewer_pictures_than_rdms_are_refused(objects, monkeypatch):
    names, pictures = objects92.read_images(objects)
    monkeypatch.setattr(objects92, "read_images", lambda manifest: (names[1:], pictures[1:]))
    with pytest.raises(StudyError, match="EVC: RDMs of 92 stimuli found, 91 images expected"):
        on_objects(objects)


def test_things_need_their_events(scanned):
    with pytest.raises(StudyError, match="needs the manifest of its events"):
        on_things({"images": scanned["images"]})


@pytest.mark.mirror
def test_the_92_objects_have_their_known_bounds(mirror, tmp_path):
    manifest = mirrored(mirror, tmp_path, "objects92")
    found = on_objects(manifest, bootstrap_draws=20, lowlevel_px=32)
    table = found["noise"].set_index(["roi", "bound"])
    expected = {("EVC", "lower"): 0.239, ("EVC", "upper"): 0.386}
    expected |= {("IT", "lower"): 0.449, ("IT", "upper"): 0.535}
    for cell, value in expected.items():
        assert table.loc[cell, "value"] == pytest.approx(value, abs=5e-4)
        assert table.loc[cell, "lower95"] < table.loc[cell, "upper95"]
    assert found["brain"]["rdm/EVC"].shape == (15, 92, 92)
    assert "model/silhouette" in found["brain"]
