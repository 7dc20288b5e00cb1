"""Published models: the right revision of the right model, images and passages as they are shown."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from manifests import described

from papers.hierarchical_ot import published_models
from papers.hierarchical_ot.embedding_settings import PublishedModel, SharedImages
from papers.hierarchical_ot.training_settings import Passages
from replicortex.core.errors import StudyError

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
    found = published_models.snapshot(weights, "facebook/dinov2-small", revision)
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
        published_models.snapshot(weights, repository, revision)


class Means(torch.nn.Module):
    """Stands for a vision model: tokens are the means of four quarters, twice as large each layer."""

    def forward(self, pixel_values, output_hidden_states):
        assert output_hidden_states
        n, channels, side, _ = pixel_values.shape
        quarters = pixel_values.reshape(n, channels, 2, side // 2, 2, side // 2).mean((3, 5))
        tokens = quarters.flatten(2).transpose(1, 2)
        return SimpleNamespace(hidden_states=[tokens, 2 * tokens, 4 * tokens])


def test_images_are_resized_normalised_and_averaged_over_tokens():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 1, 1, 3), dtype=np.uint8).repeat(32, 1).repeat(32, 2)
    layers = published_models.of_images(Means(), images, torch.device("cpu"))
    assert len(layers) == 2  # what precedes the first block is no layer
    expected = (images[:, 0, 0] / 255 - published_models.MEAN) / published_models.SD
    np.testing.assert_allclose(layers[0], 2 * expected, atol=1e-4)
    np.testing.assert_allclose(layers[1], 4 * expected, atol=1e-4)


def test_no_images_for_a_vision_model_is_told(weights, monkeypatch):
    monkeypatch.setattr(published_models, "load", lambda folder, place: (Means(), "dinov2"))
    model = PublishedModel(repository="facebook/dinov2-small", revision=REVISION, domain="brain")
    given = {"weights": weights, "text": weights, "device": "cpu"}
    given["language"] = Passages(stimuli=13, context=2)
    given["brain"] = SharedImages(subjects=[1, 2], repeats=3)
    with pytest.raises(StudyError, match=r"published\.small: it is shown the images of `betas`"):
        published_models.embed(name="small", model=model, **given)
    other = model.model_copy(update={"domain": "language"})
    with pytest.raises(StudyError, match=r"is a dinov2, whose domain is brain; found language"):
        published_models.embed(name="small", model=other, **given)
