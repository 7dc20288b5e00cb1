"""Real localizer images through the published ResNet-20: face units are many, scene units few."""

import numpy as np
import pytest
from manifests import mirrored

from papers.sparse_positive import features, spaces
from papers.sparse_positive.extraction_settings import Extraction
from papers.sparse_positive.features import FLOC

pytestmark = pytest.mark.mirror


@pytest.mark.slow
def test_units_of_a_published_network(mirror, tmp_path):
    found = spaces.extract(
        images=mirrored(mirror, tmp_path, "floc"),
        networks=mirrored(mirror, tmp_path, "cifar_resnets"),
        v4=mirrored(mirror, tmp_path, "macaque_v4"),
        settings=Extraction(
            sources=["resnet20"],
            spaces={
                "turned": ["resnet20_trained_layer3"],
                "draws": 2,
                "every_picture": 1,
                "projections": 1,
                "batch": 64,
                "seed": 0,
                "mean": [0.5] * 3,
                "sd": [0.25] * 3,
            },
            localizer={"units": 100, "q": 0.05, "fill": True},
            sessions=["201025"],
            scenes=None,
        ),
        device="cpu",
    )
    table = found["localizer"].set_index(["space", "units"])
    layer = table.loc["resnet20_trained_layer3"]
    # Of 4,096 units, on half of the images; another choice of the half gave 248 and 7.
    assert layer.of.tolist() == [4096, 4096]
    assert 150 < layer.loc["face", "passing"] < 350 and 0 < layer.loc["scene", "passing"] < 30
    assert table.passing_permuted.max() <= 2
    answers = features.unpacked(found["features"])["resnet20_trained_layer3"].answers
    assert answers[FLOC]["face"].shape == (792, 100)
    assert answers["v4-201025"]["face"].shape == (1200, 100)
    assert all(np.isfinite(values).all() for values in found["features"].values())
