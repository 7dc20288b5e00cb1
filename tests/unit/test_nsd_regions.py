"""People's regions of NSD on a fixture with planted regions: repeats, ceilings, what is wrong."""

import h5py
import nibabel
import numpy as np
import pytest
from manifests import described

from replicortex.core.errors import StudyError
from replicortex.data import nsd
from replicortex.data import nsd_regions as regions
from replicortex.data.fixtures import nsd_regions as fixture
from replicortex.data.fixtures.nsd_regions import PLACE, ROI
from replicortex.data.planted import subjects

pytestmark = pytest.mark.numbers

SIZES = {"images": 24, "voxels": 8, "sessions": 3, "noise": 0.01, "side": 16}
SEVEN = ["V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "V4"]
THREE = {"repeats": 3, "ceiling": 0.0}


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
    manifest = described(folder)
    images = regions.common_images(manifest, [1, 2, 5, 7], 3)
    assert images.tolist() == list(range(24))
    found = regions.read(manifest, 5, SEVEN, images, **THREE)
    planted = subjects(count=4, regions=7, voxels=8, stimuli=24, noise=0.01, seed=0)[2]
    for region, signal in zip(SEVEN, planted.signal, strict=True):
        assert found.regions[region].shape == (24, 8)
        for voxel in range(8):
            # z-scoring within sessions that show different images is no affine map of the whole.
            assert np.corrcoef(found.regions[region][:, voxel], signal[:, voxel])[0, 1] > 0.95


def test_images_are_averaged_over_all_showings(folder, tmp_path):
    """Against a plain loop over trials with nibabel's and h5py's own indexing."""
    manifest = described(folder)
    design = nsd.read_design(manifest)
    chosen = np.array([3, 11])
    found = regions.read(manifest, 2, ["V2d"], chosen, **THREE)
    labels = nibabel.load(folder / ROI.format(2)).get_fdata()
    x, y, z = np.argwhere(labels == 4)[3]
    trials = []
    for session in (1, 2, 3):
        with h5py.File(folder / PLACE.format(2) / f"betas_session{session:02}.hdf5") as stream:
            values = stream["betas"][:, z, y, x] / 300
        trials += ((values - values.mean()) / values.std()).tolist()
    presented = design.images[1][design.order]
    for row, image in enumerate(chosen):
        assert (presented == image).sum() == 3
        expected = np.mean([trials[t] for t in np.flatnonzero(presented == image)])
        assert found.regions["V2d"][row, 3] == pytest.approx(expected, abs=1e-6)


def test_sessions_that_are_absent_count(folder, tmp_path):
    (folder / PLACE.format(7) / "betas_session03.hdf5").unlink()
    manifest = described(folder)
    assert nsd.trials(manifest, 7, "volume") == 48 and nsd.trials(manifest, 1, "volume") == 72
    seen = regions.common_images(manifest, [1, 7], 2)
    assert 0 < len(seen) <= 24
    with pytest.raises(StudyError, match="share no image seen 3 times"):
        regions.common_images(manifest, [1, 7], 3)


def test_noise_ceiling_is_the_formula(folder, tmp_path):
    assert regions.noise_ceiling(np.array([1.0]), 3)[0] == pytest.approx(75)
    assert regions.noise_ceiling(regions.snr_of(30, 3), 3) == pytest.approx(30)
    assert regions.snr_of(0, 3) == 0
    manifest = described(folder)
    found = regions.read(manifest, 1, ["V1v"], np.array([0]), **THREE)
    noise = subjects(count=4, regions=7, voxels=8, stimuli=24, noise=0.01, seed=0)[0].noise[0]
    expected = 100 / (1 + noise**2 / 3)
    np.testing.assert_allclose(found.ceilings["V1v"], expected, rtol=1e-5)
    limit = float(np.median(expected))
    fewer = regions.read(manifest, 1, ["V1v"], np.array([0]), repeats=3, ceiling=limit)
    assert fewer.regions["V1v"].shape[1] == (expected > limit).sum() == 4


FAULTS = {
    "unknown region": (lambda m: regions.read(m, 1, ["V9"], np.array([0]), **THREE), "'V9'"),
    "unknown person": (lambda m: regions.common_images(m, [3], 3), "no session of person 3"),
    "no voxel left": (
        lambda m: regions.read(m, 1, ["V1v"], np.array([0]), repeats=3, ceiling=99.9999),
        "no voxel of V1v",
    ),
    "no common image": (lambda m: regions.common_images(m, [1, 2], 4), "no image seen 4 times"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_told(folder, tmp_path, fault):
    call, message = FAULTS[fault]
    with pytest.raises(StudyError, match=message):
        call(described(folder))


def test_a_damaged_session_is_told(folder, tmp_path):
    path = folder / PLACE.format(1) / "betas_session02.hdf5"
    path.write_bytes(path.read_bytes()[:90])
    with pytest.raises(StudyError, match=r"session02\.hdf5: betas of an NSD session .* expected"):
        regions.common_images(described(folder), [1], 3)


def test_voxels_without_responses_are_counted(folder, tmp_path):
    whole = regions.read(described(folder), 2, ["V1v", "V2d"], np.arange(24), **THREE)
    assert whole.left_out == {"V1v": 0, "V2d": 0}
    labels = nibabel.load(folder / ROI.format(2)).get_fdata()
    x, y, z = np.argwhere(labels == 4)[3]
    with h5py.File(folder / PLACE.format(2) / "betas_session02.hdf5", "r+") as file:
        file["betas"][:, z, y, x] = 0
    found = regions.read(described(folder), 2, ["V1v", "V2d"], np.arange(24), **THREE)
    assert found.left_out == {"V1v": 0, "V2d": 1}
    np.testing.assert_array_equal(found.regions["V1v"], whole.regions["V1v"])
    others = np.arange(8) != 3
    np.testing.assert_array_equal(found.regions["V2d"], whole.regions["V2d"][:, others])
    np.testing.assert_array_equal(found.ceilings["V2d"], whole.ceilings["V2d"][others])
