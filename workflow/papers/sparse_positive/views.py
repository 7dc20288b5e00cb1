"""Random views of training images: crops, mirror images, brightness, contrast and grey."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional as F

from replicortex.randomness import torch_generator

GREY = (0.299, 0.587, 0.114)


class Views:
    """Training images as bytes on the device, and each epoch's random views of them.

    Every draw is a function of seed, view and epoch alone.

    Parameters
    ----------
    images, labels
        uint8 (n, side, side, 3); int64 (n,).
    batch
        Images per batch; an incomplete last batch is dropped.
    seed
        Of the streams.
    views
        Views of each image.
    numbers
        scale [low, high] (share of the area), flip, brightness, contrast, grey.
    mean, sd
        Of each channel, in [0, 1].
    device
        Where images are kept and views are made.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        *,
        batch: int,
        seed: int,
        views: int,
        numbers: dict[str, Any],
        mean: list[float],
        sd: list[float],
        device: torch.device,
    ) -> None:
        self.images, self.labels = images.to(device), labels.to(device)
        self.batch, self.seed, self.views, self.numbers = batch, seed, views, numbers
        self.mean = torch.tensor(mean, device=device)[:, None, None]
        self.sd = torch.tensor(sd, device=device)[:, None, None]
        self.device = device

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.images) // self.batch

    def draw(self, epoch: int | str) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
        """Return the epoch's order, and each view's parameters by image."""
        count = len(self.images)
        order = torch.randperm(count, generator=torch_generator(self.seed, "order", epoch))
        return order, [
            parameters(count, self.numbers, torch_generator(self.seed, "view", view, epoch))
            for view in range(self.views)
        ]

    def get(
        self, draws: tuple[torch.Tensor, list[dict[str, torch.Tensor]]], step: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return batch number `step`: views (views * batch, 3, side, side), labels (batch,)."""
        order, each = draws
        chosen = order[step * self.batch : (step + 1) * self.batch]
        there = chosen.to(self.device)
        images = self.images[there].permute(0, 3, 1, 2).float() / 255
        made = [
            apply(images, {name: value[chosen].to(self.device) for name, value in given.items()})
            for given in each
        ]
        ready = (torch.cat(made) - self.mean) / self.sd
        return ready.contiguous(memory_format=torch.channels_last), self.labels[there]


def parameters(
    count: int, numbers: dict[str, Any], stream: torch.Generator
) -> dict[str, torch.Tensor]:
    """Draw, for each image: length and centre of the crop (of 2), flip, two factors, grey."""

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, generator=stream)

    length = uniform(*numbers["scale"]).sqrt()
    return {
        "length": length,
        "x": (1 - length) * uniform(-1, 1),
        "y": (1 - length) * uniform(-1, 1),
        "flip": torch.where(uniform(0, 1) < numbers["flip"], -1.0, 1.0),
        "brightness": uniform(1 - numbers["brightness"], 1 + numbers["brightness"]),
        "contrast": uniform(1 - numbers["contrast"], 1 + numbers["contrast"]),
        "grey": uniform(0, 1) < numbers["grey"],
    }


def apply(images: torch.Tensor, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return views (n, 3, side, side) of float images of that shape, in [0, 1]."""
    zero = torch.zeros_like(given["x"])
    turn = torch.stack(
        [
            torch.stack([given["length"] * given["flip"], zero, given["x"]], 1),
            torch.stack([zero, given["length"], given["y"]], 1),
        ],
        1,
    )
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    out = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    weights = torch.tensor(GREY, device=images.device)[:, None, None]
    each = (slice(None), None, None, None)
    out = (out * given["brightness"][each]).clamp(0, 1)
    middle = (out * weights).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    out = (middle + (out - middle) * given["contrast"][each]).clamp(0, 1)
    pale = (out * weights).sum(1, keepdim=True).expand_as(out)
    return torch.where(given["grey"][each], pale, out)


def ramp(epoch: int, epochs: int, warm: int) -> float:
    """Return the share of the learning rate: linear over `warm` epochs, then a half cosine."""
    if epoch < warm:
        return (epoch + 1) / warm
    return (1 + math.cos(math.pi * (epoch - warm) / max(1, epochs - warm))) / 2
