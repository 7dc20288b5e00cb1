"""Random views of images, made for a whole batch at once from parameters of each image's own.

The arithmetic is torchvision's on float images in [0, 1] (tests compare with it, parameter for
parameter). Parameters are drawn on the CPU, per epoch, from streams of seed, epoch and view.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from replicortex.core.randomness import torch_generator

Drawn = dict[str, torch.Tensor]  # each with one row an image
JITTERS = 4  # brightness, contrast, saturation, hue
GREY = (0.2989, 0.587, 0.114)
RATIO = (3 / 4, 4 / 3)  # of the sides of a crop
TRIES = 10  # for a crop that fits, as torchvision


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
    draw
        Number of images, their side and a stream -> what each image's view is made by.
    apply
        Float images (n, 3, side, side) in [0, 1], and their rows of that -> views of that shape.
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
        draw: Callable[[int, int, torch.Generator], Drawn],
        apply: Callable[[torch.Tensor, Drawn], torch.Tensor],
        mean: list[float],
        sd: list[float],
        device: torch.device,
    ) -> None:
        self.images, self.labels = images.to(device), labels.to(device)
        self.batch, self.seed, self.views = batch, seed, views
        self.drawing, self.applying = draw, apply
        self.mean = torch.tensor(mean, device=device)[:, None, None]
        self.sd = torch.tensor(sd, device=device)[:, None, None]
        self.device = device

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.images) // self.batch

    def draw(self, epoch: int | str) -> tuple[torch.Tensor, list[Drawn]]:
        """Return the epoch's order, and what each view is made by."""
        count, side = self.images.shape[:2]
        order = torch.randperm(count, generator=torch_generator(self.seed, "order", epoch))
        return order, [
            self.drawing(count, side, torch_generator(self.seed, "view", view, epoch))
            for view in range(self.views)
        ]

    def get(
        self, draws: tuple[torch.Tensor, list[Drawn]], step: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return batch number `step`: views (views * batch, 3, side, side), labels (batch,)."""
        order, drawn = draws
        chosen = order[step * self.batch : (step + 1) * self.batch]
        there = chosen.to(self.device)
        images = self.images[there].permute(0, 3, 1, 2).float() / 255
        made = [
            self.applying(
                images, {name: rows[chosen].to(self.device) for name, rows in one.items()}
            )
            for one in drawn
        ]
        ready = (torch.cat(made) - self.mean) / self.sd
        return ready.contiguous(memory_format=torch.channels_last), self.labels[there]


@dataclass
class Parameters:
    """One row an image.

    Attributes
    ----------
    box
        Top, left, height and width of the crop, pixels.
    flip, jitter, grey, blur
        Whether each is done.
    order
        (n, 4): order of brightness (0), contrast (1), saturation (2), hue (3).
    factors
        (n, 4): their factors; hue's is a shift in turns.
    sigma
        Of the blur, pixels.
    """

    box: torch.Tensor
    flip: torch.Tensor
    jitter: torch.Tensor
    order: torch.Tensor
    factors: torch.Tensor
    grey: torch.Tensor
    blur: torch.Tensor
    sigma: torch.Tensor


def draw(count: int, side: int, numbers: dict[str, Any], stream: torch.Generator) -> Parameters:
    """Draw parameters for `count` images.

    Parameters
    ----------
    count, side
        Number of images, and their side in pixels.
    numbers
        scale [low, high] (share of the area), flip, jitter {p, brightness, contrast, saturation,
        hue}, grey (p) and blur {p, sigma [low, high]} of the configuration.
    stream
        Where draws come from.
    """

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=stream)

    area = side * side * uniform(*numbers["scale"], TRIES)
    ratio = torch.exp(uniform(math.log(RATIO[0]), math.log(RATIO[1]), TRIES))
    wide, high = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (wide <= side) & (high <= side) & (wide > 0) & (high > 0)
    first = fits.int().argmax(1, keepdim=True)
    any_ = fits.any(1)
    wide = torch.where(any_, wide.gather(1, first)[:, 0], torch.tensor(float(side))).long()
    high = torch.where(any_, high.gather(1, first)[:, 0], torch.tensor(float(side))).long()
    top = (torch.rand(count, generator=stream) * (side - high + 1)).long()
    left = (torch.rand(count, generator=stream) * (side - wide + 1)).long()
    jitter = numbers["jitter"]
    spans = [jitter["brightness"], jitter["contrast"], jitter["saturation"]]
    factors = [uniform(max(0.0, 1 - span), 1 + span) for span in spans]
    factors.append(uniform(-jitter["hue"], jitter["hue"]))
    return Parameters(
        box=torch.stack([top, left, high, wide], 1),
        flip=uniform(0, 1) < numbers["flip"],
        jitter=uniform(0, 1) < jitter["p"],
        order=torch.rand(count, JITTERS, generator=stream).argsort(1),
        factors=torch.stack(factors, 1),
        grey=uniform(0, 1) < numbers["grey"],
        blur=uniform(0, 1) < numbers["blur"]["p"],
        sigma=uniform(*numbers["blur"]["sigma"]),
    )


def apply(images: torch.Tensor, given: Parameters) -> torch.Tensor:
    """Return the views (n, 3, side, side) of float images of that shape, in [0, 1]."""
    out = crop(images, given.box)
    out = torch.where(given.flip[:, None, None, None], out.flip(3), out)
    if given.jitter.any():
        out = colours(out, given)
    if given.grey.any():
        out = torch.where(given.grey[:, None, None, None], grey(out), out)
    if given.blur.any():
        out = torch.where(given.blur[:, None, None, None], blur(out, given.sigma), out)
    return out


def crop(images: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    """Cut a box out of each image and enlarge it bilinearly to the image's size."""
    side = images.shape[-1]
    rows = _enlarging(box[:, 0], box[:, 2], side)
    columns = _enlarging(box[:, 1], box[:, 3], side)
    return rows[:, None] @ images @ columns[:, None].transpose(2, 3)


def _enlarging(start: torch.Tensor, length: torch.Tensor, side: int) -> torch.Tensor:
    """Return (n, side, side): weights of the source pixels in each pixel of the crop."""
    place = torch.arange(side, device=start.device)
    source = ((place + 0.5) * length[:, None] / side - 0.5).clamp(min=0)
    low = source.floor().minimum(length[:, None] - 1.0)
    high = (low + 1).minimum(length[:, None] - 1.0)
    share = source - low
    weights = torch.zeros(len(start), side, side, device=start.device)
    weights.scatter_add_(2, (start[:, None] + low).long()[..., None], (1 - share)[..., None])
    return weights.scatter_add_(2, (start[:, None] + high).long()[..., None], share[..., None])


def grey(images: torch.Tensor) -> torch.Tensor:
    """Return the images in grey, three equal channels."""
    scale = torch.tensor(GREY, device=images.device, dtype=images.dtype)
    return (images * scale[:, None, None]).sum(1, keepdim=True).expand_as(images)


def colours(images: torch.Tensor, given: Parameters) -> torch.Tensor:
    """Change brightness, contrast, saturation and hue, each image in its own order."""
    out = images.clone()
    for place in range(JITTERS):
        for kind, change in enumerate((_brightness, _contrast, _saturation, _hue)):
            chosen = given.jitter & (given.order[:, place] == kind)
            if chosen.any():
                out[chosen] = change(out[chosen], given.factors[chosen, kind, None, None, None])
    return out


def _blend(one: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return (factor * one + (1 - factor) * other).clamp(0, 1)


def _brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return _blend(images, torch.zeros_like(images), factor)


def _contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return _blend(images, grey(images).mean((1, 2, 3), keepdim=True), factor)


def _saturation(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return _blend(images, grey(images), factor)


def _hue(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Turn the hue by a share of the circle."""
    red, green, blue = images.unbind(1)
    high, low = images.amax(1), images.amin(1)
    span = high - low
    flat = span == 0
    safe = torch.where(flat, 1, span)
    # Distance of each channel from the highest, in shares of the span.
    r, g, b = ((high - channel) / safe for channel in (red, green, blue))
    hue = torch.where(high == red, b - g, torch.where(high == green, 2 + r - b, 4 + g - r))
    hue = (torch.where(flat, 0, hue) / 6 + shift[:, 0]) % 1.0
    saturation = torch.where(flat, 0, span / torch.where(high == 0, 1, high))
    # Foley and van Dam: each channel is a trapezoid of the hue.
    turn = (
        hue[:, None] * 6 + torch.tensor([5.0, 3.0, 1.0], device=images.device)[:, None, None]
    ) % 6
    dip = torch.minimum(turn, 4 - turn).clamp(0, 1)
    return high[:, None] * (1 - saturation[:, None] * dip)


def blur(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Blur each image with a Gaussian of three by three pixels, mirrored at the edge."""
    side = torch.exp(-0.5 / sigma.square())
    kernel = torch.stack([side, torch.ones_like(side), side], 1) / (1 + 2 * side)[:, None]
    for axis in (2, 3):
        pad = (0, 0, 1, 1) if axis == 2 else (1, 1, 0, 0)
        padded = torch.nn.functional.pad(images, pad, mode="reflect")
        length = images.shape[axis]
        parts = (
            kernel[:, place, None, None, None] * padded.narrow(axis, place, length)
            for place in range(3)
        )
        images = sum(parts, start=torch.zeros_like(images))
    return images
