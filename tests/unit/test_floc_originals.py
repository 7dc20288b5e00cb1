"""The localizer images as published: order, domains, size, damage."""

import json

import numpy as np
import pytest
from manifests import described
from PIL import Image

from replicortex.core.errors import StudyError
from replicortex.data import floc_originals
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
