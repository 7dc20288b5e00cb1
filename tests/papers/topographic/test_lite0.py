"""Frozen features of EfficientNet-Lite0: what is extracted, reduced, trained on and shown."""

import numpy as np
import pytest
import torch
from manifests import described

from papers.topographic import images as pictures
from papers.topographic.components import Components
from papers.topographic.features import read_features
from papers.topographic.lite0 import extract
from papers.topographic.train import read_parts
from papers.topographic.training_settings import FrozenSettings, Lite0Settings, Split
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors, write
from replicortex.core.randomness import generator
from replicortex.data import networks
from replicortex.data.fixtures import cifar10, floc, vision_networks

pytestmark = pytest.mark.numbers

SPLIT = Split(validation=1, train=5, test=2)
LITE0 = Lite0Settings(layer="head", side=48)


def frozen(size):
    return FrozenSettings(patch=6, filters=4, samples=9, size=size, norm=16, noise=0.5, seed=0)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lite0")
    sizes = {"blocks": 7, "stem": 4, "channels": [2, 3, 3, 4, 4, 5, 6], "head": 12, "classes": 3}
    for name in ("weights", "images", "floc"):
        (folder / name).mkdir()
    vision_networks.build(folder / "weights", seed=0, name="efficientnet_lite0", **sizes)
    cifar10.build(folder / "images", seed=0, train=80, test=30)
    floc.build(folder / "floc", seed=0, each=2, side=64)
    return {name: described(folder / name) for name in ("weights", "images", "floc")}


@pytest.fixture(scope="module")
def extracted(installed):
    made = extract(**installed, split=SPLIT, lite0=LITE0, frozen=frozen(8), device="cpu")
    return made["features"].arrays


def test_features_are_components_of_means_over_places(installed, extracted):
    """Recomputed: torch's own enlarging and walk, then scikit-learn's components."""
    from sklearn.decomposition import PCA

    network = networks.read(installed["weights"], "efficientnet_lite0")
    parts = pictures.read(installed["images"], SPLIT)

    @torch.inference_mode()
    def means(images):
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        x = torch.nn.functional.interpolate(x, (48, 48), mode="bicubic", antialias=True).clamp(0, 1)
        x = (x - torch.tensor(network.mean).view(3, 1, 1)) / torch.tensor(network.sd).view(3, 1, 1)
        return dict(network.network.walk(x))["head"].double().mean((2, 3)).numpy()

    pca = PCA(8, svd_solver="full").fit(means(parts["train"].images))
    scale = 16 / np.linalg.norm(pca.transform(means(parts["train"].images)), axis=1).mean()
    for name in ("train", "validation", "test"):
        assert extracted[f"{name}/labels"].tolist() == parts[name].labels.tolist()
        expected = scale * pca.transform(means(parts[name].images))
        found = extracted[f"{name}/features"]
        # Components have no sign.
        signs = np.sign((found * expected).sum(0))
        np.testing.assert_allclose(found, signs * expected, rtol=1e-3, atol=2e-3)
    mean = scale * (pca.mean_ @ pca.components_.T)
    signs = np.sign(extracted["mean"] * mean)
    np.testing.assert_allclose(extracted["mean"], signs * mean, rtol=1e-3, atol=2e-3)


def test_localizer_images_are_there_and_noise_is_not(extracted):
    assert extracted["floc/features"].shape[1] == 8 and len(extracted["floc/features"]) > 0
    assert not any(name.startswith("noise/") for name in extracted)


def test_more_components_than_channels_are_refused(installed):
    said = (
        r"frozen\.size: 13 components of layer 'head' .* 50 training images and 12 channels give 12"
    )
    with pytest.raises(StudyError, match=said):
        extract(**installed, split=SPLIT, lite0=LITE0, frozen=frozen(13), device="cpu")


def test_the_mean_is_what_the_components_hold_of_it():
    rng = generator(0, "responses")
    responses = rng.normal(size=(50, 6)) + np.arange(6)
    made = Components(responses, frozen(6))
    # With all components nothing is lost: distances from zero are those of the responses.
    kept = made(responses) + made.mean
    np.testing.assert_allclose(
        np.linalg.norm(kept, axis=1), made.scale * np.linalg.norm(responses, axis=1), rtol=1e-5
    )
    np.testing.assert_allclose(made(responses).mean(0), 0, atol=1e-5)


def test_features_keep_their_mean_unless_centred(tmp_path):
    one = np.ones((3, 2), np.float32)
    labels = np.arange(3)
    arrays = {f"{part}/labels": labels for part in ("train", "validation", "test")}
    arrays |= {"train/features": one, "noise/none/0": one, "mean": np.float32([1, 2])}
    path = tmp_path / "f.safetensors"
    write(path, Tensors(arrays))
    for centred, expected in ((True, [1, 1]), (False, [2, 3])):
        found = read_features(path, centred)
        assert found["noise/none/0"][0].tolist() == expected
        assert found["train/labels"].tolist() == [0, 1, 2]
        assert read_parts(SPLIT, None, path, centred)["train"].images[0].tolist() == expected
