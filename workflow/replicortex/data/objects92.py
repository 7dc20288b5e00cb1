"""The 92 object images (Kriegeskorte et al. 2008) and fMRI RDMs of 15 people (Cichy et al. 2014).

Neither file names its stimuli, so that images and rows of the RDMs are paired by order: both keep the
published one (human and animal bodies and faces, then natural and artificial objects), which the
RDMs of IT show. Who reads both compares their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests

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
    with reading(path, "the RDMs of 15 people (HDF5)"), h5py.File(path, "r") as file:
        present = [name.removesuffix("_RDMs") for name in file]
        for roi in rois:
            if roi not in present:
                raise StudyError(f"{path}: has no ROI '{roi}'{nearest(roi, present)}")
            rdms = file[f"{roi}_RDMs"][()].astype(np.float64)
            if rdms.ndim != 3 or rdms.shape[0] != rdms.shape[1]:
                raise StudyError(f"{path}: {roi}_RDMs is {rdms.shape}, (n, n, people) expected")
            found[roi] = np.moveaxis(rdms, -1, 0)
            for person, rdm in enumerate(found[roi], start=1):
                if wrong := np.count_nonzero(~np.isfinite(rdm)):
                    raise StudyError(
                        f"{path}: {roi}, person {person}: RDM has {wrong} value(s) that are NaN or "
                        "infinite, none expected"
                    )
    return found


def _stimuli(path: Path) -> np.ndarray:
    """Return the 92 MATLAB structures: image, uint8 (side, side, 3), category, and a flag for each kind.

    Raises
    ------
    StudyError
        When the file is another one, or a stimulus lacks something.
    """
    from scipy.io import loadmat

    with reading(path, "the 92 objects (a MATLAB file)"):
        content = loadmat(path, squeeze_me=True, struct_as_record=False)
        stimuli = np.atleast_1d(content["stimuli_92objs"])
        shape = np.shape(stimuli[0].image)
        for number, stimulus in enumerate(stimuli):
            image = stimulus.image
            if image.dtype != np.uint8 or image.shape != shape or shape[2:] != (3,):
                raise StudyError(
                    f"{path}: image {number} is {image.dtype} {image.shape}, uint8 {shape} expected"
                )
            if not isinstance(stimulus.category, str):
                raise StudyError(f"{path}: image {number} has no category")
            odd = [name for name in CATEGORIES if getattr(stimulus, name) not in (0, 1)]
            if odd:
                raise StudyError(f"{path}: image {number}: '{odd[0]}' is neither 0 nor 1")
    return stimuli
