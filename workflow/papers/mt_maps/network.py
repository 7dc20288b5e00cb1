"""The network of one training: a 3D ResNet and the head on which MoCo's contrast is taken."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from papers.mt_maps.training_settings import NetworkSettings
from replicortex.core.randomness import torch_generator
from replicortex.models.resnet3d import VideoResNet


class Network(nn.Module):
    """Trunk and head.

    Parameters
    ----------
    numbers
        Section `network` of the configuration.
    seed
        Of the initial weights: the same for every arm.
    """

    def __init__(self, numbers: NetworkSettings, seed: int) -> None:
        super().__init__()
        self.trunk = VideoResNet(
            numbers.colours,
            numbers.stem,
            numbers.widths,
            numbers.blocks,
            numbers.strides,
            torch_generator(seed, "trunk"),
        )
        generator = torch_generator(seed, "head")
        inner, outer = self.trunk.features, numbers.embedding
        sizes = [inner, inner, outer] if numbers.head == "mlp" else [inner, outer]
        self.head = nn.ModuleList(_linear(a, b, generator) for a, b in pairwise(sizes))

    def forward(
        self, clips: torch.Tensor, tapped: list[str] | None = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return embeddings (n, embedding), not normalised, and the rates of tapped blocks."""
        out, rates = self.trunk(clips, tapped)
        for number, layer in enumerate(self.head):
            out = layer(F.relu(out) if number else out)
        return out, rates


def _linear(inner: int, outer: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(inner, outer)
    bound = inner**-0.5
    with torch.no_grad():
        for values in (layer.weight, layer.bias):
            values.uniform_(-bound, bound, generator=generator)
    return layer


@torch.no_grad()
def settle(network: Network, batches: list[torch.Tensor]) -> None:
    """Give BatchNorm the mean statistics of some batches; no weight changes.

    An untrained network whose statistics are 0 and 1 is another one than the same weights in use.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm3d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    network.train()
    for clips in batches:
        network(clips)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
