"""Readers of NSD, THINGS, the objects, the localizer and CIFAR, for the tests of damaged files."""

from __future__ import annotations

import json

import numpy as np
from damage import Reader

from replicortex.data import cifar, floc, floc_originals, manifest, nsd, objects92, things
from replicortex.data.fixtures import (
    cifar10,
    cifar10_jpeg,
    things_fmri_betas,
    things_fmri_events,
    things_images,
)
from replicortex.data.fixtures import floc as floc_fixture
from replicortex.data.fixtures import nsd as nsd_fixture
from replicortex.data.fixtures import objects92 as objects_fixture

PLAN = {"seed": 0, "concepts": 6, "exemplars": 2, "runs": 2}


def _manifest(folder):
    entry = {"key": "k", "size": 7, "sha256": "0" * 64}
    about = {"name": "data", "version": "1", "id": "i", "commit": "c", "synthetic": True}
    (folder / "m.json").write_text(json.dumps({**about, "files": {"a.npy": entry}}))


def _nsd(layout):
    def build(folder):
        nsd_fixture.build(folder, seed=0, layout=layout, people=[1], shared=6, own=6, side=8)

    return build


def _voxels(layout):
    def read(manifest):
        found = nsd.read_voxels(manifest, 1, "FFA", layout, 0.3)
        return {**found.places, "ncsnr": found.ncsnr}

    return read


def _responses(layout):
    parts = ("",) if layout == "volume" else nsd.HEMISPHERES
    voxels = nsd.Voxels({part: np.array([3, 17, 40]) for part in parts}, np.ones(3 * len(parts)))

    def read(manifest):
        stimuli = nsd.read_design(manifest).images[0][:5]
        return nsd.read_responses(manifest, 1, voxels, layout, stimuli)

    return read


def _pictures(folder):
    things_images.build(folder, seed=0, concepts=6, exemplars=1, side=24)


def _selection():
    import pandas as pd

    names = [f"concept{number:03d}" for number in range(6)]
    return pd.DataFrame({"stimulus": [f"{name}_01b.jpg" for name in names], "concept": names})


def _betas(folder):
    things_fmri_betas.build(folder, **PLAN, side=24, voxels=4, noise=1.0)


def _things(manifest):
    rois = {"V1": ["V1"], "LOC": ["lLOC", "rLOC"]}
    return things.read_responses(manifest, "01", rois, _selection())


def _originals(folder):
    from PIL import Image

    for place, category in enumerate(sorted(floc.DOMAINS)):
        grey = Image.fromarray(np.full((16, 16), 20 * place, np.uint8))
        (folder / f"stimuli/{category}").mkdir(parents=True)
        grey.save(folder / f"stimuli/{category}/{category}-1.jpg")


VOLUME, SURFACE = (
    f"nsddata_betas/ppdata/subj01/{nsd.FOLDER[layout]}/{nsd.BETAS}" for layout in nsd.FOLDER
)
EVENTS = "sub-02/ses-things01/func/sub-02_ses-things01_task-things_run-01_events.tsv"


def _objects(folder):
    objects_fixture.build(folder, seed=0, subjects=2, side=8)


def _cifar(folder):
    cifar10.build(folder, seed=0, train=10, test=4)


def _cifar_jpeg(folder):
    cifar10_jpeg.build(folder, seed=0, train=10, test=4)


def _floc(folder):
    floc_fixture.build(folder, seed=0, each=1, side=8)


READERS = {
    "manifest": Reader(
        _manifest,
        "m.json",
        lambda path: manifest.load(path).files,
        whole=False,
        plausible=lambda good, found: all(
            isinstance(one, manifest.FileEntry) for one in found.values()
        ),
    ),
    "nsd design": Reader(_nsd("volume"), nsd.DESIGN, lambda m: nsd.read_design(m)._asdict()),
    "nsd coco ids": Reader(_nsd("volume"), nsd.INFORMATION, nsd.coco_ids),
    "nsd pictures": Reader(
        _nsd("volume"), nsd.STIMULI, lambda m: nsd.read_images(m, np.array([5, 0, 2]))
    ),
    "nsd volume labels": Reader(
        _nsd("volume"),
        "nsddata/ppdata/subj01/func1pt8mm/roi/floc-faces.nii.gz",
        _voxels("volume"),
        sealed=True,
    ),
    "nsd volume ncsnr": Reader(
        _nsd("volume"), f"{VOLUME}/ncsnr.nii.gz", _voxels("volume"), sealed=True
    ),
    "nsd surface labels": Reader(
        _nsd("surface"),
        "nsddata/freesurfer/subj01/label/rh.floc-faces.mgz",
        _voxels("surface"),
        sealed=True,
    ),
    "nsd surface ncsnr": Reader(_nsd("surface"), f"{SURFACE}/rh.ncsnr.mgh", _voxels("surface")),
    "nsd volume betas": Reader(
        _nsd("volume"), f"{VOLUME}/betas_session02.hdf5", _responses("volume")
    ),
    "nsd surface betas": Reader(
        _nsd("surface"), f"{SURFACE}/rh.betas_session02.hdf5", _responses("surface")
    ),
    "nsd trials": Reader(
        _nsd("volume"), f"{VOLUME}/betas_session02.hdf5", lambda m: nsd.trials(m, 1, "volume")
    ),
    "things events": Reader(
        lambda folder: things_fmri_events.build(folder, **PLAN), EVENTS, things.select
    ),
    "things pictures": Reader(
        _pictures,
        "object_images/concept003/concept003_01b.jpg",
        lambda m: things.read_images(m, _selection()),
    ),
    "things voxels": Reader(_betas, "sub-01_VoxelMetadata.csv", _things),
    "things trials": Reader(_betas, "sub-01_StimulusMetadata.csv", _things),
    "things responses": Reader(_betas, "sub-01_ResponseData.h5", _things),
    "objects92 pictures": Reader(_objects, objects92.IMAGES, objects92.read_images),
    "objects92 categories": Reader(_objects, objects92.IMAGES, objects92.read_categories),
    "objects92 rdms": Reader(_objects, objects92.BRAINS, objects92.read_brain_rdms),
    "floc packed": Reader(_floc, floc.FILE, floc.read, sealed=True),
    "floc originals": Reader(
        _originals, "stimuli/car/car-1.jpg", lambda m: floc_originals.read(m, 8)
    ),
    "cifar archive": Reader(_cifar, cifar.ARCHIVE, lambda m: cifar.read(m, "train"), sealed=True),
    "cifar packed": Reader(
        _cifar_jpeg, cifar.PACKED["train"], lambda m: cifar.read(m, "train"), sealed=True
    ),
}
