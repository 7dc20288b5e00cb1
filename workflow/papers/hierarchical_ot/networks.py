"""Networks whose layers are compared: plain CNN, ResNet, ViT, transformer, the mirror's ResNets.

`forward` returns (layers, outputs); a layer is (batch, units): the mean over positions or tokens.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from replicortex.errors import StudyError

MEAN, SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as the mirror's [code]


class Cnn(nn.Module):
    """Plain or residual 3 x 3 convolutions in three stages, for 32 x 32 images."""

    def __init__(self, depth: int, width: int, residual: bool):
        super().__init__()
        self.residual = residual
        self.stages = [min(2, 3 * n // depth) for n in range(depth)]
        widths = [width * 2**stage for stage in self.stages]
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        before = [width, *widths[:-1]]
        steps = [1 + (n > 0 and self.stages[n] > self.stages[n - 1]) for n in range(depth)]
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
            x = F.relu(new + shortcut(x, new) if self.residual else new)
            layers.append(x.mean((2, 3)))
        return layers, self.head(layers[-1])


def shortcut(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Option A of He et al. 2016: every other pixel, channels padded with zeros on both sides."""
    if x.shape == like.shape:
        return x
    missing = like.shape[1] - x.shape[1]
    return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, missing // 2, missing - missing // 2))


class Block(nn.Module):
    """A transformer block with the norms in front."""

    def __init__(self, width: int, heads: int, causal: bool):
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
    """A vision transformer on patches of 4 x 4 pixels, mean-pooled."""

    def __init__(self, depth: int, width: int):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.place = nn.Parameter(0.02 * torch.randn(1, 64, width))
        self.blocks = nn.ModuleList(Block(width, 4, False) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """(batch, 3, 32, 32) -> layers and logits (batch, 10)."""
        x, layers = self.patches(x).flatten(2).transpose(1, 2) + self.place, []
        for block in self.blocks:
            x = block(x)
            layers.append(x.mean(1))
        return layers, self.head(layers[-1])


class Transformer(nn.Module):
    """A causal language model over 128 ASCII characters."""

    def __init__(self, depth: int, width: int, heads: int, context: int):
        super().__init__()
        self.letters = nn.Embedding(128, width)
        self.place = nn.Parameter(0.02 * torch.randn(1, context, width))
        self.blocks = nn.ModuleList(Block(width, heads, True) for _ in range(depth))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 128))

    def forward(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """(batch, characters) -> layers and logits (batch, characters, 128)."""
        x, layers = self.letters(x) + self.place[:, : x.shape[1]], []
        for block in self.blocks:
            x = block(x)
            layers.append(x.mean(1))
        return layers, self.head(x)


class CifarResNet(nn.Module):
    """ResNet-(6n + 2) of He et al. 2016 under the parameter names of the mirror's checkpoints."""

    def __init__(self, n: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        before = 16
        for stage, width in enumerate((16, 32, 64), start=1):
            blocks = []
            for number in range(n):
                block = nn.Module()
                stride = 2 if stage > 1 and number == 0 else 1
                block.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
                block.bn1 = nn.BatchNorm2d(width)
                block.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
                block.bn2 = nn.BatchNorm2d(width)
                blocks.append(block)
                before = width
            setattr(self, f"layer{stage}", nn.ModuleList(blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """(batch, 3, 32, 32) -> one layer per block, and logits (batch, 10)."""
        x, layers = F.relu(self.bn1(self.conv1(x))), []
        for block in (*self.layer1, *self.layer2, *self.layer3):
            new = block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x)))))
            x = F.relu(new + shortcut(x, new))
            layers.append(x.mean((2, 3)))
        return layers, self.linear(layers[-1])


def trained_resnet(path: Path, depth: int) -> CifarResNet:
    """Return the mirror's ResNet-20 or -56; StudyError when the checkpoint does not fit."""
    network = CifarResNet((depth - 2) // 6)
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        network.load_state_dict({k.removeprefix("module."): v for k, v in saved.items()})
    except (RuntimeError, KeyError, OSError) as error:
        raise StudyError(f"{path}: is no checkpoint of ResNet-{depth} ({error})") from None
    return network.eval()


def build(family: str, depth: int, width: int) -> nn.Module:
    """Return a network for images with fresh weights from torch's current stream."""
    if family == "vit":
        return Vit(depth, width)
    return Cnn(depth, width, residual=family == "resnet")


def prepare(images) -> torch.Tensor:
    """uint8 (n, 32, 32, 3) -> normalised float (n, 3, 32, 32)."""
    x = torch.as_tensor(images).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(SD).view(1, 3, 1, 1)


def letters(texts: list[str]) -> torch.Tensor:
    """ASCII passages of one length -> (n, characters) of codes."""
    return torch.tensor([list(text.encode("ascii")) for text in texts])
