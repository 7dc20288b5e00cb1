"""ResNet-20 and -56 trained on CIFAR-10 (akamaster/pytorch_resnet_cifar10)."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from replicortex.data import manifest as manifests
from replicortex.errors import StudyError, nearest

if TYPE_CHECKING:
    import torch

FILES = {"resnet20": "resnet20-12fca82f.th", "resnet56": "resnet56-4bfd9763.th"}
DEPTHS = {"resnet20": 20, "resnet56": 56}
# Of the images on which they were trained (ImageNet's).
MEAN = (0.485, 0.456, 0.406)
SD = (0.229, 0.224, 0.225)


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
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except (OSError, RuntimeError, KeyError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise StudyError(f"{path}: truncated, or holds no weights ({error})") from None
    return {key.removeprefix("module."): value for key, value in content.items()}
