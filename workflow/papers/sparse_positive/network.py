"""The networks that the workflow trains: a small ResNet with a classifier or a projector."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from papers.sparse_positive.training_settings import NetworkSettings
from replicortex.core.randomness import torch_generator
from replicortex.models.resnet import ResNet

CLASSES = 10


class Network(nn.Module):
    """A trunk, and a linear classifier or Barlow Twins' projector.

    The projector is the authors': three linear layers without bias, BatchNorm and ReLU between
    them. The first linear layer, before BatchNorm and ReLU, is their fc6: its units are signed.

    Parameters
    ----------
    settings
        Width, blocks, and units of the projector.
    objective
        "supervised" or "barlow".
    seed
        Of the initial weights; the trunk's depend on nothing else.
    """

    def __init__(self, settings: NetworkSettings, objective: str, seed: int) -> None:
        super().__init__()
        self.trunk = ResNet(
            settings.width, settings.blocks, torch_generator(seed, "initial weights")
        )
        stream = torch_generator(seed, "initial head")
        inner, units = self.trunk.features, settings.projector
        if objective == "barlow":
            self.fc6 = nn.Linear(inner, units, bias=False)
            self.head = nn.Sequential(
                nn.BatchNorm1d(units),
                nn.ReLU(),
                nn.Linear(units, units, bias=False),
                nn.BatchNorm1d(units),
                nn.ReLU(),
                nn.Linear(units, units, bias=False),
            )
        else:
            self.fc6 = None
            self.head = nn.Linear(inner, CLASSES)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                with torch.no_grad():
                    module.weight.normal_(std=1 / math.sqrt(module.in_features), generator=stream)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (n, 10), or embeddings (n, projector)."""
        features = self.trunk(images)
        return self.head(features if self.fc6 is None else self.fc6(features))

    def layers(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return maps at the end of each stage, and fc6 where there is one.

        "stage1" and so on: (n, channels, side, side), after ReLU; "fc6": (n, projector), signed.
        """
        trunk = self.trunk
        maps = F.relu(trunk.bn1(trunk.conv1(images)))
        found = {}
        blocks = list(trunk.stages)
        for number, block in enumerate(blocks):
            maps = block(maps)
            last = number + 1 == len(blocks)
            if (
                last
                or blocks[number + 1].conv1.in_channels != blocks[number + 1].conv1.out_channels
            ):
                found[f"stage{len(found) + 1}"] = maps
        if self.fc6 is not None:
            found["fc6"] = self.fc6(maps.mean((2, 3)))
        return found


def barlow(embeddings: torch.Tensor, weight: float) -> torch.Tensor:
    """Barlow Twins' loss (Zbontar et al. 2021, arXiv 2103.03230, eq. 1 and 2).

    sum_i (1 - C_ii)^2 + weight * sum_(i != j) C_ij^2, C the correlations between both views'
    units over the batch.

    Parameters
    ----------
    embeddings
        (2 n, units): first views of n images, then second views in the same order.
    weight
        lambda.
    """
    one, other = embeddings.float().chunk(2)
    one, other = (
        (part - part.mean(0)) / part.std(0, correction=0).clamp(min=1e-6) for part in (one, other)
    )
    correlations = one.T @ other / len(one)
    same = correlations.diagonal()
    off = correlations.square().sum() - same.square().sum()
    return (1 - same).square().sum() + weight * off
