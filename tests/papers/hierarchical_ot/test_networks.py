"""Networks: layers and their shapes, shortcuts, causality."""

import pytest
import torch

from papers.hierarchical_ot.networks import Pooled, for_images, for_text, letters
from papers.hierarchical_ot.training_settings import NetworkSettings, TransformerSettings
from replicortex.models.cifar_resnet import CifarResNet

pytestmark = pytest.mark.numbers


@pytest.mark.parametrize("family", ["cnn", "resnet", "vit"])
@pytest.mark.parametrize("depth", [2, 3, 7])
def test_one_layer_for_each_block(family, depth):
    network = for_images(NetworkSettings(family=family, depth=depth, width=8, heads=2))
    layers, logits = network(torch.randn(3, 3, 32, 32))
    assert len(layers) == depth and logits.shape == (3, 10)
    widths = [layer.shape[1] for layer in layers]
    assert widths == sorted(widths) and widths[0] == 8
    assert widths[-1] == (8 if family == "vit" else 8 * 2 ** min(2, 3 * (depth - 1) // depth))


def test_a_residual_block_adds_its_input():
    network = for_images(NetworkSettings(family="resnet", depth=3, width=4)).eval()
    for block in network.blocks:
        torch.nn.init.zeros_(block[1].weight)
        torch.nn.init.zeros_(block[1].bias)
    x = torch.randn(2, 3, 32, 32)
    layers, _ = network(x)
    stem = torch.relu(network.stem(x))
    torch.testing.assert_close(layers[0], stem.mean((2, 3)))
    assert (layers[1][:, :2] == 0).all() and (layers[1][:, -2:] == 0).all()
    torch.testing.assert_close(layers[1][:, 2:-2], stem[:, :, ::2, ::2].mean((2, 3)))


def test_pooled_layers_end_in_the_networks_own_logits():
    network = CifarResNet(20).eval()
    x = torch.randn(2, 3, 32, 32)
    layers, logits = Pooled(network)(x)
    assert [layer.shape[1] for layer in layers] == [16] * 3 + [32] * 3 + [64] * 3
    torch.testing.assert_close(logits, network(x))
    torch.testing.assert_close(layers[2], network.layers(x)["layer1"].mean((2, 3)))


def test_a_language_model_does_not_see_the_future():
    network = for_text(TransformerSettings(depth=2, width=16, heads=2), context=12).eval()
    one, other = letters(["hello world!", "hello there!"])
    with torch.no_grad():
        first, second = network(one[None])[1], network(other[None])[1]
    torch.testing.assert_close(first[:, :6], second[:, :6])
    assert not torch.allclose(first[:, 6:], second[:, 6:])
    layers, _ = network(one[None])
    assert [tuple(layer.shape) for layer in layers] == [(1, 16), (1, 16)]
