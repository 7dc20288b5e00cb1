"""Pairs of clips for training, cut on the fly: moving crops, the same changes for all frames.

Every draw is a function of seed and epoch. A pair is either two clips of one video (`instance`, the
paper's task) or two pictures (`velocity`: a task whose answer is known). The crops of both move
together, or apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from papers.mt_maps.training_settings import PairSettings
from replicortex.core.errors import StudyError
from replicortex.core.randomness import torch_generator
from replicortex.data.frames import Store

GREY = (0.2989, 0.587, 0.114)
BINS = 16  # of direction: pairs within one bin are no negatives of each other


class ClipPairs:
    """Batches of pairs of clips.

    Parameters
    ----------
    store
        Decoded videos; pictures are videos of one frame.
    numbers
        How clips are cut and paired.
    seed, device
        Of the streams; where batches go.
    """

    def __init__(
        self, store: Store, numbers: PairSettings, seed: int, device: torch.device
    ) -> None:
        self.store, self.numbers, self.seed, self.device = store, numbers, seed, device
        if len(store.videos) < 2:
            raise StudyError(f"videos: {len(store.videos)} can be used, at least 2 are needed")
        stored = store.shards[0].shape[1]
        _, high = numbers.crop
        path = numbers.pan[1] * (numbers.frames - 1) / numbers.size
        if high * (1 + path) > 1:
            raise StudyError(
                f"clips.crop: a window of {high} of the frame that pans {path:.2f} of its side "
                f"leaves the frame of {stored} pixels"
            )

    def __len__(self) -> int:
        return self.numbers.steps

    def draw(self, epoch: int | str) -> dict[str, torch.Tensor]:
        """Draw an epoch: for each pair and view the video, first frame, window, motion and changes.

        Parameters
        ----------
        epoch
            Its number or another word: the stream's name beside the seed.

        Returns
        -------
        By name, pairs in the order in which batches take them. (pairs,): "items", what makes two views
        a pair: video, or bin of direction. (pairs, 2 views): "video", "start" (frame), "window" (share
        of the frame's side), "flip", "jittered", "grey", "backwards", "blurred" and "sigma" (pixels).
        (pairs, 2, 2): "place" of the window's path (x and y, 0 to 1) and "velocity" of the content (x
        to the right and y down, pixels per frame). (pairs, 2, frames): "order". (pairs, 2, 4):
        "factors" of brightness, contrast and saturation, and the turn of hue.
        """
        numbers = self.numbers
        batch, steps = numbers.batch, numbers.steps
        count = batch * steps
        stream = torch_generator(self.seed, "clips", epoch)

        def uniform(*shape: int) -> torch.Tensor:
            return torch.rand(*shape, generator=stream)

        videos = len(self.store.videos)
        first = torch.cat(
            [torch.randperm(videos, generator=stream) for _ in range(-(-count // videos))]
        )[:count]
        velocity, angle = _velocities(count, numbers.pan, stream)
        if numbers.pairs == "velocity":
            second = torch.randint(0, videos, (count,), generator=stream)
            items = torch.floor(angle / (2 * math.pi) * BINS).long() % BINS
        else:
            second, items = first, first
        shared = uniform(count) < 0.5
        flips = {
            "none": torch.zeros(count, 2, dtype=torch.bool),
            "shared": shared[:, None].expand(count, 2),
            "independent": uniform(count, 2) < 0.5,
        }[numbers.flip]
        frames = torch.tensor([entry.frames for entry in self.store.videos])
        video = torch.stack([first, second], 1)
        room = (frames[video] - numbers.frames * numbers.step).clamp(min=0) + 1
        start = (uniform(count, 2) * room).long()
        narrow, wide = numbers.crop
        jitter = numbers.jitter
        factors = [
            1 + getattr(jitter, name) * (2 * uniform(count, 2) - 1)
            for name in ("brightness", "contrast", "saturation")
        ]
        order = torch.rand(count, 2, numbers.frames, generator=stream).argsort(-1)
        drawn = {
            "items": items,
            "video": video,
            "start": start,
            "window": narrow + (wide - narrow) * uniform(count, 2),
            "place": uniform(count, 2, 2),
            "velocity": torch.stack([velocity, self._other(epoch, velocity)], 1),
            "flip": flips,
            "jittered": uniform(count, 2) < numbers.jittered,
            "grey": uniform(count, 2) < numbers.grey,
            "backwards": uniform(count, 2) < 0.5,
            "order": order,
        }
        factors.append(jitter.hue * (2 * uniform(count, 2) - 1))
        sharp, coarse = numbers.blur
        return drawn | {
            "factors": torch.stack(factors, -1),
            "blurred": uniform(count, 2) < numbers.blurred,
            "sigma": sharp + (coarse - sharp) * uniform(count, 2),
        }

    def _other(self, epoch: int | str, velocity: torch.Tensor) -> torch.Tensor:
        """Return the velocity (pairs, 2) of the second views: the first's, or one of their own."""
        if self.numbers.motion == "together":
            return velocity
        stream = torch_generator(self.seed, "clips", epoch, "apart")
        return _velocities(len(velocity), self.numbers.pan, stream)[0]

    def get(self, draws: dict[str, torch.Tensor], step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return one batch.

        Parameters
        ----------
        draws
            As `draw` returns them.
        step
            Of the epoch, from 0.

        Returns
        -------
        (2, batch, channels, frames, size, size), normalised; items (batch,).
        """
        batch = self.numbers.batch
        part = {name: value[step * batch : (step + 1) * batch] for name, value in draws.items()}
        views = torch.stack([self._view(part, view) for view in (0, 1)])
        return views, part["items"].to(self.device)

    def _view(self, part: dict[str, torch.Tensor], view: int) -> torch.Tensor:
        """Return one view of a batch's pairs, (batch, channels, frames, size, size), normalised.

        Windows are cut first, then frames ordered, light changed and blurred.
        """
        numbers = self.numbers
        one = {name: value[:, view] for name, value in part.items() if value.ndim > 1}
        clips = torch.from_numpy(
            np.stack(
                [
                    self._frames(int(v), int(s))
                    for v, s in zip(one["video"], one["start"], strict=True)
                ]
            )
        ).to(self.device)  # batch, frames, side, side, channels
        clips = clips.permute(0, 1, 4, 2, 3).float() / 255
        clips = window(
            clips,
            one["window"].to(self.device),
            one["place"].to(self.device),
            one["velocity"].to(self.device),
            one["flip"].to(self.device),
            numbers.size,
        )
        clips = self._ordered(clips, one)
        if (one["jittered"] | one["grey"]).any():
            clips = changed(
                clips, *(one[n].to(self.device) for n in ("factors", "jittered", "grey"))
            )
        if numbers.blurred:
            sigma = torch.where(one["blurred"], one["sigma"], 0.0)
            clips = blur(clips, sigma.to(self.device), max(numbers.blur))
        mean, sd = (torch.tensor(getattr(numbers, n), device=self.device) for n in ("mean", "sd"))
        clips = (clips - mean[:, None, None]) / sd[:, None, None]
        return clips.transpose(1, 2).contiguous()

    def _frames(self, video: int, start: int) -> np.ndarray:
        length, step = self.numbers.frames, self.numbers.step
        entry = self.store.videos[video]
        if entry.frames == 1:
            return np.repeat(self.store.clip(video, 0, 1), length, axis=0)
        return self.store.clip(video, start, length, step)

    def _ordered(self, clips: torch.Tensor, one: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return frames in the order that the arm asks for."""
        order = self.numbers.order
        if order == "static":
            return clips[:, :1].expand_as(clips)
        if order == "shuffled":
            index = one["order"].to(self.device)[:, :, None, None, None].expand_as(clips)
            return clips.gather(1, index)
        if order == "reversed":
            back = one["backwards"].to(self.device)[:, None, None, None, None]
            return torch.where(back, clips.flip(1), clips)
        return clips


def _velocities(
    count: int, pan: Sequence[float], stream: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return velocities (count, 2), x to the right and y down, pixels per frame; and angles (rad)."""
    angle = 2 * math.pi * torch.rand(count, generator=stream)
    speed = torch.rand(count, generator=stream)
    low, high = pan
    along = torch.stack([torch.cos(angle), -torch.sin(angle)], 1)
    return (low + (high - low) * speed)[:, None] * along, angle


def window(
    clips: torch.Tensor,
    share: torch.Tensor,
    place: torch.Tensor,
    velocity: torch.Tensor,
    flip: torch.Tensor,
    size: int,
) -> torch.Tensor:
    """Return what a window sees whose content moves.

    Parameters
    ----------
    clips
        (n, frames, channels, side, side).
    share
        (n,) the window's side, as a share of the frame's.
    place
        (n, 2) where its path lies, x and y, 0 to 1 of the room that there is.
    velocity
        (n, 2) of the content, x to the right and y down, pixels of the output per frame.
    flip
        (n,) whether left and right change places; the content's motion with them.
    size
        Side of the output, pixels.

    Returns
    -------
    (n, frames, channels, size, size), bilinear.
    """
    n, frames = clips.shape[:2]
    time = torch.arange(frames, device=clips.device) - (frames - 1) / 2
    step = -velocity * share[:, None] / size  # of the window, shares of the frame
    reach = share[:, None] / 2 + step.abs() * (frames - 1) / 2
    centre = reach + place * (1 - 2 * reach)
    centre = centre[:, None] + step[:, None] * time[:, None]  # n, frames, 2
    across = (torch.arange(size, device=clips.device) + 0.5) / size - 0.5
    across = across * share[:, None]
    mirrored = torch.where(flip[:, None], -across, across)
    x = centre[:, :, 0, None] + mirrored[:, None]
    y = centre[:, :, 1, None] + across[:, None]
    grid = torch.stack(
        [
            x[:, :, None, :].expand(n, frames, size, size),
            y[:, :, :, None].expand(n, frames, size, size),
        ],
        -1,
    )
    seen = F.grid_sample(
        clips.flatten(0, 1),
        2 * grid.flatten(0, 1) - 1,
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return seen.unflatten(0, (n, frames))


def changed(
    clips: torch.Tensor, factors: torch.Tensor, jittered: torch.Tensor, grey: torch.Tensor
) -> torch.Tensor:
    """Return clips with brightness, contrast, saturation and hue changed, in this order; some grey.

    Parameters
    ----------
    clips
        (n, frames, channels, side, side), 0 to 1; one channel has neither saturation nor hue.
    factors
        (n, 4): of brightness, contrast (about the clip's mean grey) and saturation, and the turn of
        hue, 1 the whole circle. All frames of a clip change alike.
    jittered, grey
        (n,) which clips are changed, and which are then made grey.
    """
    wide = (slice(None), None, None, None, None)
    bright, contrast, saturation, turn = (factors[:, k][wide] for k in range(4))
    colour = clips.shape[2] == 3
    out = (clips * bright).clamp(0, 1)
    out = ((out - _grey(out).mean((1, 2, 3, 4), keepdim=True)) * contrast).add(
        _grey(out).mean((1, 2, 3, 4), keepdim=True)
    )
    out = out.clamp(0, 1)
    if colour:
        out = (_grey(out) + (out - _grey(out)) * saturation).clamp(0, 1)
        out = turned(out, turn[:, :, 0])
    out = torch.where(jittered[wide], out, clips)
    return torch.where(grey[wide], _grey(out).expand_as(out), out) if colour else out


def turned(clips: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Return colours (n, frames, 3, side, side) whose hue (HSV) is turned; turn 1 is the whole circle."""
    red, green, blue = clips.unbind(2)
    value, low = clips.amax(2), clips.amin(2)
    chroma = value - low
    part = chroma.clamp(min=1e-12)
    sixth = torch.where(
        value == red,
        (green - blue) / part,
        torch.where(value == green, 2 + (blue - red) / part, 4 + (red - green) / part),
    )
    sixth = sixth + 6 * turn
    # Each channel is the value, less the chroma where the hue is far from the channel's own.
    places = [torch.remainder(n + sixth, 6) for n in (5, 3, 1)]
    return torch.stack([value - chroma * torch.minimum(k, 4 - k).clamp(0, 1) for k in places], 2)


def blur(clips: torch.Tensor, sigma: torch.Tensor, widest: float) -> torch.Tensor:
    """Return clips under a Gaussian, the same for all frames of a clip; edges are mirrored.

    Parameters
    ----------
    clips
        (n, frames, channels, side, side).
    sigma
        (n,) pixels; 0 leaves a clip as it is.
    widest
        Largest sigma: kernels reach three of it, or the frame's side if that is less.
    """
    n, side = len(clips), clips.shape[-1]
    reach = min(math.ceil(3 * widest), side - 1)
    x = torch.arange(-reach, reach + 1, device=clips.device)
    kernel = torch.exp(-0.5 * (x / sigma.clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).to(clips.dtype)
    planes = clips.shape[1] * clips.shape[2]
    kernel = kernel.repeat_interleave(planes, 0)
    out = clips.reshape(1, n * planes, side, side)
    out = F.pad(out, (reach,) * 4, mode="reflect")
    out = F.conv2d(out, kernel[:, None, None, :], groups=n * planes)
    out = F.conv2d(out, kernel[:, None, :, None], groups=n * planes)
    return out.reshape(clips.shape)


def _grey(clips: torch.Tensor) -> torch.Tensor:
    if clips.shape[2] == 1:
        return clips
    weights = torch.tensor(GREY, device=clips.device)[:, None, None]
    return (clips * weights).sum(2, keepdim=True)
