"""3D ResNet for video in torchvision's form (r3d_18; Hara et al. 2018, Tran et al. 2018).

Written afresh: importing torchvision costs a job 8 s. Names of the tensors are torchvision's.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from replicortex.core.errors import StudyError


class Convolution(nn.Conv3d):
    """A convolution that stays in single precision where a CPU's bf16 goes wrong.

    Where a map is smaller than the kernel along a side, oneDNN's gradient of the weights reads memory that
    nothing wrote (torch 2.13). The last stage has two frames of 16.
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the maps (n, outer, frames, height, width) of maps (n, inner, ...)."""
        small = any(
            side < kernel for side, kernel in zip(maps.shape[2:], self.kernel_size, strict=True)
        )
        if small and maps.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return super().forward(maps.float())
        return super().forward(maps)


def _convolution(inner: int, outer: int, stride: int) -> nn.Sequential:
    return nn.Sequential(Convolution(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm3d(outer))


class BasicBlock3d(nn.Module):
    """Two 3x3x3 convolutions with BatchNorm; a 1x1x1 shortcut where shapes differ."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(inner, outer, stride)
        self.conv2 = _convolution(outer, outer, 1)
        self.downsample = nn.Sequential()
        if stride != 1 or inner != outer:
            self.downsample = nn.Sequential(
                Convolution(inner, outer, 1, stride, bias=False), nn.BatchNorm3d(outer)
            )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (n, outer, frames / stride, side / stride, side / stride)."""
        out = self.conv2(F.relu(self.conv1(maps)))
        return F.relu(out + self.downsample(maps))


class VideoResNet(nn.Module):
    """Stem (3x7x7, stride 1x2x2) and stages layer1, layer2, ... of basic blocks.

    Parameters
    ----------
    colours
        Channels of the clips: 1 or 3.
    stem
        Channels of the stem.
    widths, blocks, strides
        Of each stage: channels, blocks, and the stride of its first block in time and space.
        stem 64, widths [64, 128, 256, 512], blocks [2, 2, 2, 2] and strides [1, 2, 2, 2] make r3d_18.
    generator
        Of the initial weights: convolutions Kaiming-normal (fan out), BatchNorm 1 and 0.

    Raises
    ------
    StudyError
        When widths, blocks and strides are of different numbers of stages.
    """

    def __init__(
        self,
        colours: int,
        stem: int,
        widths: list[int],
        blocks: list[int],
        strides: list[int],
        generator: torch.Generator,
    ) -> None:
        """Build the network.

        Raises
        ------
        StudyError
            When the three lists differ in length.
        """
        super().__init__()
        if not len(widths) == len(blocks) == len(strides):
            raise StudyError(
                f"network: widths {widths}, blocks {blocks} and strides {strides} "
                "are of different numbers of stages"
            )
        self.stem = nn.Sequential(
            Convolution(colours, stem, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False),
            nn.BatchNorm3d(stem),
        )
        self.layers: list[str] = []
        inner = stem
        for number, (outer, count, stride) in enumerate(
            zip(widths, blocks, strides, strict=True), 1
        ):
            stage = nn.Sequential()
            for place in range(count):
                stage.append(BasicBlock3d(inner, outer, 1 if place else stride))
                self.layers.append(f"layer{number}.{place}")
                inner = outer
            self.add_module(f"layer{number}", stage)
        self.features = inner
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )

    def forward(
        self, clips: torch.Tensor, tapped: list[str] | None = None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return pooled features and rates of blocks.

        Parameters
        ----------
        clips
            (n, colours, frames, side, side).
        tapped
            Names of blocks ("layer3.1") whose output is wanted.

        Returns
        -------
        (n, features), the mean over time and space; and for each tapped block its output averaged
        over time, (n, channels, side, side): one number per clip stands for a rate.
        """
        maps = F.relu(self.stem(clips))
        rates = {}
        for name in self.layers:
            stage, place = name.split(".")
            maps = getattr(self, stage)[int(place)](maps)
            if tapped and name in tapped:
                rates[name] = maps.mean(2)
        return maps.mean((2, 3, 4)), rates
