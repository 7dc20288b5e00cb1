"""The reader of NSD on its fixture in the bucket's layout: voxels, splits, sessions, damage."""

import gzip
import json

import h5py
import nibabel
import numpy as np
import pytest
from manifests import described

from replicortex.core.errors import StudyError
from replicortex.data import nsd
from replicortex.data.fixtures import nsd as fixture

pytestmark = pytest.mark.numbers

SIZES = {"people": [1, 7], "shared": 20, "own": 30, "side": 12}


def built(tmp_path, layout):
    folder = tmp_path / "nsd"
    folder.mkdir()
    fixture.build(folder, seed=0, layout=layout, **SIZES)
    return described(folder)


@pytest.fixture
def volume(tmp_path):
    return built(tmp_path, "volume")


@pytest.mark.parametrize("layout", nsd.FOLDER)
def test_two_builds_give_the_same_bytes(tmp_path, layout):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fixture.build(tmp_path / name, seed=0, layout=layout, **SIZES)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) > 10
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_voxels_of_a_region_are_labelled_and_reliable(volume, tmp_path):
    found = nsd.read_voxels(volume, 1, "PPA", "volume", 0.3)
    base = tmp_path / "nsd"
    labels = nibabel.load(base / "nsddata/ppdata/subj01/func1pt8mm/roi/floc-places.nii.gz")
    ncsnr = nibabel.load(
        base / f"nsddata_betas/ppdata/subj01/func1pt8mm/{nsd.BETAS}/ncsnr.nii.gz"
    ).get_fdata()
    inside = (labels.get_fdata() == 2) & (ncsnr > 0.3)
    assert 5 < inside.sum() == len(found.ncsnr) < 30
    x, y, z = np.unravel_index(found.places[""], tuple(reversed(fixture.BOX)))[::-1]
    assert inside[x, y, z].all()
    np.testing.assert_array_equal(found.ncsnr, ncsnr[x, y, z])


def test_responses_are_means_over_presentations_of_z_scores(volume, tmp_path):
    design = nsd.read_design(volume)
    voxels = nsd.read_voxels(volume, 7, "FFA", "volume", 0.3)
    stimuli = design.images[6][[3, 25]]
    found = nsd.read_responses(volume, 7, voxels, "volume", stimuli)
    raw = []
    for session in range(1, fixture.SESSIONS + 1):
        name = (
            f"nsd/nsddata_betas/ppdata/subj07/func1pt8mm/{nsd.BETAS}/betas_session0{session}.hdf5"
        )
        with h5py.File(tmp_path / name) as file:
            betas = file["betas"][:].reshape(len(file["betas"]), -1)[:, voxels.places[""]]
        raw.append((betas - betas.mean(0)) / betas.std(0))
    raw = np.concatenate(raw)
    for row, place in enumerate((3, 25)):
        assert (design.order == place).sum() == 3
        np.testing.assert_allclose(found[row], raw[design.order == place].mean(0))


def test_surfaces_join_both_hemispheres(tmp_path):
    manifest = built(tmp_path, "surface")
    voxels = nsd.read_voxels(manifest, 1, "FFA", "surface", 0.3)
    assert list(voxels.places) == ["lh", "rh"]
    assert sum(map(len, voxels.places.values())) == len(voxels.ncsnr)
    design = nsd.read_design(manifest)
    stimuli = design.images[0][:5]
    both = nsd.read_responses(manifest, 1, voxels, "surface", stimuli)
    right = voxels._replace(places={"rh": voxels.places["rh"]})
    alone = nsd.read_responses(manifest, 1, right, "surface", stimuli)
    np.testing.assert_array_equal(both[:, len(voxels.places["lh"]) :], alone)


def test_voxels_follow_their_pictures(volume):
    """Responses to a picture repeat: means of odd and even presentations would agree."""
    design = nsd.read_design(volume)
    voxels = nsd.read_voxels(volume, 1, "FFA", "volume", 1.0)
    stimuli = design.images[0]
    found = nsd.read_responses(volume, 1, voxels, "volume", stimuli)
    pictures = nsd.read_images(volume, stimuli).reshape(len(stimuli), -1) / 255
    near = np.corrcoef(pictures - pictures.mean(0))
    alike = np.corrcoef(found)
    upper = np.triu_indices(len(stimuli), 1)
    assert np.corrcoef(near[upper], alike[upper])[0, 1] > 0.2


