"""Pictures come as a viewer shows them: turned, scaled, and refused where that is not known."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from replicortex.core.errors import StudyError
from replicortex.data import pictures


def saved(picture, kind, **options):
    stream = io.BytesIO()
    picture.save(stream, format=kind, **options)
    return stream.getvalue()


# What must be done to a stored picture to show it, by EXIF's table.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_is_obeyed(orientation, kind):
    drawn = np.zeros((16, 24, 3), np.uint8)
    drawn[:8, :8] = 250, 10, 10
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    options |= {"lossless": True} if kind == "WEBP" else {}
    content = saved(Image.fromarray(drawn), kind, exif=exif, **options)
    found = pictures.decoded(content)
    expected = UPRIGHT[orientation](drawn)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.astype(int), expected, atol=6 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_is_scaled(kind):
    values = np.array([[0, 128, 257, 32768, 65535]], np.uint16)
    found = pictures.decoded(saved(Image.fromarray(values), kind), "L")
    np.testing.assert_array_equal(found, [[0, 0, 1, 128, 255]])
    colour = pictures.decoded(saved(Image.fromarray(values), kind))
    np.testing.assert_array_equal(colour, np.repeat(found[..., None], 3, axis=2))


def test_grey_of_8_bits_stays():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(
        pictures.decoded(saved(ImageOps.autocontrast(Image.fromarray(values)), "PNG"), "L"), values
    )


@pytest.mark.parametrize("values", [np.float32([[0, 0.5]]), np.int32([[0, 1 << 20]])])
def test_values_without_a_scale_are_refused(values, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(saved(Image.fromarray(values), "TIFF"))
    with pytest.raises(StudyError, match=r"8 or 16 bits per channel expected, found values of"):
        pictures.read(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"<html>"])
def test_what_is_no_picture(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(StudyError, match=r"a\.jpg: a picture expected"):
        pictures.read(path)
