"""EfficientNet-Lite and MobileNetV2: against torchvision, by closed forms, and read from fixtures."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from manifests import described
from torch.nn import functional as F

from replicortex.core.errors import StudyError
from replicortex.data import networks
from replicortex.data.fixtures import vision_networks
from replicortex.models import efficientnet_lite, mobilenet_v2
from replicortex.models.inverted_residual import InvertedResidualNetwork, Sizes, _pad_as_tensorflow

SMALL = {"stem": 8, "channels": [4, 8, 8, 12, 12, 16, 20], "head": 32}


def drawn(network):
    """Give every tensor random values: initial ones hide a norm that is left out."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                noise = torch.randn(value.shape, generator=generator)
                scale = value.numel() ** -0.5 if value.ndim == 4 else 0.3
                value.copy_(noise.abs() + 0.5 if "var" in name else scale * noise)
    return network.eval()


@pytest.mark.numbers
@pytest.mark.slow  # torchvision alone takes seconds
def test_mobilenet_equals_torchvisions():
    """Every tensor is drawn; keys differ in the last two parts of each block alone."""
    from torchvision.models import mobilenet_v2 as builder

    peer = drawn(builder(weights=None, num_classes=7))
    widths, inner = [], 32
    for widening, outer, repeats, _ in [
        *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
        *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
    ]:
        for _ in range(repeats):
            widths.append((widening * inner, outer))
            inner = outer
    own = InvertedResidualNetwork(mobilenet_v2.FAMILY, Sizes(32, widths, 1280, 7))
    theirs = {}
    for key, value in peer.state_dict().items():
        parts = key.split(".")
        if parts[0] == "features" and parts[2] == "conv":
            first = parts[1] == "1"  # two parts, of which the first is nested
            nested = 1 if first else 2
            place = int(parts[3])
            whole = place < nested  # a convolution, its norm and its ReLU6
            place = 3 * place + int(parts.pop(4)) if whole else 2 * nested + place
            parts[3] = str(place)
        theirs[".".join(parts)] = value
    names = own.file_names()
    assert sorted(names.values()) == sorted(theirs)
    own.load_state_dict({name: theirs[key] for name, key in names.items()})
    own.eval()
    images = torch.randn(2, 3, 97, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = peer(images)
        maps = [images]
        for part in peer.features:
            maps.append(part(maps[-1]))
        torch.testing.assert_close(own(images), expected, rtol=1e-4, atol=1e-5)
        for (name, found), wanted in zip(own.walk(images), maps[1:], strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (7, [1, 1, 1, 1, 1, 1, 1]),
        (16, [1, 2, 2, 3, 3, 4, 1]),  # Lite0
        (21, [1, 3, 3, 4, 4, 5, 1]),  # Lite1 and Lite2
    ],
)
def test_stages_follow_from_the_number_of_blocks(blocks, expected):
    assert efficientnet_lite.FAMILY.repeats(blocks) == expected


def test_a_number_of_blocks_that_no_depth_has_is_told():
    with pytest.raises(
        StudyError, match="found 9 blocks, which a network of this family has at no"
    ):
        efficientnet_lite.FAMILY.repeats(9)


