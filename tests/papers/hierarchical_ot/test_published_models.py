"""Published models: the right revision of the right model, images and passages as they are shown."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from manifests import described

from papers.hierarchical_ot import neurons, passages, published_models
from papers.hierarchical_ot.embedding_settings import PublishedModel, SharedImages
from papers.hierarchical_ot.training_settings import Images, Passages
from replicortex.core.errors import StudyError
from replicortex.data import floc as data_floc
from replicortex.data import language_models, model_cache, networks
from replicortex.data import objects92 as data_objects92
from replicortex.data.fixtures import (
    floc,
    macaque_v4,
    objects92,
    python_topics,
    smollm2,
    vision_networks,
)
from replicortex.models import layer_responses, transformer

pytestmark = pytest.mark.numbers

REVISION = "ab" * 20


@pytest.fixture
def weights(tmp_path):
    """A dataset of one model at one revision."""
    folder = tmp_path / "weights/models--facebook--dinov2-small/snapshots" / REVISION
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"x")
    return described(tmp_path / "weights", synthetic=False)


@pytest.mark.parametrize("revision", [REVISION, None])
def test_the_revision_is_found(weights, revision):
    found = model_cache.snapshot(weights, "facebook/dinov2-small", revision)
    assert found.name == REVISION and (found / "model.safetensors").is_file()


@pytest.mark.parametrize(
    "repository, revision, message",
    [
        ("facebook/dinov2-small", "cd" * 20, f"is there at revision {REVISION}, {'cd' * 20} expec"),
        ("facebook/dinov2-smal", REVISION, "no weights of facebook/dinov2-smal; did you mean"),
    ],
)
def test_another_revision_or_model_is_told(weights, repository, revision, message):
    with pytest.raises(StudyError, match=message):
        model_cache.snapshot(weights, repository, revision)


class Means(torch.nn.Module):
    """Stands for a vision model: tokens are the means of four quarters, twice as large each layer."""

    def forward(self, pixel_values, output_hidden_states):
        assert output_hidden_states
        n, channels, side, _ = pixel_values.shape
        quarters = pixel_values.reshape(n, channels, 2, side // 2, 2, side // 2).mean((3, 5))
        tokens = quarters.flatten(2).transpose(1, 2)
        return SimpleNamespace(hidden_states=[tokens, 2 * tokens, 4 * tokens])


GIVEN = {
    "vision": Images(stimuli=13),
    "language": Passages(stimuli=13, context=2),
    "brain": SharedImages(subjects=[1, 2], repeats=3),
    "device": "cpu",
}


SIZES = {
    "smollm2": {"width": 64, "hidden": 96, "layers": 3, "heads": 4, "kv_heads": 2},
    "topics": {"topics": 4, "sentences": 60},
}


def hub(stimuli, **changes):
    named = {"repository": "facebook/dinov2-small", "revision": REVISION, "stimuli": stimuli}
    return PublishedModel(**{**named, **changes})


def test_tokens_are_averaged_over_a_resized_normalised_picture():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 1, 1, 3), dtype=np.uint8).repeat(32, 1).repeat(32, 2)
    found = layer_responses.responses(transformer.vision(Means()), images, torch.device("cpu"))
    assert list(found) == ["block0", "block1"]  # what precedes the first block is no layer
    expected = (images[:, 0, 0] / 255 - transformer.MEAN) / transformer.SD
    np.testing.assert_allclose(found["block0"], 2 * expected, atol=1e-4)
    np.testing.assert_allclose(found["block1"], 4 * expected, atol=1e-4)


def test_no_pictures_for_a_vision_model_are_told(weights, monkeypatch):
    monkeypatch.setattr(transformer, "load", lambda folder, place: (Means(), "dinov2"))
    given = {**GIVEN, "weights": [weights], "names": ["small"]}
    with pytest.raises(StudyError, match=r"published\.small: it is shown the pictures of `betas`"):
        published_models.embed(models={"small": hub(["brain"])}, **given)
    with pytest.raises(StudyError, match=r"is a dinov2, which is shown pictures; found language"):
        published_models.embed(models={"small": hub(["language"])}, text=weights, **given)


@pytest.fixture
def pictures(tmp_path):
    """Manifests of made-up V4 recordings, objects and localizer images."""
    for name in ("macaque_v4", "objects92", "floc"):
        (tmp_path / name).mkdir()
    sizes = {"images": 12, "shared": 6, "neurons": 3, "side": 16, "noise": 0.0}
    macaque_v4.build(tmp_path / "macaque_v4", seed=0, **sizes)
    objects92.build(tmp_path / "objects92", seed=0, subjects=2, side=20)
    floc.build(tmp_path / "floc", seed=0, each=2, side=32)
    names = {"recordings": "macaque_v4", "objects": "objects92", "localizer": "floc"}
    return {key: described(tmp_path / name) for key, name in names.items()}


@pytest.fixture
def lite(tmp_path):
    """The manifest of a small network in the layout of a package."""
    (tmp_path / "lite").mkdir()
    sizes = {"blocks": 7, "stem": 4, "channels": [4] * 7, "head": 8, "classes": 3}
    vision_networks.build(tmp_path / "lite", seed=0, name="efficientnet_lite0", **sizes)
    return described(tmp_path / "lite")


def test_a_network_of_a_package_is_shown_pictures_of_several_sources(pictures, lite):
    domains = ["v4", "objects", "localizer"]
    model = PublishedModel(network="efficientnet_lite0", weights="lite", stimuli=domains)
    given = {**GIVEN, **pictures, "names": ["lite0"], "weights": [lite]}
    made = published_models.embed(models={"lite0": model}, **given)
    arrays = made["activations"].arrays
    layers = [f"block{n}" for n in range(7)]  # neither stem nor head
    assert sorted(arrays) == sorted(f"{d}/lite0/{n}" for d in domains for n in range(len(layers)))
    network = networks.read(lite, "efficientnet_lite0")
    # Rows are those of the neurons' counts.
    images, counts = neurons.v4(pictures["recordings"])
    assert {len(rows) for rows in counts.values()} == {len(images)}
    expected = {
        "v4": images,
        "objects": data_objects92.read_images(pictures["objects"])[1],
        "localizer": data_floc.read(pictures["localizer"])[0],
    }
    for domain, stimuli in expected.items():
        answers = layer_responses.responses(network, stimuli, torch.device("cpu"))
        for number, layer in enumerate(layers):
            np.testing.assert_array_equal(arrays[f"{domain}/lite0/{number}"], answers[layer])


def embedded(model, name="twin", *, weights, **given):
    given |= {"names": [name], "weights": [weights]}
    made = published_models.embed(models={name: model}, **{**GIVEN, **given})
    return list(made["activations"].arrays.values())


def test_models_of_one_process_are_those_of_each_alone(pictures, lite, tmp_path):
    """Their weights go by the order of their names, which is not that of the sections."""
    (tmp_path / "other").mkdir()
    sizes = {"blocks": 10, "stem": 4, "channels": [4] * 7, "head": 8, "classes": 3}
    vision_networks.build(tmp_path / "other", seed=1, name="efficientnet_lite1", **sizes)
    held = {"z": lite, "a": described(tmp_path / "other")}
    models = {
        name: PublishedModel(network=network, weights="w", stimuli=["objects"])
        for name, network in (("a", "efficientnet_lite1"), ("z", "efficientnet_lite0"))
    }
    given = {**GIVEN, "objects": pictures["objects"], "models": models}

    def embedded(*names):
        made = published_models.embed(names=[*names], weights=[held[n] for n in names], **given)
        return made["activations"]

    both, alone = embedded("z", "a"), [embedded("z"), embedded("a")]
    expected = {key: layer for one in alone for key, layer in one.arrays.items()}
    assert set(both.arrays) == set(expected) and set(both.metadata) == {"a", "z"}
    for key, layer in both.arrays.items():
        np.testing.assert_array_equal(layer, expected[key])


def test_an_untrained_twin_has_weights_of_its_own_that_its_seed_decides(pictures, lite):
    named = {"network": "efficientnet_lite0", "weights": "lite", "stimuli": ["objects"]}
    given = {"weights": lite, "objects": pictures["objects"]}
    trained, twin, again, other = (
        embedded(PublishedModel(**named, untrained=seed), name, **given)
        for seed, name in ((None, "lite0"), (0, "twin"), (0, "another_name"), (1, "twin"))
    )
    assert [x.shape for x in twin] == [x.shape for x in trained]
    for a, b, c, d in zip(trained, twin, again, other, strict=True):
        np.testing.assert_array_equal(b, c)
        assert not np.allclose(a, b) and not np.allclose(b, d)
        assert (b.std(0) > 1e-3).all()  # every unit still tells pictures apart in the last block


def test_an_untrained_decoder_reads_with_the_tokens_of_its_twin(tmp_path):
    for name, build in (("smollm2", smollm2.build), ("topics", python_topics.build)):
        (tmp_path / name).mkdir()
        build(tmp_path / name, seed=0, **SIZES[name])
    decoder = described(tmp_path / "smollm2")
    given = {"weights": decoder, "text": described(tmp_path / "topics")}
    given["language"] = Passages(stimuli=13, context=24)
    named = {"network": "smollm2", "weights": "smollm2", "stimuli": ["language"]}
    trained = embedded(PublishedModel(**named), **given)
    network, tokens = language_models.read(decoder, "smollm2", torch.device("cpu"))
    read = passages.passages(given["text"], given["language"])[1]
    expected = transformer.responses(network, tokens, read, torch.device("cpu"))
    np.testing.assert_array_equal(trained, expected)
    twin, again = (embedded(PublishedModel(**named, untrained=3), **given) for _ in range(2))
    np.testing.assert_array_equal(twin, again)
    assert np.shape(twin) == np.shape(trained) and not np.allclose(twin, trained)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"repository": None}, "either repository or network is needed"),
        ({"network": "efficientnet_lite0"}, "either repository or network is needed"),
        ({"repository": None, "network": "efficientnet_lite0"}, "weights is missing"),
        ({"stimuli": ["language", "v4"]}, "stimuli: language and pictures"),
        ({"stimuli": ["photographs"]}, "stimuli"),
        ({"untrained": -1}, "untrained"),
    ],
)
def test_a_model_that_is_told_badly_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        hub(**{"stimuli": ["v4"], **changes})
