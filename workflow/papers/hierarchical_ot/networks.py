"""Networks whose layers are compared: plain CNN, ResNet, ViT and causal transformer.

`forward` returns (layers, outputs); a layer is (batch, units): the mean over positions or tokens.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from papers.hierarchical_ot.training_settings import NetworkSettings, TransformerSettings
from replicortex.models.cifar_resnet import CifarResNet

LETTERS = 128  # ASCII


class Cnn(nn.Module):
    """Plain or residual 3 x 3 convolutions in three stages, for 32 x 32 images.

    Parameters
    ----------
    depth
        Blocks, one convolution each, shared out among stages of 32, 16 and 8 pixels.
    width
        Channels of the first stage; the next ones have twice and four times as many.
    residual
        Whether a block's input is added to its output (He et al. 2016).
    """

    def __init__(self, depth: int, width: int, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        stages = [min(2, 3 * n // depth) for n in range(depth)]
        widths = [width * 2**stage for stage in stages]
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )
        before = [width, *widths[:-1]]
        steps = [1 + (n > 0 and stages[n] > stages[n - 1]) for n in range(depth)]
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=s, padding=1, bias=False), nn.BatchNorm2d(b))
            for a, b, s in zip(before, widths, steps, strict=True)
        )
        self.head = nn.Linear(widths[-1], 10)

    def forward(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """(batch, 3, 32, 32) -> layers and logits (batch, 10)."""
        x, layers = F.relu(self.stem(x)), []
        for block in self.blocks:
            new = block(x)
            x = F.relu(new + _shortcut(x, new) if self.residual else new)
            layers.append(x.mean((2, 3)))
        return layers, self.head(layers[-1])


def _shortcut(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Option A of He et al. 2016: every other pixel, channels padded with zeros on both sides."""
    if x.shape == like.shape:
        return x
    missing = like.shape[1] - x.shape[1]
    return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, missing // 2, missing - missing // 2))


class Block(nn.Module):
    """A transformer block with the norms in front (Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, width) -> the same."""
        b, t, w = x.shape
        qkv = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, w // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, w))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    """A vision transformer on patches of 4 x 4 pixels, mean-pooled (Dosovitskiy et al. 2021)."""

    def __init__(self, depth: int, width: int, heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.place = nn.Parameter(0.02 * torch.randn(1, 64, width))
        self.blocks = nn.ModuleList(Block(width, heads, False) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """(batch, 3, 32, 32) -> layers and logits (batch, 10)."""
        x, layers = self.patches(x).flatten(2).transpose(1, 2) + self.place, []
        for block in self.blocks:
            x = block(x)
            layers.append(x.mean(1))
        return layers, self.head(layers[-1])


class Transformer(nn.Module):
    """A causal language model over ASCII characters, with learned places.

    Parameters
    ----------
    depth, width, heads
        Blocks, units of a character, heads of attention.
    context
        Characters of the longest passage.
    """

    def __init__(self, depth: int, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(LETTERS, width)
        self.place = nn.Parameter(0.02 * torch.randn(1, context, width))
        self.blocks = nn.ModuleList(Block(width, heads, True) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, LETTERS))

    def forward(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """(batch, characters) -> layers and logits (batch, characters, 128)."""
        x, layers = self.letters(x) + self.place[:, : x.shape[1]], []
        for block in self.blocks:
            x = block(x)
            layers.append(x.mean(1))
        return layers, self.head(x)


class Pooled(nn.Module):
    """A CIFAR ResNet with one layer for each block: its output, averaged over positions."""

    def __init__(self, network: CifarResNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """(batch, 3, 32, 32) -> layers and logits (batch, 10)."""
        net = self.network
        x, layers = F.relu(net.bn1(net.conv1(x))), []
        for block in (*net.layer1, *net.layer2, *net.layer3):
            x = block(x)
            layers.append(x.mean((2, 3)))
        return layers, net.linear(layers[-1])


def for_images(network: NetworkSettings) -> nn.Module:
    """Return a network for images with fresh weights from torch's current stream."""
    if network.family == "vit":
        return Vit(network.depth, network.width, network.heads)
    return Cnn(network.depth, network.width, network.family == "resnet")


def for_text(model: TransformerSettings, context: int) -> nn.Module:
    """Return a language model with fresh weights from torch's current stream."""
    return Transformer(model.depth, model.width, model.heads, context)


def letters(texts: list[str]) -> torch.Tensor:
    """ASCII passages of one length -> (n, characters) of codes."""
    return torch.tensor([list(text.encode("ascii")) for text in texts])
