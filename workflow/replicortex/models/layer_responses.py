"""What each layer of a vision network answers to pictures: one pass, reduced as it computes.

No more than one batch of one layer's maps is held at a time: the 18 layers of EfficientNet-Lite0 have
1,044,288 places and channels for one picture, and 3,120 means over places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional as F

from replicortex.core.errors import StudyError, nearest
from replicortex.core.progress import Progress, iter_plainly

Colour = tuple[float, float, float]


class Layered(Protocol):
    """A network whose layers have names, and that tells what each gives as it computes."""

    @property
    def layers(self) -> list[str]:
        """Names of the layers, in order."""

    def walk(self, images: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield name and maps (n, channels, side, side) of each layer."""


@dataclass(frozen=True)
class VisionNetwork:
    """A network in evaluation, and how pictures are shown to it: side in pixels, mean and s.d. of [0, 1]."""

    network: Layered
    side: int
    mean: Colour
    sd: Colour

    @property
    def layers(self) -> list[str]:
        """Names of the layers, in order."""
        return self.network.layers

    def prepared(self, images: np.ndarray, side: int | None = None) -> torch.Tensor:
        """Return pictures as the network is shown them, on the CPU.

        Parameters
        ----------
        images
            uint8 (n, height, width, 3) or grey (n, height, width), which becomes three equal channels;
            whole pictures are scaled (bicubic, smoothed where they shrink), whatever their form.
        side
            Pixels; the network's own unless given.

        Returns
        -------
        float32 (n, 3, side, side), normalised.

        Raises
        ------
        StudyError
            When the pictures are of another type or shape.
        """
        if (
            images.dtype != np.uint8
            or images.ndim not in (3, 4)
            or images.shape[3:] not in ((), (3,))
        ):
            raise StudyError(
                f"pictures: found {images.dtype} {images.shape}, expected uint8 (n, height, width) or "
                "(n, height, width, 3)"
            )
        if images.ndim == 3:
            images = np.repeat(images[..., None], 3, axis=3)
        x = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
        size = (side or self.side,) * 2
        x = F.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        mean, sd = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.sd))
        return (x - mean) / sd


def centred(image: np.ndarray) -> np.ndarray:
    """Return the largest square (side, side, ...) in the middle of a picture (height, width, ...)."""
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def reduced(maps: torch.Tensor, grid: int | None) -> torch.Tensor:
    """Return units (n, channels * places) of maps (n, channels, side, side).

    Parameters
    ----------
    grid
        Places along a side: each unit is the mean of a channel over one of grid x grid fields, 1 for
        means over all places. Sides that are shorter keep their own places, as they all do for None.
    """
    if grid is not None and grid < max(maps.shape[2:]):
        maps = F.adaptive_avg_pool2d(maps, (min(grid, maps.shape[2]), min(grid, maps.shape[3])))
    return maps.flatten(1)


@torch.inference_mode()
def stream(
    network: VisionNetwork,
    blocks: Iterable[np.ndarray],
    place: torch.device,
    *,
    layers: Sequence[str] | None = None,
    grid: int | None = 1,
    side: int | None = None,
) -> Iterator[dict[str, np.ndarray]]:
    """Yield each block's answers, layer by name: float32 (pictures, units).

    Parameters
    ----------
    network
        As `replicortex.data.networks.read` gives it; it is moved to `place`.
    blocks
        Pictures, uint8 (n, height, width, 3), as many at once as memory allows: they may be read as
        they are asked for.
    place
        Device.
    layers
        Names of the layers that are wanted; all, without.
    grid
        See `reduced`: the resolution of what is kept.
    side
        Pixels of the pictures as they are shown; the network's own unless given.

    Raises
    ------
    StudyError
        When there is no such layer, pictures are of another shape, or an answer is not finite.
    """
    for name in layers or ():
        if name not in network.layers:
            raise StudyError(f"layer: found '{name}'{nearest(name, network.layers)}")
    if isinstance(network.network, torch.nn.Module):
        network.network.to(place)
    for images in blocks:
        found = {}
        for name, maps in network.network.walk(network.prepared(images, side).to(place)):
            if layers is None or name in layers:
                found[name] = reduced(maps, grid).cpu().numpy()
                if not np.isfinite(found[name]).all():
                    raise StudyError(f"layer '{name}': answers are NaN or infinite")
        yield found


def responses(
    network: VisionNetwork,
    images: np.ndarray,
    place: torch.device,
    *,
    layers: Sequence[str] | None = None,
    grid: int | None = 1,
    side: int | None = None,
    batch: int = 16,
    progress: Progress = iter_plainly,
) -> dict[str, np.ndarray]:
    """Return all answers, layer by name: float32 (pictures, units). Parameters as `stream`'s.

    `batch`: pictures at once, a matter of memory alone.
    """
    starts = progress(range(0, len(images), batch), desc="pictures")
    parts = stream(
        network,
        (images[start : start + batch] for start in starts),
        place,
        layers=layers,
        grid=grid,
        side=side,
    )
    kept: dict[str, np.ndarray] = {}
    done = 0
    for part in parts:
        for name, answers in part.items():
            if not done:
                kept[name] = np.empty((len(images), answers.shape[1]), np.float32)
            kept[name][done : done + len(answers)] = answers
        done += len(next(iter(part.values())))
    return kept
