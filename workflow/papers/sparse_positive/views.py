"""Random views of training images: crops, mirror images, brightness, contrast and grey."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from papers.sparse_positive.training_settings import ViewSettings

GREY = (0.299, 0.587, 0.114)


def parameters(
    count: int, settings: ViewSettings, stream: torch.Generator
) -> dict[str, torch.Tensor]:
    """Draw, for each image: length and centre of the crop (of 2), flip, two factors, grey.

    Each (count,); the centre in halves of the image's side, from -1 to 1.
    """

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, generator=stream)

    length = uniform(*settings.scale).sqrt()
    return {
        "length": length,
        "x": (1 - length) * uniform(-1, 1),
        "y": (1 - length) * uniform(-1, 1),
        "flip": torch.where(uniform(0, 1) < settings.flip, -1.0, 1.0),
        "brightness": uniform(1 - settings.brightness, 1 + settings.brightness),
        "contrast": uniform(1 - settings.contrast, 1 + settings.contrast),
        "grey": uniform(0, 1) < settings.grey,
    }


def apply(images: torch.Tensor, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return views (n, 3, side, side) of float images of that shape, in [0, 1].

    `given`: of `parameters`. Crop and mirror image, then brightness and contrast about the image's
    mean luminance, both clipped to [0, 1], then grey.
    """
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
