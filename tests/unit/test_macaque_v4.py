"""The reader of macaque V4 on its fixture: layout, order of images, shared images, damage."""

import numpy as np
import pytest
from manifests import described

from replicortex.data import macaque_v4
from replicortex.data.fixtures import macaque_v4 as fixture
from replicortex.errors import StudyError

SIZES = {"images": 30, "shared": 12, "neurons": 6, "side": 16, "noise": 0.0}


@pytest.fixture
def manifest(tmp_path):
    folder = tmp_path / "macaque_v4"
    folder.mkdir()
    fixture.build(folder, seed=0, **SIZES)
    return described(folder)


def test_two_builds_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fixture.build(tmp_path / name, seed=0, **SIZES)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 4
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_rows_are_images_and_columns_neurons(manifest):
    assert macaque_v4.sessions(manifest) == ["210322", "210325"]
    responses = macaque_v4.read_responses(manifest, "210325")
    names, images = macaque_v4.read_images(manifest, "210325")
    assert responses.shape == (30, 6) and images.shape == (30, 16, 16, 3)
    assert names[0] == "image0001.jpg" and names == sorted(names)
    # The counts follow from the images of the same row, and of no other order.
    grey = images.mean(axis=3).reshape(30, -1) / 255 - 0.5
    drive = grey @ fixture._filters(0, 6, 16).T
    np.testing.assert_allclose(responses, np.maximum(2 + drive / drive.std(0), 0), atol=1e-12)


def test_shared_images_are_found_by_their_pixels(manifest):
    one, other = (macaque_v4.read_images(manifest, s)[1] for s in ("210322", "210325"))
    first, second = macaque_v4.shared_images(one, other)
    assert len(first) == len(set(second.tolist())) == 12
    np.testing.assert_array_equal(one[first], other[second])
    assert not np.array_equal(first, second)


def test_repeated_images_are_matched_once_each():
    image = np.zeros((1, 4, 4, 3), np.uint8)
    first, second = macaque_v4.shared_images(np.repeat(image, 3, 0), np.repeat(image, 2, 0))
    assert first.tolist() == [0, 1] and second.tolist() == [0, 1]
    none = macaque_v4.shared_images(image, image + 1)
    assert len(none[0]) == len(none[1]) == 0


def test_an_unknown_session_is_told(manifest):
    with pytest.raises(StudyError, match="no session '210323'; did you mean"):
        macaque_v4.read_responses(manifest, "210323")


@pytest.mark.parametrize("name", ["responses_210322.npy", "images_210322.zip"])
def test_damaged_files_are_told(manifest, tmp_path, name):
    path = tmp_path / "macaque_v4" / name
    path.write_bytes(path.read_bytes()[:100])
    described(path.parent)
    with pytest.raises(StudyError, match=f"{name}: is no readable"):
        macaque_v4.read_images(manifest, "210322")


def test_counts_must_agree(manifest, tmp_path):
    np.save(tmp_path / "macaque_v4/responses_210322.npy", np.ones((6, 29)))
    described(tmp_path / "macaque_v4")
    with pytest.raises(StudyError, match="30 images found, 29 responses"):
        macaque_v4.read_images(manifest, "210322")
