"""Videos: decoded once to uint8 frames, kept in a memory-mapped store, cut into clips when needed.

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
from replicortex.progress import iter_plainly

SUFFIXES = (".avi", ".mkv", ".mp4", ".webm", ".mov")
INDEX = "index.json"


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


def write_store(
    videos: Sequence[tuple[str, Path]],
    folder: Path,
    *,
    size: int,
    fewest: int,
    grey: bool = False,
    most: int | None = None,
    shard_bytes: int = 256_000_000,
    progress=iter_plainly,
) -> None:
    """Decode videos into shards of .npy files and an index with the sha256 of each.

    Parameters
    ----------
    videos
        (name, file) in the order in which they get their numbers.
    folder
        Made if absent.
    size
        Side of the frames, pixels.
    fewest
        Frames below which a video is left out.
    most
        Frames kept of each video; None keeps all.

    Raises
    ------
    StudyError
        When no video is left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict] = []
    left_out: dict[str, str] = {}
    shards: list[dict] = []
    waiting: list[np.ndarray] = []

    def flush() -> None:
        if waiting:
            name = f"frames_{len(shards):04d}.npy"
            np.save(folder / name, np.concatenate(waiting))
            shards.append({"file": name, "sha256": _sha256(folder / name)})
            waiting.clear()

    for name, path in progress(videos, desc="decoding", total=len(videos)):
        try:
            frames = decode(path, size, grey=grey, most=most)
        except StudyError as error:
            left_out[name] = str(error).removeprefix(f"{path}: ")
            continue
        if len(frames) < fewest:
            left_out[name] = f"{len(frames)} frames found, at least {fewest} expected"
            continue
        start = sum(len(part) for part in waiting)
        entries.append({"name": name, "shard": len(shards), "start": start, "frames": len(frames)})
        waiting.append(frames)
        if sum(part.nbytes for part in waiting) >= shard_bytes:
            flush()
    flush()
    if not entries:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:3])
        raise StudyError(f"videos: none of {len(videos)} can be used ({reasons})")
    index = {"shards": shards, "videos": entries, "left_out": left_out}
    (folder / INDEX).write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def open_store(folder: Path, *, check: bool = False) -> Store:
    """Return the store that `write_store` wrote; `check` reads all of it and compares sha256.

    Raises
    ------
    StudyError
        When it is absent or no store, or (`check`) a shard was changed.
    """
    try:
        index = json.loads((folder / INDEX).read_text())
        videos = [Video(**entry) for entry in index["videos"]]
        shards = []
        for shard in index["shards"]:
            path = folder / shard["file"]
            if check and _sha256(path) != shard["sha256"]:
                raise StudyError(f"{path}: was changed after it was written (its sha256 differs)")
            shards.append(np.load(path, mmap_mode="r"))
        return Store(shards, videos, index["left_out"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{folder}: is no store of decoded videos ({error})") from None


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


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
