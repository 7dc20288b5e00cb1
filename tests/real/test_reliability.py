"""The 92 objects: agreement of 15 people and the models known to fit (2605.30556, E0)."""

import h5py
import numpy as np
import pytest
from scipy.io import loadmat

from replicortex.analysis import lowlevel, noise_bounds, rank, rdm

pytestmark = pytest.mark.mirror


@pytest.fixture(scope="module")
def brains(mirror):
    """Per area the pairs of 15 people's RDMs, (15, 4186)."""
    with h5py.File(mirror / "objects92" / "algonauts2019_92_target_fmri.mat") as file:
        whole = {roi: np.moveaxis(file[f"{roi}_RDMs"][()], -1, 0) for roi in ("EVC", "IT")}
    return {roi: rdm.upper(rdm.check(rdms, roi)) for roi, rdms in whole.items()}


@pytest.fixture(scope="module")
def objects(mirror):
    file = loadmat(mirror / "objects92" / "Kriegeskorte_Neuron2008_supplementalData.mat")
    return file["stimuli_92objs"].ravel()


@pytest.mark.parametrize(("roi", "lower", "upper"), [("EVC", 0.239, 0.386), ("IT", 0.449, 0.535)])
def test_leave_one_out_bounds(brains, roi, lower, upper):
    assert brains[roi].shape == (15, 92 * 91 // 2)
    assert noise_bounds.leave_one_out(brains[roi]) == pytest.approx((lower, upper), abs=5e-4)


def test_bounds_of_ranks_equal_rsatoolbox(brains):
    from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs

    expected = boot_noise_ceiling(RDMs(brains["EVC"]), method="spearman")
    found = noise_bounds.leave_one_out(brains["EVC"], pool="ranks")
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_silhouette_fits_early_visual_cortex(brains, objects):
    silhouette = lowlevel.silhouette(np.stack([item["image"] for item in objects]))
    rho = rank.spearman(rdm.upper(silhouette)[None], brains["EVC"].mean(axis=0)[None])
    assert rho[0, 0] == pytest.approx(0.567, abs=5e-4)


def test_animacy_fits_inferior_temporal_cortex(brains, objects):
    animal = np.array([item["animal"].item() for item in objects])
    animacy = rdm.upper((animal[:, None] != animal[None, :]).astype(float))[None]
    rho = rank.spearman(animacy, brains["IT"].mean(axis=0)[None])
    assert rho[0, 0] == pytest.approx(0.467, abs=5e-4)
    early = rank.spearman(animacy, brains["EVC"].mean(axis=0)[None])
    assert early[0, 0] < 0.1
