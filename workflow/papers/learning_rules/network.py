"""The network that all learning rules train: three convolution blocks and two linear layers.

[code]: the author's repaired script, see README.md of this folder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import nn
from torch.nn import functional as F

from replicortex.core.randomness import torch_generator

if TYPE_CHECKING:
    from papers.learning_rules.settings.network import NetworkSettings

BLOCKS = ("conv1", "conv2", "conv3")
LAYERS = (*BLOCKS, "fc1")
CLASSES = 10
# What the blocks of a kind of rule have besides [code]; of the others, backpropagation may be asked to.
VARIANTS = {"fa": {"conv_bias": True}, "stdp": {"relu_first": True}}


def variant_of(settings: Mapping[str, Any]) -> dict[str, bool]:
    """Return what a rule's blocks have besides, from its entry of the configuration."""
    asked = {"relu_first": True} if settings.get("relu_first") else {}
    return {**VARIANTS.get(settings["kind"], {}), **asked}


class Convolution(nn.Conv2d):
    """A convolution whose weights are drawn later: its constructor would use the global state."""

    def reset_parameters(self) -> None:
        """Leave the weights undrawn."""


class Linear(nn.Linear):
    """A linear layer whose weights are drawn later."""

    def reset_parameters(self) -> None:
        """Leave the weights undrawn."""


class Network(nn.Module):
    """Convolution (3x3, padding 1), BatchNorm, ReLU, max-pool by 2, three times; fc1, ReLU; fc2.

    Weights of equal seed and `init` are equal whatever else differs: each layer draws from its own
    stream.

    Parameters
    ----------
    widths
        Channels of the three blocks.
    grid
        Side to which the last map is average-pooled in front of fc1 (identity at 32 px, grid 4).
    hidden
        Units of fc1.
    seed
        Seed of the initial weights.
    init
        Of the convolutions: "default", PyTorch's kaiming_uniform(a=sqrt 5), or "kaiming_normal".
        Linear layers always have PyTorch's default [code].
    conv_bias
        Whether convolutions have a bias, zero at first; feedback alignment's have [code].
    relu_first
        Whether a ReLU stands before BatchNorm too; STDP's blocks have it [code].
    """

    @classmethod
    def from_settings(cls, seed: int, settings: NetworkSettings, init: str, **others: Any) -> Self:
        """Return an untrained network; `others` as a kind of rule has them."""
        sizes = settings.model_dump(include={"widths", "grid", "hidden"})
        return cls(**sizes, seed=seed, init=init, **others)

    def __init__(
        self,
        *,
        widths: list[int],
        grid: int,
        hidden: int,
        seed: int,
        init: str,
        conv_bias: bool = False,
        relu_first: bool = False,
    ) -> None:
        super().__init__()
        self.grid, self.relu_first = grid, relu_first
        for name, inner, outer in zip(BLOCKS, [3, *widths[:2]], widths, strict=True):
            conv = Convolution(inner, outer, 3, padding=1, bias=conv_bias)
            initialise(conv.weight, init, torch_generator(seed, "init", name))
            if conv_bias:
                nn.init.zeros_(conv.bias)
            self.add_module(name, conv)
            self.add_module(norm_of(name), nn.BatchNorm2d(outer))
        self.fc1 = Linear(widths[2] * grid * grid, hidden)
        self.fc2 = Linear(hidden, CLASSES)
        for name in ("fc1", "fc2"):
            stream = torch_generator(seed, "init", name)
            layer = getattr(self, name)
            initialise(layer.weight, "default", stream)
            bound = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.bias, -bound, bound, generator=stream)

    def convolve(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        """Return a block's convolution, (n, channels, height, width); the ReLU of `relu_first`."""
        maps = self.weigh(name, inputs)
        return F.relu(maps) if self.relu_first else maps

    def weigh(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        """Return a layer's weighted sum of its inputs: the one place that uses weights."""
        return getattr(self, name)(inputs)

    def block(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        """Return a block's output, (n, channels, height // 2, width // 2)."""
        return self.finish(name, self.convolve(name, inputs))

    def finish(self, name: str, maps: torch.Tensor) -> torch.Tensor:
        """Return a block's output from its convolution."""
        return pooled(getattr(self, norm_of(name))(maps))

    def blocks(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the outputs of the three blocks for images (n, 3, side, side)."""
        outputs = []
        for name in BLOCKS:
            outputs.append(self.block(name, outputs[-1] if outputs else images))
        return outputs

    def hidden(self, maps: torch.Tensor) -> torch.Tensor:
        """Return fc1 after its ReLU, (n, hidden), from the last block's output."""
        if maps.shape[-2:] != (self.grid, self.grid):
            maps = F.adaptive_avg_pool2d(maps, self.grid)
        return F.relu(self.weigh("fc1", maps.flatten(1)))

    def readout(self, maps: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        """Return class scores, (n, 10), from the last block's output.

        Parameters
        ----------
        maps
            (n, channels, height, width).
        keep
            Dropout's factors (n, hidden): 0 or 1 / (1 - p).
        """
        hidden = self.hidden(maps)
        return self.weigh("fc2", hidden if keep is None else hidden * keep)

    def forward(self, images: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        """Return class scores, (n, 10), of images (n, 3, side, side)."""
        return self.readout(self.blocks(images)[-1], keep)


def pooled(maps: torch.Tensor) -> torch.Tensor:
    """Return maps (n, channels, height, width) after a block's ReLU and max-pool by 2."""
    # The two commute: pooling first leaves a quarter of the work.
    return F.relu(F.max_pool2d(maps, 2))


def norm_of(block: str) -> str:
    """Return the name of a block's BatchNorm: "conv1" has "bn1"."""
    return block.replace("conv", "bn")


def initialise(weight: torch.Tensor, init: str, stream: torch.Generator) -> None:
    """Draw initial weights in place: "default" (PyTorch's for its layers) or "kaiming_normal"."""
    if init == "default":
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=stream)
    elif init == "kaiming_normal":
        nn.init.kaiming_normal_(weight, generator=stream)
    else:
        raise ValueError(f"init: '{init}' is unknown; valid are default, kaiming_normal")


def norm_buffers(network: Network) -> dict[str, torch.Tensor]:
    """Return BatchNorm's running statistics by name."""
    return {
        name: buffer
        for name, buffer in network.named_buffers()
        if name.split(".")[0].startswith("bn")
    }


@torch.no_grad()
def fill_norms(network: Network, batches: list[torch.Tensor]) -> None:
    """Replace BatchNorm's running statistics by those of forward passes; weights stay.

    The statistics are the mean over batches, not the moving average that training keeps
    [code: the author's repaired control].

    Parameters
    ----------
    network
        Changed in place; left in evaluation mode.
    batches
        Iterable of images (n, 3, side, side).
    """
    norms = [getattr(network, norm_of(name)) for name in BLOCKS]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    for images in batches:
        network.blocks(images)
    network.eval()
    for norm in norms:
        norm.momentum = 0.1
