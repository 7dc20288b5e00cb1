"""Readers of networks from packages, for the tests of damage."""

from __future__ import annotations

from damage import Reader

from replicortex.data import networks
from replicortex.data.fixtures import vision_networks


def _lite(folder):
    sizes = {"blocks": 7, "stem": 4, "channels": [4] * 7, "head": 8, "classes": 3}
    vision_networks.build(folder, seed=0, name="efficientnet_lite0", **sizes)


def _tensors(manifest):
    network = networks.read(manifest, "efficientnet_lite0").network
    return {name: value.numpy() for name, value in network.state_dict().items()}


READERS = {
    "efficientnet_lite": Reader(
        _lite, networks.NETWORKS["efficientnet_lite0"].file, _tensors, sealed=False
    ),
}
