"""Networks of inverted residual blocks: a thin map is widened, filtered place by place, and thinned.

Sandler et al. 2018 (MobileNetV2, arXiv 1801.04381). MobileNetV2 and EfficientNet-Lite differ in the
sizes of their stages, in how edges are padded and in BatchNorm's epsilon. Written afresh: importing
torchvision costs a job 8 s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import ceil

import torch
from torch import nn
from torch.nn import functional as F

from replicortex.core.errors import StudyError


@dataclass(frozen=True)
class Stage:
    """Blocks in a row: how many, side of the filters, stride of the first, how much they widen."""

    blocks: int
    kernel: int
    stride: int
    widening: int


@dataclass(frozen=True)
class Sizes:
    """Channels of the stem, of each block (widened, output) and of the head; classes, 0 for none."""

    stem: int
    blocks: list[tuple[int, int]]
    head: int
    classes: int


@dataclass(frozen=True)
class Family:
    """What the networks of a family share.

    Attributes
    ----------
    stages
        Of the network of depth 1; others have proportionally more or fewer blocks in each, rounded up.
    grown
        Whether the first and the last stage follow the depth as well.
    same
        Whether edges are padded as TensorFlow does, more after than before where the number is odd;
        else as much on both sides.
    epsilon
        Of BatchNorm.
    file_name
        The file's name of a tensor, from this library's and the number of blocks.
    """

    stages: tuple[Stage, ...]
    grown: bool
    same: bool
    epsilon: float
    file_name: Callable[[str, int], str]

    def repeats(self, blocks: int) -> list[int]:
        """Return how many blocks each stage has in the network of so many in all.

        Raises
        ------
        StudyError
            When a network of no depth has that many.
        """
        depths = sorted({n / stage.blocks for stage in self.stages for n in range(1, 13)})
        for depth in depths:
            found = [ceil(depth * stage.blocks - 1e-9) for stage in self.stages]
            if not self.grown:
                found[0], found[-1] = self.stages[0].blocks, self.stages[-1].blocks
            if sum(found) == blocks:
                return found
        raise StudyError(f"found {blocks} blocks, which a network of this family has at no depth")

    def sizes(self, shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
        """Return the sizes of the network whose tensors have these shapes, by the file's names.

        Raises
        ------
        StudyError
            When a tensor is missing by which they are known.
        """
        blocks: list[tuple[int, int]] = []
        while project := shapes.get(
            self.file_name(f"blocks.{len(blocks)}.project.conv.weight", len(blocks))
        ):
            blocks.append((project[1], project[0]))
        stem, head, classifier = (
            self.file_name(f"{part}.weight", len(blocks))
            for part in ("stem.conv", "head.conv", "classifier")
        )
        for key in (stem, head):
            if len(shapes.get(key, ())) != 4:
                raise StudyError(f"no filters '{key}'")
        classes = shapes[classifier][0] if classifier in shapes else 0
        return Sizes(shapes[stem][0], blocks, shapes[head][0], classes)


class Convolution(nn.Module):
    """A convolution without bias, BatchNorm and, where it is `active`, a ReLU that ends at 6."""

    def __init__(
        self,
        channels: tuple[int, int],
        kernel: int,
        stride: int,
        family: Family,
        groups: int = 1,
        active: bool = True,
    ) -> None:
        super().__init__()
        padding = 0 if family.same else kernel // 2
        self.conv = nn.Conv2d(*channels, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(channels[1], eps=family.epsilon)
        self.same, self.active = family.same, active

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (n, channels, side / stride, side / stride), sides rounded up."""
        if self.same:
            maps = _pad_as_tensorflow(maps, self.conv.kernel_size[0], self.conv.stride[0])
        maps = self.norm(self.conv(maps))
        return F.relu6(maps) if self.active else maps


