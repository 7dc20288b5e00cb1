"""The network against one put together from torch's own layers."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from papers.learning_rules.network import Network, fill_norms, norm_buffers

pytestmark = pytest.mark.numbers

FULL = {"widths": [32, 64, 128], "grid": 4, "hidden": 512}
SMALL = {"widths": [6, 8, 10], "grid": 4, "hidden": 16}


def plain(net: Network, *, relu_first: bool) -> nn.Sequential:
    """Return the same layers as a chain, in the order in which the author has them."""
    chain: list[nn.Module] = []
    for number in (1, 2, 3):
        chain.append(getattr(net, f"conv{number}"))
        chain += [nn.ReLU()] if relu_first else []
        chain += [getattr(net, f"bn{number}"), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*chain, nn.AdaptiveAvgPool2d(4), nn.Flatten(), net.fc1, nn.ReLU(), net.fc2)


def lively(net: Network) -> Network:
    """Give BatchNorm gains of both signs and offsets, so that order matters."""
    stream = torch.Generator().manual_seed(5)
    for number in (1, 2, 3):
        norm = getattr(net, f"bn{number}")
        nn.init.normal_(norm.weight, generator=stream)
        nn.init.normal_(norm.bias, generator=stream)
    return net


@pytest.mark.parametrize("relu_first", [False, True])
@pytest.mark.parametrize("px", [32, 40, 96])
@pytest.mark.parametrize("training", [False, True])
def test_forward_and_gradients_equal_a_plain_chain(
    relu_first: bool, px: int, training: bool
) -> None:
    net = lively(Network(**SMALL, seed=1, init="default", relu_first=relu_first)).train(training)
    images = torch.randn(5, 3, px, px, generator=torch.Generator().manual_seed(2))
    buffers = {name: value.clone() for name, value in net.named_buffers()}
    ours = net(images)
    changed = {name: value.clone() for name, value in net.named_buffers()}
    gradients = torch.autograd.grad(ours.square().sum(), list(net.parameters()))
    net.load_state_dict(buffers, strict=False)
    theirs = plain(net, relu_first=relu_first)(images)
    expected = torch.autograd.grad(theirs.square().sum(), list(net.parameters()))
    torch.testing.assert_close(ours, theirs)
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    for name, value in net.named_buffers():
        torch.testing.assert_close(changed[name], value)


def test_sizes_are_those_of_the_paper() -> None:
    net = Network(**FULL, seed=0, init="default")
    for px, sides in ((32, (16, 8, 4)), (224, (112, 56, 28))):
        maps = net.blocks(torch.zeros(1, 3, px, px))
        assert [tuple(m.shape[1:]) for m in maps] == [
            (width, side, side) for width, side in zip((32, 64, 128), sides, strict=True)
        ]
        assert net.hidden(maps[-1]).shape == (1, 512)
    assert net.fc1.in_features == 2048
    assert net.conv1.bias is None


@pytest.mark.parametrize(
    ("init", "sd"), [("default", 1 / math.sqrt(81)), ("kaiming_normal", math.sqrt(2 / 27))]
)
def test_initial_spread(init: str, sd: float) -> None:
    net = Network(**FULL, seed=42, init=init)
    assert net.conv1.weight.std().item() == pytest.approx(sd, rel=0.05)
    scale = math.sqrt(27 / (64 * 9))
    assert net.conv3.weight.std().item() == pytest.approx(sd * scale, rel=0.05)
    # The linear layers have PyTorch's default in both.
    assert net.fc1.weight.abs().max().item() == pytest.approx(1 / math.sqrt(2048), rel=1e-3)


def test_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(0)
    one = Network(**SMALL, seed=1, init="default")
    torch.manual_seed(1)
    other = Network(**SMALL, seed=1, init="default", conv_bias=True, relu_first=True)
    different = Network(**SMALL, seed=2, init="default")
    for name, weight in one.named_parameters():
        assert torch.equal(weight, other.get_parameter(name))
        if "bn" not in name:
            assert not torch.equal(weight, different.get_parameter(name))
    assert not other.conv1.bias.any()


def test_building_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Network(**SMALL, seed=1, init="kaiming_normal")
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_factors_apply_between_fc1_and_fc2() -> None:
    net = Network(**SMALL, seed=1, init="default").eval()
    images = torch.randn(4, 3, 32, 32)
    keep = (torch.rand(4, 16) > 0.3) / 0.7
    hidden = net.hidden(net.blocks(images)[-1])
    torch.testing.assert_close(net(images, keep), net.fc2(hidden * keep))


def test_filling_sets_the_mean_of_batch_statistics_and_nothing_else() -> None:
    net = lively(Network(**SMALL, seed=1, init="default"))
    weights = {name: value.clone() for name, value in net.named_parameters()}
    batches = [torch.randn(6, 3, 32, 32) * scale for scale in (1, 2, 3)]
    fill_norms(net, batches)
    for name, value in net.named_parameters():
        assert torch.equal(value, weights[name])
    maps = [F.conv2d(images, net.conv1.weight, padding=1) for images in batches]
    mean = torch.stack([m.mean((0, 2, 3)) for m in maps]).mean(0)
    variance = torch.stack([m.var((0, 2, 3)) for m in maps]).mean(0)
    torch.testing.assert_close(net.bn1.running_mean, mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(net.bn1.running_var, variance, rtol=1e-4, atol=1e-5)
    assert net.bn1.momentum == 0.1 and not net.training
    assert set(norm_buffers(net)) == {
        f"bn{n}.{part}"
        for n in (1, 2, 3)
        for part in ("running_mean", "running_var", "num_batches_tracked")
    }
