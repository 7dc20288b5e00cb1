"""Videos: decoded once to uint8 frames, kept in memory-mapped shards, cut into clips when needed.

PyAV decodes. A video that cannot be decoded, or has fewer frames than a clip, is named, left out and
counted; when none is left, that is an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from replicortex.errors import StudyError
from replicortex.files import Tensors
from replicortex.progress import iter_plainly

SUFFIXES = (".avi", ".mkv", ".mp4", ".webm", ".mov")


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


def found(folder: Path) -> list[Path]:
    """Return the video files below a folder, sorted by path.

    Raises
    ------
    StudyError
        When there is none.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise StudyError(f"{folder}: no video found ({', '.join(SUFFIXES)} expected)")
    return files


def decode(path: Path, size: int, *, grey: bool = False, most: int | None = None) -> np.ndarray:
    """Return the frames of a video's first stream, uint8 (frames, size, size, 1 or 3).

    The shorter side is scaled to `size` (area averaging) and the middle square cut out.

    Raises
    ------
    StudyError
        When it has no picture that can be decoded.
    """
    import av

    frames: list[np.ndarray] = []
    try:
        with av.open(str(path)) as container:
            container.streams.video[0].thread_count = 1
            for frame in container.decode(video=0):
                scale = size / min(frame.width, frame.height)
                width = max(size, round(frame.width * scale))
                height = max(size, round(frame.height * scale))
                shown = frame.reformat(
                    width, height, format="gray" if grey else "rgb24", interpolation="AREA"
                ).to_ndarray()
                top, left = (height - size) // 2, (width - size) // 2
                cut = shown[top : top + size, left : left + size]
                frames.append(cut[..., None] if grey else cut)
                if most is not None and len(frames) == most:
                    break
    except (av.error.FFmpegError, IndexError, OSError, ValueError) as error:
        raise StudyError(f"{path}: cannot be decoded ({error})") from None
    if not frames:
        raise StudyError(f"{path}: cannot be decoded (it has no frame)")
    return np.stack(frames)


def decode_all(
    videos: Sequence[tuple[str, Path]],
    *,
    size: int,
    fewest: int,
    grey: bool = False,
    most: int | None = None,
    progress=iter_plainly,
) -> Tensors:
    """Decode videos into one shard of a store.

    Parameters
    ----------
    videos
        (name, file) in the order in which they get their numbers.
    size
        Side of the frames, pixels.
    fewest
        Frames below which a video is left out.
    most
        Frames kept of each video; None keeps all.

    Returns
    -------
    "frames", uint8 (frames, size, size, channels); described by "videos" (name, start, frames),
    "left_out" (name: why) and the sha256 of the frames.

    Raises
    ------
    StudyError
        When no video is left.
    """
    left_out: dict[str, str] = {}
    taken: list[tuple[str, np.ndarray]] = []
    for name, path in progress(videos, desc="decoding", total=len(videos)):
        try:
            frames = decode(path, size, grey=grey, most=most)
        except StudyError as error:
            left_out[name] = str(error).removeprefix(f"{path}: ")
            continue
        if len(frames) < fewest:
            left_out[name] = f"{len(frames)} frames found, at least {fewest} expected"
            continue
        taken.append((name, frames))
    if not taken:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:3])
        raise StudyError(f"videos: none of {len(videos)} can be used ({reasons})")
    return shard(taken, left_out)


def shard(taken: Sequence[tuple[str, np.ndarray]], left_out: dict[str, str]) -> Tensors:
    """Return the shard of videos (name, frames), as `decode_all` describes it."""
    entries, start = [], 0
    for name, frames in taken:
        entries.append({"name": name, "start": start, "frames": len(frames)})
        start += len(frames)
    together = np.concatenate([frames for _, frames in taken])
    digest = hashlib.sha256(together).hexdigest()
    return Tensors(
        {"frames": together}, {"videos": entries, "left_out": left_out, "sha256": digest}
    )


def open_store(shards: Sequence[Path], *, check: bool = False) -> Store:
    """Return the store that shards make up, memory-mapped; `check` reads all and compares sha256.

    Raises
    ------
    StudyError
        When a file is absent or no shard, or (`check`) was changed.
    """
    arrays, videos, left_out = [], [], {}
    for number, path in enumerate(shards):
        try:
            frames, told = _mapped(path)
            videos += [Video(shard=number, **entry) for entry in told["videos"]]
            left_out |= told["left_out"]
            digest = told["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StudyError(f"{path}: is no shard of decoded videos ({error})") from None
        if check and hashlib.sha256(frames).hexdigest() != digest:
            raise StudyError(f"{path}: was changed after it was written (its sha256 differs)")
        arrays.append(frames)
    return Store(arrays, videos, left_out)


def _mapped(path: Path) -> tuple[np.ndarray, dict]:
    """Return a shard's frames, mapped from the file, and its description."""
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if size > path.stat().st_size:
            raise ValueError("it ends within its header")
        header = json.loads(stream.read(size))
    told = json.loads(header["__metadata__"]["replicortex"])
    entry = header["frames"]
    first = 8 + size + entry["data_offsets"][0]
    return np.memmap(path, np.uint8, "r", first, tuple(entry["shape"])), told


def ucf101_split(folder: Path, number: int, part: str) -> list[tuple[str, int, Path]]:
    """Return (name, class, file) of a UCF101 split, in the order of its list.

    The official layout: ucfTrainTestlist/{classInd,trainlist01,testlist01}.txt beside the class
    folders, which lie at the top or in UCF-101/. Classes count from 0; the files count from 1.

    Raises
    ------
    StudyError
        When a list or a listed video is absent, or a line cannot be read.
    """
    if part not in ("train", "test") or number not in (1, 2, 3):
        raise StudyError(f"UCF101: split {part} {number} is unknown; valid are train, test; 1 to 3")
    lists = folder / "ucfTrainTestlist"
    classes: dict[str, int] = {}
    for line in _lines(lists / "classInd.txt"):
        count, _, name = line.partition(" ")
        if not count.isdigit() or not name:
            raise StudyError(f"{lists / 'classInd.txt'}: '{line}' is no number and class")
        classes[name] = int(count) - 1
    listed = lists / f"{part}list{number:02d}.txt"
    chosen = []
    for line in _lines(listed):
        name = line.split(" ")[0]
        kind = name.split("/")[0]
        if kind not in classes:
            raise StudyError(f"{listed}: class '{kind}' is not in classInd.txt")
        places = [folder / "UCF-101" / name, folder / name]
        file = next((place for place in places if place.is_file()), None)
        if file is None:
            raise StudyError(f"{listed}: lists {name}, which is not in {folder}")
        chosen.append((name, classes[kind], file))
    return chosen


def _lines(path: Path) -> Iterable[str]:
    try:
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
