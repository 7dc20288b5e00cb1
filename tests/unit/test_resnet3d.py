"""3D ResNet, against torchvision's r3d_18."""

import pytest
import torch

from replicortex.core.errors import StudyError
from replicortex.core.randomness import torch_generator
from replicortex.models.resnet3d import Convolution, VideoResNet

pytestmark = pytest.mark.numbers

R3D_18 = (3, 64, [64, 128, 256, 512], [2, 2, 2, 2], [1, 2, 2, 2])


@pytest.fixture(scope="module")
def ours():
    return VideoResNet(*R3D_18, torch_generator(0, "trunk"))


def test_r3d_18_is_torchvisions(ours):
    from torchvision.models.video import r3d_18

    other = r3d_18(weights=None)
    other.fc = torch.nn.Identity()
    other.load_state_dict(ours.state_dict(), strict=True)
    seen = {}
    other.layer3[1].register_forward_hook(lambda m, i, o: seen.update(out=o.mean(2)))
    clips = torch.randn(2, 3, 4, 48, 48, generator=torch_generator(1, "clips"))
    for mode in (True, False):
        pooled, rates = ours.train(mode)(clips, ["layer3.1"])
        torch.testing.assert_close(pooled, other.train(mode)(clips), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(rates["layer3.1"], seen["out"], rtol=1e-4, atol=1e-4)


def test_blocks_have_the_units_of_the_papers_table(ours):
    with torch.no_grad():
        _, rates = ours.eval()(torch.zeros(1, 3, 2, 112, 112), ours.layers)
    units = [rate[0].numel() for rate in rates.values()]
    assert units == [200_704] * 2 + [100_352] * 2 + [50_176] * 2 + [25_088] * 2
    assert (
        sum(p.numel() for p in ours.parameters()) == 33_371_472 - 400 * 513
    )  # less its classifier


def test_narrow_networks_are_configuration():
    net = VideoResNet(1, 8, [8, 16, 40], [1, 1, 1], [1, 2, 1], torch_generator(0, "trunk"))
    pooled, rates = net(torch.zeros(2, 1, 8, 32, 32), ["layer3.0"])
    assert pooled.shape == (2, 40) and list(rates) == ["layer3.0"]
    assert rates["layer3.0"].shape == (2, 40, 8, 8)
    assert net.layers == ["layer1.0", "layer2.0", "layer3.0"]


def test_stages_that_do_not_belong_together_are_told():
    with pytest.raises(StudyError, match="different numbers of stages"):
        VideoResNet(1, 8, [8, 16], [1], [1, 2], torch_generator(0, "trunk"))


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 2)])
def test_few_frames_have_their_gradient_in_bf16_too(frames, kernel, stride):
    """Memory that was freed holds NaN here, and some kernels of bf16 read it."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    convolution = Convolution(12, 16, kernel, stride, kernel // 2, bias=False)
    maps = torch.randn(4, 12, frames, 6, 6, generator=generator)
    sums = {}
    for enabled in (False, True):
        for size in (1_000, 100_000, 1_000_000):
            [torch.full((size,), torch.nan) for _ in range(3)]
        convolution.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            out = convolution(maps)
        towards = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
        out.backward(towards.to(out.dtype))
        sums[enabled] = convolution.weight.grad.clone()
    off = (sums[True] - sums[False]).norm() / sums[False].norm()
    assert off < 0.01  # three digits of bf16
