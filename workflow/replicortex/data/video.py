"""Videos: found, decoded once to uint8 frames, UCF101's layout.

PyAV decodes. A video that cannot be decoded, or has fewer frames than a clip, is named, left out and
counted; when none is left, that is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from replicortex.data.frames import shard
from replicortex.errors import StudyError
from replicortex.files import Tensors
from replicortex.progress import iter_plainly

SUFFIXES = (".avi", ".mkv", ".mp4", ".webm", ".mov")


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
                # By default every frame starts a thread per core, which costs ten times the scaling.
                shown = frame.reformat(
                    width,
                    height,
                    format="gray" if grey else "rgb24",
                    interpolation="AREA",
                    threads=1,
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
