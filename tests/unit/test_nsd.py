"""The reader of the Natural Scenes Dataset on its fixture: layout, repeats, ceilings, damage."""

import h5py
import nibabel
import numpy as np
import pytest
from test_texts import described

from replicortex.data import nsd
from replicortex.data.fixtures import nsd as fixture
from replicortex.data.nsd_layout import BETAS, DESIGN, REGIONS, ROI, STIMULI
from replicortex.data.planted import subjects
from replicortex.errors import StudyError

SIZES = {"images": 24, "voxels": 8, "sessions": 3, "noise": 0.01, "side": 16}
SEVEN = ["V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "V4"]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "nsd"
    folder.mkdir()
    fixture.build(folder, seed=0, **SIZES)
    return folder


def test_two_builds_give_the_same_bytes(folder, tmp_path):
    (tmp_path / "again").mkdir()
    fixture.build(tmp_path / "again", seed=0, **SIZES)
    files = [p.relative_to(folder) for p in sorted(folder.rglob("*")) if p.is_file()]
    assert len(files) == 4 * (3 + 2) + 2
    for name in files:
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_responses_are_the_planted_signal(folder, tmp_path):
    """With next to no noise the mean of three repeats is the signal, up to scale and shift."""
    manifest = described(folder, tmp_path)
    images = nsd.common_images(manifest, [1, 2, 5, 7], 3)
    assert images.tolist() == list(range(24))
    found = nsd.read_responses(manifest, 5, SEVEN, images)
    planted = subjects(count=4, regions=7, voxels=8, stimuli=24, noise=0.01, seed=0)[2]
    for region, signal in zip(SEVEN, planted.signal, strict=True):
        assert found.regions[region].shape == (24, 8)
        for voxel in range(8):
            # z-scoring within sessions that show different images is no affine map of the whole.
            assert np.corrcoef(found.regions[region][:, voxel], signal[:, voxel])[0, 1] > 0.95


def test_images_are_averaged_over_their_first_showings(folder, tmp_path):
    """Against a plain loop over trials with nibabel's and h5py's own indexing."""
    manifest = described(folder, tmp_path)
    design = nsd.read_design(manifest)
    chosen = np.array([3, 11])
    found = nsd.read_responses(manifest, 2, ["V2d"], chosen, repeats=2)
    labels = nibabel.load(folder / ROI.format(2, "prf-visualrois")).get_fdata()
    x, y, z = np.argwhere(labels == 4)[3]
    trials = []
    for session in (1, 2, 3):
        with h5py.File(folder / BETAS.format(2) / f"betas_session{session:02}.hdf5") as stream:
            values = stream["betas"][:, z, y, x] / 300
        trials += ((values - values.mean()) / values.std()).tolist()
    for row, image in enumerate(chosen):
        places = [t for t in range(len(trials)) if design.images[1][design.order[t]] == image]
        expected = np.mean([trials[t] for t in places[:2]])
        assert found.regions["V2d"][row, 3] == pytest.approx(expected, abs=1e-6)


def test_noise_ceiling_is_the_formula(folder, tmp_path):
    assert nsd.noise_ceiling(np.array([1.0]), 3)[0] == pytest.approx(75)
    assert nsd.noise_ceiling(np.array([np.nan]), 3)[0] == 0
    manifest = described(folder, tmp_path)
    found = nsd.read_responses(manifest, 1, ["V1v"], np.array([0]))
    noise = subjects(count=4, regions=7, voxels=8, stimuli=24, noise=0.01, seed=0)[0].noise[0]
    expected = 100 / (1 + noise**2 / 3)
    np.testing.assert_allclose(found.ceilings["V1v"], expected, rtol=1e-5)
    limit = float(np.median(expected))
    fewer = nsd.read_responses(manifest, 1, ["V1v"], np.array([0]), ceiling=limit)
    assert fewer.regions["V1v"].shape[1] == (expected > limit).sum() == 4


def test_images_are_read(folder, tmp_path):
    found = nsd.read_images(described(folder, tmp_path), np.array([5, 2]))
    with h5py.File(folder / STIMULI) as stream:
        np.testing.assert_array_equal(found[1], stream["imgBrick"][2])
    assert found.shape == (2, 16, 16, 3) and found.dtype == np.uint8


def test_every_region_is_a_label_of_its_volume():
    assert all(volume in ("prf-visualrois", "streams") for volume, _ in REGIONS.values())
    assert [REGIONS[name][1] for name in SEVEN] == [(n,) for n in range(1, 8)]


FAULTS = {
    "unknown region": (
        lambda m: nsd.read_responses(m, 1, ["V9"], [0]),
        "found 'V9'; valid are V1d",
    ),
    "no volume of streams": (lambda m: nsd.read_responses(m, 1, ["early"], [0]), "has no file"),
    "unknown subject": (lambda m: nsd.read_responses(m, 3, ["V1v"], [0]), "subj03"),
    "no voxel left": (
        lambda m: nsd.read_responses(m, 1, ["V1v"], [0], ceiling=99.9999),
        "no voxel of V1v has a noise ceiling above 99.9999 %",
    ),
    "image seen too rarely": (
        lambda m: nsd.read_responses(m, 1, ["V1v"], [0], repeats=4),
        "saw image 0 3 times, 4 expected",
    ),
    "no common image": (lambda m: nsd.common_images(m, [1, 2], 4), "share no image seen 4 times"),
    "image beyond the file": (lambda m: nsd.read_images(m, [99]), "24 images, number 99"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_told(folder, tmp_path, fault):
    call, message = FAULTS[fault]
    with pytest.raises(StudyError, match=message):
        call(described(folder, tmp_path))


@pytest.mark.parametrize(
    "name, message",
    [
        (DESIGN, "no design of the experiment"),
        (f"{BETAS.format(1)}/betas_session02.hdf5", "truncated, or holds no betas"),
        (f"{BETAS.format(1)}/ncsnr.nii.gz", "truncated, or no NIfTI volume"),
    ],
)
def test_damaged_files_are_told(folder, tmp_path, name, message):
    (folder / name).write_bytes((folder / name).read_bytes()[:90])
    with pytest.raises(StudyError, match=message):
        nsd.read_responses(described(folder, tmp_path), 1, ["V1v"], np.array([0]))
