"""Decoded videos: uint8 frames in memory-mapped shards, cut into clips when needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import AGAIN, Tensors
from replicortex.core.reading import reading


@dataclass(frozen=True)
class Video:
    """A video of a store: its name, its item number, its frames (shard, start, count)."""

    name: str
    shard: int
    start: int
    frames: int


@dataclass(frozen=True)
class Store:
    """Decoded frames: shards, uint8 (frames, size, size, channels), memory-mapped; videos; left out."""

    shards: list[np.ndarray]
    videos: list[Video]
    left_out: dict[str, str]  # video -> why

    def clip(self, video: int, start: int, length: int, step: int = 1) -> np.ndarray:
        """Return frames start, start + step, ..., uint8 (length, size, size, channels).

        Raises
        ------
        StudyError
            When the video ends before the clip does.
        """
        entry = self.videos[video]
        last = start + (length - 1) * step
        if start < 0 or last >= entry.frames:
            raise StudyError(
                f"video {entry.name}: frames {start} to {last} asked for, it has {entry.frames}"
            )
        first = entry.start + start
        return np.asarray(self.shards[entry.shard][first : first + last - start + 1 : step])


def shard(taken: Sequence[tuple[str, np.ndarray]], left_out: dict[str, str]) -> Tensors:
    """Return the shard of videos (name, frames), as `decode_all` describes it."""
    entries, start = [], 0
    for name, frames in taken:
        entries.append({"name": name, "start": start, "frames": len(frames)})
        start += len(frames)
    together = np.concatenate([frames for _, frames in taken])
    digest = sha256(together.data)
    return Tensors(
        {"frames": together}, {"videos": entries, "left_out": left_out, "sha256": digest}
    )


def open_store(shards: Sequence[Path], *, check: bool = False) -> Store:
    """Return the store that shards make up, memory-mapped; `check` reads all and compares sha256.

    Raises
    ------
    StudyError
        When a file is absent or no shard, holds a video that another one has, or (`check`) was
        changed.
    """
    arrays: list[np.ndarray] = []
    videos: list[Video] = []
    left_out: dict[str, str] = {}
    for number, path in enumerate(shards):
        with reading(path, "a shard of decoded videos", AGAIN):
            frames, description = _mapped(path)
            own = [Video(shard=number, **entry) for entry in description["videos"]]
            if any(v.start < 0 or v.frames < 1 or v.start + v.frames > len(frames) for v in own):
                raise ValueError("a video reaches beyond its frames")
            twice = {v.name for v in own} & {v.name for v in videos}
            if twice:
                raise StudyError(f"{path}: holds video '{min(twice)}', as a shard before it does")
            videos += own
            left_out |= description["left_out"]
            digest = description["sha256"]
        if check and sha256(frames.data) != digest:
            raise StudyError(f"{path}: was changed after it was written (its sha256 differs)")
        arrays.append(frames)
    return Store(arrays, videos, left_out)


def _mapped(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a shard's frames, mapped from the file, and its description; called within `reading`."""
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if size > path.stat().st_size:
            raise ValueError("it ends within its header")
        header = json.loads(stream.read(size))
    if header["frames"]["dtype"] != "U8":
        raise ValueError(f"its frames are {header['frames']['dtype']}, bytes (U8) expected")
    description = json.loads(header["__metadata__"]["replicortex"])
    entry = header["frames"]
    first = 8 + size + entry["data_offsets"][0]
    return np.memmap(path, np.uint8, "r", first, tuple(entry["shape"])), description
