"""Batches of small images: order, flips and crops drawn per epoch from streams of their own.

Every draw is a function of seed, purpose and epoch alone. So nothing that happens between two
batches (evaluation, saving, another seed in the same process) can change what comes next, and a
resumed epoch needs no saved generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from replicortex.core.errors import StudyError
from replicortex.core.randomness import torch_generator


def subset(available: int, wanted: int, seed: int) -> torch.Tensor:
    """Return the first `wanted` of a seeded permutation of `available` images.

    Raises
    ------
    StudyError
        When more are wanted than there are.
    """
    if wanted > available:
        raise StudyError(
            f"training.images: {wanted} are asked for, the data set has {available} training images"
        )
    return torch.randperm(available, generator=torch_generator(seed, "subset"))[:wanted]


def normalise(images: torch.Tensor, mean: list[float], sd: list[float]) -> torch.Tensor:
    """Return (images / 255 - mean) / sd.

    Parameters
    ----------
    images
        uint8 of shape (n, height, width, channels).
    mean, sd
        Of each channel, in [0, 1].

    Returns
    -------
    float32 of shape (n, channels, height, width), stored with channels last.
    """
    scale = torch.tensor(sd, device=images.device).mul_(255).reciprocal_()
    shift = torch.tensor(mean, device=images.device).div_(torch.tensor(sd, device=images.device))
    return images.to(torch.float32).mul_(scale).sub_(shift).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Draws:
    """What one epoch draws: order of the images, and a flip and a crop for each place in it."""

    order: torch.Tensor
    flip: torch.Tensor
    top: torch.Tensor
    left: torch.Tensor


def draw(count: int, seed: int, epoch: int | str, *, padding: int, flip: bool) -> Draws:
    """Draw one epoch's order and augmentation.

    Parameters
    ----------
    count
        Number of images.
    seed, epoch
        Name the streams; `epoch` may be a word for passes outside training.
    padding
        Pixels by which a crop may be shifted to either side.
    flip
        Whether half of the images are mirrored.
    """
    augmentation = torch_generator(seed, "augmentation", epoch)
    mirrored = torch.rand(count, generator=augmentation) < 0.5
    shifts = torch.randint(0, 2 * padding + 1, (2, count), generator=augmentation)
    return Draws(
        order=torch.randperm(count, generator=torch_generator(seed, "order", epoch)),
        flip=mirrored if flip else torch.zeros_like(mirrored),
        top=shifts[0],
        left=shifts[1],
    )


class Batches:
    """Training images held on the device as bytes, and each epoch's augmented batches of them.

    Parameters
    ----------
    images
        uint8 of shape (n, side, side, channels).
    labels
        int64 of shape (n,).
    batch
        Images per batch; an incomplete last batch is dropped.
    seed
        Seed of the streams "order" and "augmentation".
    padding
        Pixels of black around each image before it is cropped back to its side.
    flip
        Whether images are mirrored at random.
    mean, sd
        Of each channel, in [0, 1].
    device
        Where images are kept and batches are made.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        *,
        batch: int,
        seed: int,
        padding: int,
        flip: bool,
        mean: list[float],
        sd: list[float],
        device: torch.device,
    ) -> None:
        count, self.side, _, channels = images.shape
        self.wide = self.side + 2 * padding
        padded = torch.zeros((count, self.wide, self.wide, channels), dtype=torch.uint8)
        padded[:, padding : padding + self.side, padding : padding + self.side] = images
        # One row per pixel: a crop is then a gather of whole pixels.
        self.pixels = padded.reshape(-1, channels).to(device)
        self.labels = labels.to(device)
        self.count, self.batch, self.seed = count, batch, seed
        self.padding, self.flip, self.mean, self.sd = padding, flip, mean, sd
        self.device = device

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self.count // self.batch

    def draw(self, epoch: int | str) -> Draws:
        """Return the epoch's draws, on the device."""
        drawn = draw(self.count, self.seed, epoch, padding=self.padding, flip=self.flip)
        return Draws(*(part.to(self.device) for part in vars(drawn).values()))

    def get(self, draws: Draws, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return batch number `step`: images (batch, channels, side, side), labels (batch,)."""
        part = slice(step * self.batch, (step + 1) * self.batch)
        chosen = draws.order[part]
        along = torch.arange(self.side, device=self.device)
        rows = draws.top[part, None] + along
        columns = draws.left[part, None] + along
        # Mirroring comes before cropping: column c of the mirrored image is wide - 1 - c.
        columns = torch.where(draws.flip[part, None], self.wide - 1 - columns, columns)
        index = (chosen[:, None] * self.wide + rows)[:, :, None] * self.wide + columns[:, None, :]
        crops = self.pixels.index_select(0, index.flatten())
        images = crops.view(len(chosen), self.side, self.side, -1)
        return normalise(images, self.mean, self.sd), self.labels[chosen]
