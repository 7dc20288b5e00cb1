"""The CIFAR ResNets of He et al. 2016 with shortcuts without weights (option A)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two 3x3 convolutions; the shortcut takes every second pixel and pads channels with 0."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.pad = (outer - inner) // 2
        self.stride = stride

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (n, outer, side / stride, side / stride)."""
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(maps)))))
        short = maps[:, :, :: self.stride, :: self.stride]
        return F.relu(out + F.pad(short, (0, 0, 0, 0, self.pad, self.pad)))


class CifarResNet(nn.Module):
    """6n + 2 layers in three stages of 16, 32 and 64 channels; `depth` is 20, 32, 44, 56, ..."""

    def __init__(self, depth: int) -> None:
        """Build the network, with weights of He et al. (2015).

        Raises
        ------
        ValueError
            When the depth is not 6n + 2.
        """
        super().__init__()
        each, rest = divmod(depth - 2, 6)
        if rest or each < 1:
            raise ValueError(f"depth: found {depth}, expected 6n + 2")
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, each, 1)
        self.layer2 = self._stage(16, 32, each, 2)
        self.layer3 = self._stage(32, 64, each, 2)
        self.linear = nn.Linear(64, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    @staticmethod
    def _stage(inner: int, outer: int, each: int, stride: int) -> nn.Sequential:
        blocks = [Block(inner, outer, stride)]
        return nn.Sequential(*blocks, *(Block(outer, outer, 1) for _ in range(each - 1)))

    def layers(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return maps after the stem, and in the middle and at the end of each stage."""
        maps = F.relu(self.bn1(self.conv1(images)))
        found = {"conv1": maps}
        for name in ("layer1", "layer2", "layer3"):
            stage = getattr(self, name)
            for number, block in enumerate(stage):
                maps = block(maps)
                if name != "layer1" and number == (len(stage) - 1) // 2:
                    found[f"{name}_middle"] = maps
            found[name] = maps
        return found

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (n, 10) of normalised images (n, 3, 32, 32)."""
        logits: torch.Tensor = self.linear(self.layers(images)["layer3"].mean((2, 3)))
        return logits
