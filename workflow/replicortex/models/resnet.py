"""ResNet for small images (He et al. 2016, arXiv 1512.03385, with a 3x3 stem and no max-pool)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with BatchNorm, and a shortcut: 1x1 convolution where shapes differ."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        """Take maps of `inner` channels to `outer`, every `stride` pixels."""
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.shortcut = nn.Sequential()
        if stride != 1 or inner != outer:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer)
            )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (n, outer, side / stride, side / stride)."""
        out = F.relu(self.bn1(self.conv1(maps)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(maps))


class ResNet(nn.Module):
    """Stages of basic blocks, each stage twice as wide as the one before; global average pool.

    Parameters
    ----------
    width
        Channels of the first stage; 64 makes ResNet-18's.
    blocks
        Blocks of each stage; [2, 2, 2, 2] makes ResNet-18. Every stage but the first halves the side.
    generator
        Of the initial weights: convolutions Kaiming-normal (fan out), BatchNorm 1 and 0.
    """

    def __init__(self, width: int, blocks: list[int], generator: torch.Generator) -> None:
        """Build the network.

        Parameters
        ----------
        width
            Channels of the first stage.
        blocks
            In each stage.
        generator
            Draws the weights (He et al. 2015, fan out).
        """
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        stages, inner = [], width
        for number, count in enumerate(blocks):
            outer = width * 2**number
            for place in range(count):
                stride = 2 if number and not place else 1
                stages.append(BasicBlock(inner, outer, stride))
                inner = outer
        self.stages = nn.Sequential(*stages)
        self.features = inner
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return features (n, width * 2 ** (stages - 1)) of images (n, 3, side, side)."""
        maps = F.relu(self.bn1(self.conv1(images)))
        features: torch.Tensor = self.stages(maps).mean((2, 3))
        return features
