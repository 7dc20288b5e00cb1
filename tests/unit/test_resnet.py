"""ResNet for small images, against torchvision's."""

import pytest
import torch

from replicortex.core.randomness import torch_generator
from replicortex.models.resnet import ResNet

pytestmark = pytest.mark.numbers

STAGES = [2, 2, 2, 2]


def renamed(name: str) -> str:
    """Torchvision's name of one of our tensors: its stages are counted from 1, ours run through."""
    if not name.startswith("stages."):
        return name
    _, place, rest = name.split(".", 2)
    stage, block = divmod(int(place), 2)
    return f"layer{stage + 1}.{block}.{rest.replace('shortcut', 'downsample')}"


def theirs() -> torch.nn.Module:
    """Torchvision's ResNet-18 with a 3x3 stem, no max-pool, no classifier."""
    from torchvision.models import resnet
    from torchvision.models.resnet import BasicBlock

    net = resnet.ResNet(BasicBlock, STAGES)
    net.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    net.maxpool = torch.nn.Identity()
    net.fc = torch.nn.Identity()
    return net


def test_resnet_18_is_torchvisions_with_a_small_stem():
    ours, other = ResNet(64, STAGES, torch_generator(0, "trunk")), theirs()
    state = {renamed(name): tensor for name, tensor in ours.state_dict().items()}
    other.load_state_dict(state, strict=True)
    images = torch.randn(2, 3, 32, 32, generator=torch_generator(1, "images"))
    # Training mode: the statistics of BatchNorm are the batch's, and are updated.
    torch.testing.assert_close(ours.train()(images), other.train()(images), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.eval()(images), other.eval()(images), rtol=1e-4, atol=1e-4)
    assert ours.features == 512


@pytest.mark.parametrize(
    ("width", "blocks", "features"), [(4, [1, 1, 1], 16), (8, [2, 1], 16), (16, STAGES, 128)]
)
def test_width_and_depth_are_configuration(width, blocks, features):
    net = ResNet(width, blocks, torch_generator(0, "trunk"))
    assert net.features == features
    output = net(torch.zeros(2, 3, 32, 32))
    assert output.shape == (2, features)
    assert sum(
        isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3) for m in net.modules()
    ) == (1 + 2 * sum(blocks))


def test_weights_are_kaiming_normal_fan_out_and_repeat():
    net = ResNet(64, STAGES, torch_generator(3, "trunk"))
    for name, weight in net.named_parameters():
        if weight.ndim == 4:
            wanted = (2 / (weight.shape[0] * weight.shape[2] * weight.shape[3])) ** 0.5
            assert float(weight.detach().std()) == pytest.approx(wanted, rel=0.06), name
    again = ResNet(64, STAGES, torch_generator(3, "trunk")).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in net.state_dict().items())
    other = ResNet(64, STAGES, torch_generator(4, "trunk")).state_dict()
    assert not torch.equal(other["conv1.weight"], again["conv1.weight"])
