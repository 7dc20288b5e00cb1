"""The localizer images as published: order, domains, size, damage."""

import json

import numpy as np
import pytest
from manifests import described
from PIL import Image

from replicortex.core.errors import StudyError
from replicortex.data import floc, floc_originals
from replicortex.data.floc import DOMAINS


@pytest.fixture
def manifest(tmp_path):
    folder = tmp_path / "floc_originals"
    for place, category in enumerate(DOMAINS):
        (folder / "stimuli" / category).mkdir(parents=True)
        for number in (1, 2, 10):
            grey = np.full((64, 64), 20 * place + number, np.uint8)
            Image.fromarray(grey).save(
                folder / f"stimuli/{category}/{category}-{number}.jpg", quality=95
            )
    return described(folder)


def test_images_come_by_category_and_number(manifest):
    images, domains = floc_originals.read(manifest, 16)
    assert images.shape == (33, 16, 16) and images.dtype == np.uint8
    assert list(domains[:3]) == ["faces"] * 3  # adult comes first
    assert list(domains[-3:]) == [DOMAINS["word"]] * 3
    place = list(DOMAINS).index("adult")
    np.testing.assert_allclose(images[:3, 8, 8], [20 * place + n for n in (1, 2, 10)], atol=2)


def test_a_missing_category_and_a_damaged_image_are_told(manifest, tmp_path):
    path = tmp_path / "floc_originals/stimuli/car/car-2.jpg"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(StudyError, match=r"car-2\.jpg: a picture expected"):
        floc_originals.read(manifest, 16)
    content = json.loads(manifest.read_text())
    content["files"] = {k: v for k, v in content["files"].items() if "/adult/" not in k}
    manifest.write_text(json.dumps(content))
    with pytest.raises(StudyError, match=r"no images stimuli/adult/adult-<number>\.jpg"):
        floc_originals.read(manifest, 16)


def test_one_name_in_two_folders_is_ambiguous(manifest, tmp_path):
    folder = tmp_path / "floc_originals"
    right = floc_originals.read(manifest, 16)[0]
    copy = folder / "copy/stimuli/car/car-2.jpg"
    copy.parent.mkdir(parents=True)
    copy.write_bytes((folder / "stimuli/car/car-2.jpg").read_bytes())
    np.testing.assert_array_equal(floc_originals.read(described(folder), 16)[0], right)
    copy.write_bytes((folder / "stimuli/car/car-1.jpg").read_bytes())
    with pytest.raises(StudyError, match=r"'copy/.*car-2\.jpg' and 'stimuli/.*have one name"):
        floc_originals.read(described(folder), 16)


def test_packed_images_have_a_label_each(tmp_path):
    folder = tmp_path / "floc"
    folder.mkdir()
    parts = {"images": np.zeros((3, 8, 8), np.uint8), "categories": np.array(["car", "word"])}
    np.savez(folder / floc.FILE, labels=np.uint8([1, 0, 1]), **parts)
    assert list(floc.read(described(folder))[1]) == ["characters", "objects", "characters"]
    for labels in (np.uint8([1, 0]), np.int8([1, 0, -1]), np.uint8([1, 0, 2])):
        np.savez(folder / floc.FILE, labels=labels, **parts)
        with pytest.raises(StudyError, match=r"floc_128_gray\.npz: "):
            floc.read(described(folder))
