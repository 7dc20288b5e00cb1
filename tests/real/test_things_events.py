"""The choice of 720 images and the cross-run pairs, on the real events of THINGS-fMRI (CC0)."""

import pytest
from manifests import described

from replicortex.data import things

pytestmark = pytest.mark.mirror


@pytest.fixture(scope="module")
def selection(mirror, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    source = mirror / "things_fmri_events"
    (data / "things_fmri_events.user").symlink_to(source)
    return things.select(described(source, data, synthetic=False))


def test_the_720_images(selection):
    assert len(selection) == 720
    assert selection["stimulus"].str.contains("_01[bns]\\.jpg$").all()
    sessions = [selection[f"session_{s}"].unique().tolist() for s in ("01", "02", "03")]
    assert sessions == [[3], [2], [5]]


def test_two_people_saw_the_same_order(selection):
    for column in ("run", "position"):
        assert (selection[f"{column}_01"] == selection[f"{column}_02"]).all()


def test_pairs_of_different_runs(selection):
    mask = things.cross_run_mask(selection)
    assert mask.sum() // 2 == 210_205 and 720 * 719 // 2 == 258_840
    assert not mask.diagonal().any() and (mask == mask.T).all()
