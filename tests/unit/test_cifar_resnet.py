"""The trained CIFAR networks' layout, and that the real weights recognise CIFAR-10."""

import numpy as np
import pytest

pytestmark = pytest.mark.numbers


@pytest.mark.parametrize(("depth", "count"), [(20, 269722), (56, 853018)])
def test_parameters_are_the_published_count(depth, count):
    from replicortex.models.cifar_resnet import CifarResNet

    assert sum(p.numel() for p in CifarResNet(depth).parameters()) == count


def test_layers_have_the_shapes_of_three_stages():
    import torch

    from replicortex.models.cifar_resnet import CifarResNet

    found = CifarResNet(20).eval().layers(torch.zeros(2, 3, 32, 32))
    assert {name: tuple(maps.shape[1:]) for name, maps in found.items()} == {
        "conv1": (16, 32, 32),
        "layer1": (16, 32, 32),
        "layer2_middle": (32, 16, 16),
        "layer2": (32, 16, 16),
        "layer3_middle": (64, 8, 8),
        "layer3": (64, 8, 8),
    }
    with pytest.raises(ValueError, match="expected 6n"):
        CifarResNet(21)


@pytest.mark.mirror
def test_trained_weights_recognise_cifar10(mirror):
    import io

    import torch
    from PIL import Image

    from replicortex.data import cifar_resnets
    from replicortex.models.cifar_resnet import CifarResNet

    content = torch.load(
        mirror / "cifar_resnets" / cifar_resnets.FILES["resnet20"],
        map_location="cpu",
        weights_only=True,
    )["state_dict"]
    model = CifarResNet(20).eval()
    lost = model.load_state_dict(
        {k.removeprefix("module."): v for k, v in content.items()}, strict=False
    )
    assert not lost.unexpected_keys
    packed = np.load(next((mirror / "cifar10_jpeg").glob("*test*.npz")))
    places = np.arange(0, 10000, 50)
    bounds = packed["offsets"]
    raw = packed["jpeg"].tobytes()
    images = np.stack(
        [np.asarray(Image.open(io.BytesIO(raw[bounds[i] : bounds[i + 1]]))) for i in places]
    )
    x = (images / 255 - cifar_resnets.MEAN) / cifar_resnets.SD
    x = torch.tensor(x).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        right = model(x).argmax(1).numpy() == packed["labels"][places]
    assert right.mean() > 0.7
