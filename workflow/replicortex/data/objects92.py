"""The 92 object images (Kriegeskorte et al. 2008) and fMRI RDMs of 15 people (Cichy et al. 2014)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError, nearest

IMAGES = "Kriegeskorte_Neuron2008_supplementalData.mat"
BRAINS = "algonauts2019_92_target_fmri.mat"
ROIS = ("EVC", "IT")
CATEGORIES = ("human", "face", "animal", "natural")


def read_images(manifest: Path) -> tuple[list[str], np.ndarray]:
    """Return names ("00 human bodypart", in the order of the RDMs) and images.

    Returns
    -------
    Images, uint8 of shape (92, 175, 175, 3), RGB, objects on grey.
    """
    stimuli = _stimuli(manifests.load(manifest).path(IMAGES))
    names = [f"{number:02d} {stimulus.category}" for number, stimulus in enumerate(stimuli)]
    return names, np.stack([stimulus.image for stimulus in stimuli])


def read_categories(manifest: Path) -> dict[str, np.ndarray]:
    """Return flags of each stimulus (bool, shape (92,)): human, face, animal, natural."""
    stimuli = _stimuli(manifests.load(manifest).path(IMAGES))
    return {
        name: np.array([bool(getattr(stimulus, name)) for stimulus in stimuli])
        for name in CATEGORIES
    }


def read_brain_rdms(manifest: Path, rois: Sequence[str] = ROIS) -> dict[str, np.ndarray]:
    """Return RDMs by ROI, float64 of shape (n_subjects, n, n), as the file has them.

    Raises
    ------
    StudyError
        When a ROI is unknown, or the file is damaged.
    """
    import h5py

    path = manifests.load(manifest).path(BRAINS)
    found = {}
    try:
        with h5py.File(path) as file:
            present = [name.removesuffix("_RDMs") for name in file]
            for roi in rois:
                if roi not in present:
                    raise StudyError(f"{path}: has no ROI '{roi}'{nearest(roi, present)}")
                found[roi] = np.moveaxis(file[f"{roi}_RDMs"][()], -1, 0).astype(np.float64)
    except (OSError, RuntimeError) as error:
        raise StudyError(f"{path}: truncated or no HDF5 file ({error})") from None
    return found


def _stimuli(path: Path) -> np.ndarray:
    from scipy.io import loadmat

    try:
        content = loadmat(path, squeeze_me=True, struct_as_record=False)
        return content["stimuli_92objs"]
    except (KeyError, ValueError, TypeError, OSError, EOFError, zlib.error) as error:
        raise StudyError(
            f"{path}: truncated, or not the file of the 92 objects ({error})"
        ) from None
