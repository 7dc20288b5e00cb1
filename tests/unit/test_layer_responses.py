"""Layers' answers: how pictures are shown, what is kept of maps, and that only one pass is made."""

import numpy as np
import pytest
import torch

from replicortex.core.errors import StudyError
from replicortex.models import layer_responses
from replicortex.models.layer_responses import VisionNetwork

CPU = torch.device("cpu")
MEAN, SD = (0.5, 0.25, 0.75), (0.5, 0.25, 0.2)


class Doubling:
    """Layers "one" and "two": the picture, and twice the picture at half the side."""

    def __init__(self):
        self.layers = ["one", "two"]
        self.shown = []

    def walk(self, images):
        self.shown.append(len(images))
        yield "one", images
        yield "two", 2 * images[:, :, ::2, ::2]


@pytest.fixture
def network():
    return VisionNetwork(Doubling(), 8, MEAN, SD)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


def test_means_over_places_are_those_of_the_normalised_pictures(network, images):
    found = layer_responses.responses(network, images, CPU, batch=2)
    expected = ((images / 255 - MEAN) / SD).mean((1, 2))
    assert list(found) == ["one", "two"] and found["one"].dtype == np.float32
    np.testing.assert_allclose(found["one"], expected, atol=1e-5)
    assert network.network.shown == [2, 2, 1]  # once each


def test_a_grid_holds_the_means_of_fields_channel_by_channel(network, images):
    found = layer_responses.responses(network, images, CPU, grid=2)["one"]
    normal = (images / 255 - MEAN) / SD
    fields = normal.reshape(5, 2, 4, 2, 4, 3).mean((2, 4))  # (n, 2, 2, channels)
    np.testing.assert_allclose(found, fields.transpose(0, 3, 1, 2).reshape(5, -1), atol=1e-5)


@pytest.mark.parametrize(
    ("grid", "units"), [(1, (3, 3)), (4, (48, 48)), (6, (108, 48)), (None, (192, 48))]
)
def test_maps_smaller_than_the_grid_keep_their_places(network, images, grid, units):
    found = layer_responses.responses(network, images, CPU, grid=grid)
    assert tuple(layer.shape[1] for layer in found.values()) == units


def test_the_batch_changes_nothing_and_layers_are_chosen(network, images):
    whole = layer_responses.responses(network, images, CPU, grid=2, batch=5)
    parts = layer_responses.responses(network, images, CPU, grid=2, batch=1, layers=["two"])
    assert list(parts) == ["two"]
    np.testing.assert_array_equal(parts["two"], whole["two"])


def test_pictures_are_read_as_they_are_asked_for(network, images):
    read = []

    def blocks():
        for image in images:
            read.append(len(read))
            yield image[None]

    parts = layer_responses.stream(network, blocks(), CPU)
    assert next(parts)["one"].shape == (1, 3) and read == [0]


def test_grey_pictures_have_three_equal_channels_and_any_side(network):
    grey = np.full((2, 3, 5), 255, np.uint8)
    shown = network.prepared(grey)
    assert shown.shape == (2, 3, 8, 8)
    np.testing.assert_allclose(shown[0, :, 0, 0], (1 - np.array(MEAN)) / SD, rtol=1e-6)
    assert network.prepared(grey, side=4).shape == (2, 3, 4, 4)


def test_scaling_is_that_of_pillow(network):
    from PIL import Image

    image = np.random.default_rng(1).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    found = network.prepared(image[None])[0].permute(1, 2, 0).numpy() * SD + MEAN
    expected = np.asarray(Image.fromarray(image).resize((8, 8), Image.Resampling.BICUBIC)) / 255
    np.testing.assert_allclose(found, expected, atol=1.6 / 255)  # Pillow rounds, twice


def test_the_middle_square():
    image = np.arange(24).reshape(4, 6)
    np.testing.assert_array_equal(layer_responses.centred(image), image[:, 1:5])
    np.testing.assert_array_equal(layer_responses.centred(image.T), image.T[1:5])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 8, 8, 3)), r"found float64 \(2, 8, 8, 3\), expected uint8"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"found uint8 \(2, 8, 8, 4\)"),
        (np.zeros((8, 8), np.uint8), r"found uint8 \(8, 8\)"),
    ],
)
def test_other_pictures_are_told(network, wrong, message):
    with pytest.raises(StudyError, match=message):
        network.prepared(wrong)


def test_another_layer_and_answers_that_are_no_numbers_are_told(network, images):
    with pytest.raises(StudyError, match="layer: found 'tow'; did you mean 'two'"):
        layer_responses.responses(network, images, CPU, layers=["tow"])
    broken = VisionNetwork(network.network, 8, MEAN, (0.0, 1.0, 1.0))
    with pytest.raises(StudyError, match="layer 'one': answers are NaN or infinite"):
        layer_responses.responses(broken, images, CPU)
