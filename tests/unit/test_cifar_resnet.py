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


def test_weights_of_another_network_are_refused(tmp_path):
    """Keys that are missing would leave what was drawn at random."""
    import torch
    from manifests import described

    from replicortex.core.errors import StudyError
    from replicortex.data import cifar_resnets
    from replicortex.models.cifar_resnet import CifarResNet

    (tmp_path / "nets").mkdir()

    def written(change):
        content = {f"module.{key}": value for key, value in CifarResNet(20).state_dict().items()}
        change(content)
        torch.save({"state_dict": content}, tmp_path / "nets" / cifar_resnets.FILES["resnet20"])
        return described(tmp_path / "nets")

    network = CifarResNet(20)
    manifest = written(lambda content: content.pop("module.bn1.num_batches_tracked"))
    cifar_resnets.fill(network, manifest, "resnet20")
    stored = cifar_resnets.read(manifest, "resnet20")
    assert all(torch.equal(network.state_dict()[key], stored[key]) for key in stored)
    manifest = written(lambda content: content.pop("module.layer2.1.conv1.weight"))
    said = r"tensor 'layer2.1.conv1.weight' none found, \(32, 32, 3, 3\) expected"
    with pytest.raises(StudyError, match=said):
        cifar_resnets.fill(network, manifest, "resnet20")
    with pytest.raises(StudyError, match=r"tensor 'layer1.3.bn1.bias' none found"):
        cifar_resnets.fill(CifarResNet(56), written(lambda content: None), "resnet20")
    manifest = written(lambda content: content["module.linear.bias"].fill_(float("nan")))
    with pytest.raises(StudyError, match=r"tensor 'linear.bias' holds NaN"):
        cifar_resnets.fill(network, manifest, "resnet20")