@pytest.mark.parametrize("side", [7, 8, 9, 14])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_edges_are_padded_as_tensorflow_does(side, kernel, stride):
    """Output sides are rounded up; the odd row more stands after the picture."""
    maps = torch.ones(1, 1, side, side)
    padded = _pad_as_tensorflow(maps, kernel, stride)
    out = F.conv2d(padded, torch.ones(1, 1, kernel, kernel), stride=stride)
    assert out.shape[2:] == (-(-side // stride),) * 2
    before = int((padded[0, 0].sum(1) == 0).float().cumprod(0).sum())
    after = padded.shape[2] - side - before
    assert before <= after <= before + 1


def put(tmp_path, name, blocks=7, classes=10):
    folder = tmp_path / name
    folder.mkdir()
    vision_networks.build(folder, seed=0, name=name, blocks=blocks, classes=classes, **SMALL)
    return described(folder), folder / networks.NETWORKS[name].file


@pytest.mark.parametrize(("name", "blocks"), [("efficientnet_lite1", 10), ("mobilenet_v2", 7)])
def test_a_network_is_read_with_the_sizes_of_its_file(tmp_path, name, blocks):
    manifest, file = put(tmp_path, name, blocks, classes=0 if name == "mobilenet_v2" else 10)
    found = networks.read(manifest, name)
    assert found.layers == ["stem", *(f"block{n}" for n in range(blocks)), "head"]
    tensors = torch.load(file, weights_only=True)
    own = found.network.state_dict()
    assert len(own) == len(tensors)
    for key, other in found.network.file_names().items():
        assert torch.equal(own[key], tensors[other])
    assert not found.network.training
    with torch.no_grad():
        out = found.network(torch.zeros(2, 3, 32, 32))
    assert out.shape == (2, 32 if name == "mobilenet_v2" else 10)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network of Lite0's form and depth; every number of it is another than before training."""
    manifest, _ = put(tmp_path_factory.mktemp("deep"), "efficientnet_lite0", 16)
    read = networks.read(manifest, "efficientnet_lite0")
    return replace(read, network=drawn(read.network))


def test_a_twin_has_the_trained_networks_shapes_and_no_number_of_it(trained):
    twin = networks.untrained(trained, 1)
    theirs, own = trained.network.state_dict(), twin.network.state_dict()
    assert {key: x.shape for key, x in own.items()} == {key: x.shape for key, x in theirs.items()}
    assert (twin.side, twin.mean, twin.sd) == (trained.side, trained.mean, trained.sd)
    for key, value in own.items():
        if value.is_floating_point():
            assert not (value == theirs[key]).any(), key
    # BatchNorm as before any picture: nothing of it comes from data.
    for key, value in own.items():
        if ".norm." in key and value.is_floating_point():
            one = key.endswith(("norm.weight", "running_var"))
            assert (value == (1 if one else 0)).all(), key
    assert not any(part.training for part in twin.network.modules())


def test_a_twins_seed_decides_its_bytes_and_the_callers_stream_stays(trained):
    state = torch.random.get_rng_state()
    before = {key: value.clone() for key, value in trained.network.state_dict().items()}
    one, again, other = (networks.untrained(trained, seed).network for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    for key, value in one.state_dict().items():
        assert value.numpy().tobytes() == again.state_dict()[key].numpy().tobytes(), key
        assert torch.equal(before[key], trained.network.state_dict()[key])
        if ".conv." in key:
            assert not (value == other.state_dict()[key]).any(), key


@pytest.mark.numbers
def test_a_filled_networks_statistics_are_means_over_the_batches(trained):
    pictures = np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)
    before = {key: value.clone() for key, value in trained.network.state_dict().items()}
    found = networks.filled(trained, [pictures[:5], pictures[5:]], 32)
    stem = found.network.stem
    means, variances = [], []
    for part in (pictures[:5], pictures[5:]):
        with torch.inference_mode():
            maps = stem.conv(F.pad(found.prepared(part, 32), (0, 1, 0, 1)))
        means.append(maps.mean((0, 2, 3)))
        variances.append(maps.var((0, 2, 3)))
    torch.testing.assert_close(stem.norm.running_mean, sum(means) / 2)
    torch.testing.assert_close(stem.norm.running_var, sum(variances) / 2)
    assert not any(part.training for part in found.network.modules())
    for key, value in found.network.state_dict().items():
        assert torch.equal(before[key], trained.network.state_dict()[key])
        if "running" not in key and "tracked" not in key:
            assert torch.equal(value, before[key]), key


@pytest.mark.numbers
def test_a_twins_last_block_tells_pictures_apart_far_above_rounding(trained):
    """PyTorch's own filters would leave differences of 1e-9 there."""
    pictures = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    images = networks.untrained(trained, 1).prepared(pictures, 64)
    for seed in range(3):
        twin = networks.untrained(trained, seed).network
        exact = deepcopy(twin).double()
        with torch.inference_mode():
            found, wanted = (
                list(net.walk(x))[-2][1].mean((2, 3)).double()
                for net, x in ((twin, images), (exact, images.double()))
            )
        spread = wanted.std(0).square().mean().sqrt()
        rounding = (found - wanted).square().mean().sqrt()
        assert 0.01 < spread < 10
        assert spread > 1e4 * rounding


def test_the_fixtures_bytes_are_the_same_each_time(tmp_path):
    one = put(tmp_path, "efficientnet_lite0")[1].read_bytes()
    (tmp_path / "again").mkdir()
    assert put(tmp_path / "again", "efficientnet_lite0")[1].read_bytes() == one


def changed(path, change):
    tensors = torch.load(path, weights_only=True)
    change(tensors)
    torch.save(tensors, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("_bn0.bias"), r"tensor '_bn0.bias' none found, \(8,\) expected"),
        (lambda t: t.update(more=t["_fc.bias"]), r"tensor 'more' \(10,\) found, none expected"),
        (
            lambda t: t.update({"_fc.weight": t["_fc.weight"][:, :3]}),
            r"tensor '_fc.weight' \(10, 3\) found, \(10, 32\) expected",
        ),
        (lambda t: t.pop("_conv_head.weight"), "no filters '_conv_head.weight'"),
        (lambda t: t["_fc.bias"].fill_(np.nan), "tensor '_fc.bias' holds NaN or infinity"),
        (
            lambda t: [t.pop(k) for k in list(t) if k.startswith("_blocks.6")],
            "found 6 blocks, which a network",
        ),
    ],
)
def test_other_weights_are_told(tmp_path, change, message):
    manifest, file = put(tmp_path, "efficientnet_lite0")
    changed(file, change)
    with pytest.raises(StudyError, match=message):
        networks.read(
            described(manifest.parent.parent / "efficientnet_lite0"), "efficientnet_lite0"
        )


def test_an_unknown_network_and_one_of_another_dataset_are_told(tmp_path):
    manifest, _ = put(tmp_path, "efficientnet_lite0")
    with pytest.raises(StudyError, match="found 'efficientnet_lite'; did you mean"):
        networks.read(manifest, "efficientnet_lite")
    with pytest.raises(
        StudyError, match="dataset efficientnet_lite0: has no file 'efficientnet_lite1"
    ):
        networks.read(manifest, "efficientnet_lite1")