def _pad_as_tensorflow(maps: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    sizes: list[int] = []
    for side in (maps.shape[3], maps.shape[2]):
        whole = max((ceil(side / stride) - 1) * stride + kernel - side, 0)
        sizes += [whole // 2, whole - whole // 2]
    return F.pad(maps, sizes) if any(sizes) else maps


class Block(nn.Module):
    """Widen (1x1), filter each channel by itself, thin (1x1, linear); added to what came in, if it fits."""

    def __init__(
        self, inner: int, wide: int, outer: int, stage: Stage, stride: int, f: Family
    ) -> None:
        super().__init__()
        self.expand = Convolution((inner, wide), 1, 1, f) if stage.widening > 1 else nn.Identity()
        self.depthwise = Convolution((wide, wide), stage.kernel, stride, f, groups=wide)
        self.project = Convolution((wide, outer), 1, 1, f, active=False)
        self.added = stride == 1 and inner == outer

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return (n, outer, side / stride, side / stride)."""
        out: torch.Tensor = self.project(self.depthwise(self.expand(maps)))
        return maps + out if self.added else out


class InvertedResidualNetwork(nn.Module):
    """Stem, blocks, head and, for some, a classifier.

    Parameters
    ----------
    family
        Stages, padding and epsilon.
    sizes
        Channels of each layer.

    Raises
    ------
    StudyError
        When no network of the family has that many blocks.
    """

    def __init__(self, family: Family, sizes: Sizes) -> None:
        """Build the network, with PyTorch's initial weights.

        Raises
        ------
        StudyError
            When no network of the family has that many blocks.
        """
        super().__init__()
        repeats = family.repeats(len(sizes.blocks))
        places = [
            (stage, 1 if place else stage.stride)
            for stage, repeat in zip(family.stages, repeats, strict=True)
            for place in range(repeat)
        ]
        self.family, self.sizes, self.repeats = family, sizes, repeats
        self.stem = Convolution((3, sizes.stem), 3, 2, family)
        self.blocks, inner = nn.ModuleList(), sizes.stem
        for (stage, stride), (wide, outer) in zip(places, sizes.blocks, strict=True):
            self.blocks.append(Block(inner, wide, outer, stage, stride, family))
            inner = outer
        self.head = Convolution((inner, sizes.head), 1, 1, family)
        self.classifier = nn.Linear(sizes.head, sizes.classes) if sizes.classes else None

    @property
    def layers(self) -> list[str]:
        """Names of the layers, in the order in which they compute: stem, block0, block1, ..., head."""
        return ["stem", *(f"block{n}" for n in range(len(self.blocks))), "head"]

    @property
    def stages(self) -> list[str]:
        """Names of the layers that end a stage, in order."""
        return [f"block{end - 1}" for end in accumulate(self.repeats)]

    def walk(self, images: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield name and maps (n, channels, side, side) of each layer, as they are computed."""
        maps = images
        parts = [self.stem, *self.blocks, self.head]
        for name, part in zip(self.layers, parts, strict=True):
            maps = part(maps)
            yield name, maps

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (n, classes); without a classifier, features (n, features)."""
        *_, (_, maps) = self.walk(images)
        means = maps.mean((2, 3))
        found: torch.Tensor = means if self.classifier is None else self.classifier(means)
        return found

    def empty(self) -> InvertedResidualNetwork:
        """Return a network of the same form on the CPU, in evaluation, to be filled; no stream moves."""
        with torch.random.fork_rng(devices=[]):
            return InvertedResidualNetwork(self.family, self.sizes).eval()

    def drawn(self) -> InvertedResidualNetwork:
        """Return a network of the same form on the CPU, its weights drawn from torch's current stream there.

        Filters have the s.d. that keeps a layer's variance (He et al. 2015, by what goes in: twice the
        variance where it is rectified), BatchNorm is as before any picture. PyTorch's filters are narrower:
        by EfficientNet-Lite0's last block pictures would differ by 3e-9, here by 0.2. float32 would keep even
        that, for nothing is added to it; tolerances that are no ratio would not.
        """
        fresh = self.empty()
        for name, module in fresh.named_modules():
            if isinstance(module, nn.BatchNorm2d | nn.Linear):
                module.reset_parameters()
            if isinstance(module, nn.Conv2d):
                rectified = ".depthwise." in name or ".project." in name
                nn.init.kaiming_normal_(
                    module.weight, nonlinearity="relu" if rectified else "linear"
                )
        return fresh

    def file_names(self) -> dict[str, str]:
        """Return the file's name of each tensor, by this library's."""
        return {n: self.family.file_name(n, len(self.blocks)) for n in self.state_dict()}