def test_splits_are_disjoint_and_the_test_is_what_all_saw(volume):
    design, coco = nsd.read_design(volume), nsd.coco_ids(volume)
    one = nsd.splits(design, coco, 1, pool=28, step=4)
    other = nsd.splits(design, coco, 7, pool=28, step=4)
    np.testing.assert_array_equal(one["test"], other["test"])
    assert len(one["train"]) == len(one["validation"]) == 7
    assert not set(one["train"]) & set(one["validation"]) and not set(one["train"]) & set(
        other["train"]
    )
    joined = np.sort(coco[np.concatenate([one["train"], one["validation"]])])
    own = np.sort(coco[design.images[0][design.shared :]])[:28]
    np.testing.assert_array_equal(joined, np.sort(np.concatenate([own[::4], own[1::4]])))
    early = design.order[: len(design.order) * 3 // 4]
    for stimulus in one["test"]:
        (place,) = np.flatnonzero(design.images[0] == stimulus)
        assert place < design.shared and (early == place).sum() == 3


def test_pictures_come_in_the_order_asked_for(volume, tmp_path):
    with h5py.File(tmp_path / "nsd" / nsd.STIMULI) as file:
        all_ = file["imgBrick"][:]
    np.testing.assert_array_equal(nsd.read_images(volume, np.array([9, 2, 5])), all_[[9, 2, 5]])


def lose(manifest, *words):
    content = json.loads(manifest.read_text())
    content["files"] = {
        name: entry
        for name, entry in content["files"].items()
        if not all(word in name for word in words)
    }
    manifest.write_text(json.dumps(content))


def test_what_a_user_can_get_wrong(volume, tmp_path):
    with pytest.raises(StudyError, match="region 'PPB' is unknown; did you mean 'PPA'"):
        nsd.read_voxels(volume, 1, "PPB", "volume", 0.3)
    with pytest.raises(StudyError, match="layout 'surfaces' is unknown; did you mean 'surface'"):
        nsd.read_voxels(volume, 1, "FFA", "surfaces", 0.3)
    with pytest.raises(StudyError, match="no voxel of FFA with ncsnr > 9"):
        nsd.read_voxels(volume, 1, "FFA", "volume", 9)
    with pytest.raises(StudyError, match="person 9: the design has 8"):
        nsd.splits(nsd.read_design(volume), nsd.coco_ids(volume), 9, pool=5, step=1)
    with pytest.raises(StudyError, match="saw 30 own stimuli 3 times, 4000 are asked for"):
        nsd.splits(nsd.read_design(volume), nsd.coco_ids(volume), 1, pool=4000, step=4)
    voxels = nsd.read_voxels(volume, 1, "FFA", "volume", 0.3)
    with pytest.raises(StudyError, match="never saw stimulus"):
        other = nsd.read_design(volume).images[4][-1:]
        nsd.read_responses(volume, 1, voxels, "volume", other)
    lose(volume, "subj01", "session02")
    with pytest.raises(StudyError, match="session 2 is missing"):
        nsd.read_responses(volume, 1, voxels, "volume", np.array([0]))
    lose(volume, "subj07", "ncsnr")
    with pytest.raises(StudyError, match="ncsnr is missing for person 7"):
        nsd.read_voxels(volume, 7, "FFA", "volume", 0.3)


def test_a_truncated_volume_is_told(volume, tmp_path):
    path = tmp_path / "nsd/nsddata/ppdata/subj01/func1pt8mm/roi/floc-faces.nii.gz"
    raw = gzip.decompress(path.read_bytes())
    short = gzip.compress(raw[:400], mtime=0)
    path.write_bytes(short.ljust(path.stat().st_size, b"\0")[: path.stat().st_size])
    with pytest.raises(StudyError, match=r"floc-faces\.nii\.gz: a volume \(nii\.gz\) expected"):
        nsd.read_voxels(volume, 1, "FFA", "volume", 0.3)


# What is wrong in one part, session or voxel.


@pytest.mark.parametrize(("part", "session"), [("rh", 4), ("rh", 2), ("lh", 4)])
def test_a_session_of_one_hemisphere_is_missed(tmp_path, part, session):
    manifest = built(tmp_path, "surface")
    voxels = nsd.read_voxels(manifest, 1, "FFA", "surface", 0.3)
    lose(manifest, "subj01", f"{part}.betas_session{session:02}")
    stimuli = nsd.read_design(manifest).images[0][:5]
    with pytest.raises(StudyError, match=f"person 1: session {session} of {part} is missing"):
        nsd.read_responses(manifest, 1, voxels, "surface", stimuli)
    with pytest.raises(StudyError, match=f"person 1: session {session} of {part} is missing"):
        nsd.trials(manifest, 1, "surface")


def betas_of(folder, person, session, part="", layout="volume"):
    base = f"nsddata_betas/ppdata/subj{person:02}/{nsd.FOLDER[layout]}/{nsd.BETAS}"
    return folder / base / f"{part}betas_session{session:02}.hdf5"


def changed(path, change):
    with h5py.File(path) as file:
        betas = file["betas"][:].astype(np.float32)
    with h5py.File(path, "w") as file:
        file["betas"] = change(betas)


def test_a_session_of_another_length_is_told(tmp_path):
    manifest = built(tmp_path, "surface")
    path = betas_of(tmp_path / "nsd", 1, 1, "rh.", "surface")
    whole = path.read_bytes()
    changed(path, lambda betas: betas[:-1])  # one less than on the left, as sessions may differ
    manifest = described(tmp_path / "nsd")
    with pytest.raises(StudyError, match=r"rh\.betas_session01.* has 37 trials, 38 expected"):
        nsd.trials(manifest, 1, "surface")
    path.write_bytes(whole)
    changed(betas_of(tmp_path / "nsd", 1, 3, "rh.", "surface"), lambda betas: betas[:5])
    changed(betas_of(tmp_path / "nsd", 1, 3, "lh.", "surface"), lambda betas: betas[:5])
    with pytest.raises(StudyError, match=r"session 3\) has 5 trials, \d\d expected"):
        nsd.trials(described(tmp_path / "nsd"), 1, "surface")


@pytest.mark.parametrize("value", [0, 7, np.nan, np.inf, 1e38])
def test_a_voxel_without_responses_in_a_session_leaves(volume, tmp_path, value):
    voxels = nsd.read_voxels(volume, 1, "FFA", "volume", 0.3)
    stimuli = nsd.read_design(volume).images[0][:9]
    whole = nsd.read_answers(volume, 1, voxels, "volume", stimuli)
    assert whole.left_out == 0 and whole.responses.shape == (9, len(voxels.ncsnr))
    z, y, x = np.unravel_index(voxels.places[""][1], voxels.shapes[""])

    def spoil(betas):
        betas[4 if value in (np.inf,) or value != value else slice(None), z, y, x] = value
        if value == 1e38:
            betas[::2, z, y, x] *= -3  # whose squares no float32 can hold
        return betas

    changed(betas_of(tmp_path / "nsd", 1, 2), spoil)
    manifest = described(tmp_path / "nsd")
    found = nsd.read_answers(manifest, 1, voxels, "volume", stimuli)
    others = np.arange(len(voxels.ncsnr)) != 1
    if value == 1e38:  # finite and varying: float64 holds its squares, so that it stays
        assert found.left_out == 0 and np.isfinite(found.responses).all()
        others[:] = True
        whole = found
    else:
        assert found.left_out == 1
        with pytest.raises(
            StudyError, match=rf"1 of {len(others)} voxels are constant or not finite"
        ):
            nsd.read_responses(manifest, 1, voxels, "volume", stimuli)
    np.testing.assert_array_equal(found.voxels.ncsnr, voxels.ncsnr[others])
    np.testing.assert_array_equal(found.voxels.places[""], voxels.places[""][others])
    np.testing.assert_allclose(found.responses, whole.responses[:, others], atol=1e-6)


def test_no_voxel_with_responses_is_told(volume, tmp_path):
    voxels = nsd.read_voxels(volume, 1, "FFA", "volume", 0.3)
    stimuli = nsd.read_design(volume).images[0][:9]
    changed(betas_of(tmp_path / "nsd", 1, 2), lambda betas: betas * 0)
    with pytest.raises(StudyError, match=r"person 1: each of \d+ voxels is constant"):
        nsd.read_answers(described(tmp_path / "nsd"), 1, voxels, "volume", stimuli)


def test_betas_of_another_volume_are_told(volume, tmp_path):
    voxels = nsd.read_voxels(volume, 1, "FFA", "volume", 0.3)
    changed(betas_of(tmp_path / "nsd", 1, 2), lambda betas: betas.swapaxes(1, 3))
    stimuli = nsd.read_design(volume).images[0][:9]
    with pytest.raises(StudyError, match="betas of 6 x 5 x 4 voxels, ncsnr has 4 x 5 x 6"):
        nsd.read_answers(described(tmp_path / "nsd"), 1, voxels, "volume", stimuli)


def test_coco_ids_go_by_the_number_of_the_stimulus(volume, tmp_path):
    right = nsd.coco_ids(volume)
    path = tmp_path / "nsd" / nsd.INFORMATION
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *lines[::-1]]) + "\n")
    np.testing.assert_array_equal(nsd.coco_ids(described(tmp_path / "nsd")), right)
    path.write_text("\n".join([head, *lines[:3], lines[2], *lines[4:]]) + "\n")
    with pytest.raises(StudyError, match="nsdId from 0 to 259 expected, each once; 3 is missing"):
        nsd.coco_ids(described(tmp_path / "nsd"))
    path.write_text("\n".join([head, *lines[:-1]]) + "\n")
    with pytest.raises(StudyError, match=r"shows stimulus 259, the table of stimuli .* has 259"):
        manifest = described(tmp_path / "nsd")
        nsd.splits(nsd.read_design(volume), nsd.coco_ids(manifest), 1, pool=4, step=2)
