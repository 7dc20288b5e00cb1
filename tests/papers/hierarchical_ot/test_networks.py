"""Networks: depths, shapes, causality, option A."""

import pytest
import torch

from papers.hierarchical_ot import networks


@pytest.mark.parametrize("family", ["cnn", "resnet", "vit"])
@pytest.mark.parametrize("depth", [3, 6])
def test_networks_have_the_depth_they_say(family, depth):
    network = networks.build(family, depth, 8).eval()
    layers, logits = network(torch.randn(4, 3, 32, 32))
    assert len(layers) == depth
    assert logits.shape == (4, 10)
    assert all(layer.shape[0] == 4 and layer.ndim == 2 for layer in layers)


def test_language_models_do_not_see_what_follows():
    network = networks.Transformer(2, 16, 2, context=10).eval()
    one = torch.randint(128, (1, 10))
    other = one.clone()
    other[0, 6:] = (other[0, 6:] + 1) % 128
    with torch.no_grad():
        told, changed = network(one)[1], network(other)[1]
    torch.testing.assert_close(told[:, :6], changed[:, :6])
    assert not torch.allclose(told[:, 6:], changed[:, 6:])


def test_the_shortcut_halves_and_pads():
    x = torch.randn(2, 4, 8, 8)
    padded = networks.shortcut(x, torch.empty(2, 8, 4, 4))
    torch.testing.assert_close(padded[:, 2:6], x[:, :, ::2, ::2])
    assert padded[:, [0, 1, 6, 7]].abs().sum() == 0


@pytest.mark.mirror
@pytest.mark.parametrize(("depth", "blocks"), [(20, 9), (56, 27)])
def test_the_mirrors_resnets_name_its_images(mirror, depth, blocks):
    from replicortex.data import cifar

    file = next((mirror / "cifar_resnets").glob(f"resnet{depth}-*"))
    network = networks.trained_resnet(file, depth)
    test = mirror / "cifar10_jpeg" / "cifar10_jpeg_test.npz"
    images, labels, _ = cifar.read_packed(test, range(0, 10000, 50))
    with torch.no_grad():
        layers, logits = network(networks.prepare(images))
    assert len(layers) == blocks
    assert (logits.argmax(1).numpy() == labels).mean() > 0.7
