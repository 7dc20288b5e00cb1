"""The reader of macaque V4 on its fixture: layout, order of images, shared images, damage."""

import io
import zipfile

import numpy as np
import pytest
from manifests import described
from PIL import Image

from replicortex.core.errors import StudyError
from replicortex.data import macaque_v4
from replicortex.data.fixtures import macaque_v4 as fixture

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


def test_a_third_session_has_images_of_its_own_and_changes_no_other(manifest, tmp_path):
    folder = tmp_path / "three"
    folder.mkdir()
    fixture.build(folder, seed=0, **SIZES, alone=7)
    three = described(folder)
    assert macaque_v4.sessions(three) == ["201025", "210322", "210325"]
    counts = macaque_v4.read_responses(three, "201025")
    images = macaque_v4.read_images(three, "201025")[1]
    assert counts.shape == (7, 6) and len(images) == 7
    for session in ("210322", "210325"):
        same = macaque_v4.read_images(three, session)[1]
        np.testing.assert_array_equal(same, macaque_v4.read_images(manifest, session)[1])
        np.testing.assert_array_equal(
            macaque_v4.read_responses(three, session), macaque_v4.read_responses(manifest, session)
        )
        assert len(macaque_v4.shared_images(images, same)[0]) == 0


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
    with pytest.raises(
        StudyError, match=f"{name}: (responses|an archive).* expected, a damaged or other file"
    ):
        macaque_v4.read_images(manifest, "210322")


def test_counts_must_agree(manifest, tmp_path):
    np.save(tmp_path / "macaque_v4/responses_210322.npy", np.ones((6, 29)))
    described(tmp_path / "macaque_v4")
    with pytest.raises(StudyError, match="30 images found, 29 responses"):
        macaque_v4.read_images(manifest, "210322")


def rewritten(manifest, tmp_path, change):
    """Write the images of a session again, under the names that `change` gives them."""
    path = tmp_path / "macaque_v4/images_210322.zip"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, raw in change(content):
            archive.writestr(name, raw)
    described(path.parent)


def test_images_go_by_their_numbers(manifest, tmp_path):
    """Neither the archive's order nor that of letters: image10 stands behind image2."""
    names, images = macaque_v4.read_images(manifest, "210322")

    def unpadded(content):
        return [(f"s/image{int(n[5:9])}.jpg", raw) for n, raw in reversed(content.items())]

    rewritten(manifest, tmp_path, unpadded)
    found, again = macaque_v4.read_images(manifest, "210322")
    assert found[:2] == ["image1.jpg", "image2.jpg"] and len(found) == len(names)
    np.testing.assert_array_equal(again, images)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: [*c.items(), ("b/image0003.jpg", c["image0004.jpg"])], "image 3 is there twice"),
        (lambda c: [*list(c.items())[1:], ("image0031.jpg", c["image0001.jpg"])], "no image 1, 30"),
        (lambda c: [(n, r) for n, r in c.items() if n != "image0007.jpg"], "no image 7, 29 images"),
        (lambda c: [*c.items(), ("image0031.png", b"")], "holds 'image0031.png'; images"),
        (lambda c: [*c.items(), ("__MACOSX/._image0001.jpg", b"")], "holds '__MACOSX"),
        (lambda c: [], "no image 1, 0 images"),
        (
            lambda c: [(n, b"x" if n == "image0005.jpg" else r) for n, r in c.items()],
            "of no format that is known",
        ),
        (
            lambda c: [(n, wide() if n == "image0005.jpg" else r) for n, r in c.items()],
            "image0005.jpg is 20 x 16 pixels, image0001.jpg is 16 x 16",
        ),
    ],
)
def test_images_that_fit_no_column_are_told(manifest, tmp_path, change, said):
    rewritten(manifest, tmp_path, change)
    with pytest.raises(StudyError, match=said):
        macaque_v4.read_images(manifest, "210322")


def wide():
    stream = io.BytesIO()
    Image.fromarray(np.zeros((16, 20, 3), np.uint8)).save(stream, "JPEG")
    return stream.getvalue()
