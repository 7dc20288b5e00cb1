"""ResNet-20 and -56 trained on CIFAR-10 (akamaster/pytorch_resnet_cifar10)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests

if TYPE_CHECKING:
    import torch

FILES = {"resnet20": "resnet20-12fca82f.th", "resnet56": "resnet56-4bfd9763.th"}
DEPTHS = {"resnet20": 20, "resnet56": 56}
# Of the images on which they were trained (ImageNet's).
MEAN = (0.485, 0.456, 0.406)
SD = (0.229, 0.224, 0.225)


def fill(network: torch.nn.Module, manifest: Path, name: str) -> None:
    """Give a network the weights of a file; all of its tensors but BatchNorm's counters must be there.

    Raises
    ------
    StudyError
        As `read`, or when the weights are those of another network.
    """
    weights = read(manifest, name)
    path = manifests.load(manifest).path(FILES[name])
    own = network.state_dict()
    for key in sorted({*own, *weights}):
        if key.endswith("num_batches_tracked"):
            continue
        shapes = [tuple(where[key].shape) if key in where else "none" for where in (weights, own)]
        if shapes[0] != shapes[1]:
            raise StudyError(
                f"{path}: holds the weights of another network: tensor '{key}' {shapes[0]} found, "
                f"{shapes[1]} expected"
            )
    network.load_state_dict(weights, strict=False)


def read(manifest: Path, name: str) -> dict[str, torch.Tensor]:
    """Return the weights of one network by name, without the prefix of its parallel training.

    Raises
    ------
    StudyError
        When there is no such network, or the file is damaged.
    """
    import torch

    if name not in FILES:
        raise StudyError(f"trained network: found '{name}'{nearest(name, FILES)}")
    path = manifests.load(manifest).path(FILES[name])
    with reading(path, "weights of a network (torch)"):
        content = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        found = {key.removeprefix("module."): value for key, value in content.items()}
        for key, value in found.items():
            if not torch.isfinite(value).all():
                raise ValueError(f"tensor '{key}' holds NaN or infinity")
        return found
