"""Videos: found, decoded once to uint8 frames, UCF101's layout.

PyAV decodes. A video that cannot be decoded, is damaged or incomplete, or has fewer frames than a clip,
is named, left out and counted; when none is left, that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.reading import reading
from replicortex.data.frames import shard
from replicortex.data.needed import ANYWHERE, Names, Needed

SUFFIXES = (".avi", ".mkv", ".mp4", ".webm", ".mov")
PLACEHOLDER = 8  # bytes: a packet as small holds no picture but says "the last one again" (MPEG-4)
LISTS, CLASSES = "ucfTrainTestlist", "classInd.txt"
SLACK = 1.5  # frames that a declared end may lie behind the last frame's: containers round


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

    As a player shows them: pixels that are not square are widened or narrowed, and frames are turned
    and mirrored as the file's display matrix says. Then the shorter side is scaled to `size` (area
    averaging) and the middle square cut out.

    Parameters
    ----------
    most
        How many of the first frames are wanted; what comes after them is not looked at.

    Raises
    ------
    StudyError
        When it cannot be decoded, has damaged frames, fewer frames than its stream declares, or ends
        before its stream is declared to end.
    """
    import av

    with reading(path, "a video"):
        try:
            with av.open(str(path)) as container:
                return np.stack(_frames(container, size, grey, most))
        except av.error.FileNotFoundError:
            raise
        except (av.error.FFmpegError, ValueError) as error:
            # FFmpeg's own words name the file once more.
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise StudyError(f"{path}: cannot be decoded ({why})") from error


def _frames(container: Any, size: int, grey: bool, most: int | None) -> list[np.ndarray]:
    """Return a video's frames, each uint8 (size, size, channels), `most` at most.

    Raises
    ------
    ValueError
        When it has no picture, is damaged, or ends before its declared end.
    """
    if not container.streams.video:
        raise ValueError("it has no picture")
    stream = container.streams.video[0]
    stream.thread_count = 1
    aspect = float(stream.sample_aspect_ratio or 1)
    frames: list[np.ndarray] = []
    placeholders, end = 0, None
    for packet in container.demux(stream):
        # What a sound stream has beside its pictures: frames that an edit cut off, or left as they are.
        placeholders += packet.is_discard or (packet.pts is not None and packet.size <= PLACEHOLDER)
        for frame in packet.decode():
            if frame.is_corrupt:
                raise ValueError(f"frame {len(frames) + 1} is damaged")
            frames.append(_displayed(frame, aspect, size, grey))
            if len(frames) == most:
                return frames
            end = (
                None if frame.pts is None else (frame.pts + (frame.duration or 0)) * frame.time_base
            )
    if not frames:
        raise ValueError("it has no frame")
    if len(frames) + placeholders < stream.frames:
        raise ValueError(f"{len(frames)} frames can be decoded, {stream.frames} are declared")
    declared = _declared_end(container, stream)
    if not stream.frames and declared is not None and end is not None and stream.average_rate:
        missing = float((declared - end) * stream.average_rate)
        if missing > SLACK:
            raise ValueError(
                f"{len(frames)} frames can be decoded, which end {float(declared - end):.2f} s "
                f"before the declared end"
            )
    return frames


def _declared_end(container: Any, stream: Any) -> Fraction | None:
    """Return when a stream without a count of its frames should end, in seconds; None: unknown."""
    if stream.duration is not None:
        base: Fraction = stream.time_base
        end: Fraction = (stream.start_time or 0) * base + stream.duration * base
        return end
    duration = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if duration:  # Matroska's
        return (int(duration[1]) * 60 + int(duration[2])) * 60 + Fraction(duration[3])
    # The file's own duration may be that of its sound.
    alone = len(container.streams) == 1 and container.duration is not None
    return Fraction(container.duration, 1_000_000) if alone else None


def _displayed(frame: Any, aspect: float, size: int, grey: bool) -> np.ndarray:
    """Return a frame as it is shown, scaled and cut: uint8 (size, size, 1 or 3)."""
    wide, high = frame.width * max(aspect, 1), frame.height * max(1 / aspect, 1)
    scale = size / min(wide, high)
    width, height = max(size, round(wide * scale)), max(size, round(high * scale))
    # By default every frame starts a thread per core, which costs ten times the scaling.
    pixels = frame.reformat(
        width, height, format="gray" if grey else "rgb24", interpolation="AREA", threads=1
    ).to_ndarray()
    pixels = _turned(pixels, frame)
    height, width = pixels.shape[:2]
    top, left = (height - size) // 2, (width - size) // 2
    cut = pixels[top : top + size, left : left + size]
    return cut[..., None] if grey else cut


def _turned(pixels: np.ndarray, frame: Any) -> np.ndarray:
    """Return a frame, (height, width, ...), turned and mirrored by its display matrix."""
    matrix = next((data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), None)
    if matrix is None:
        return pixels
    # ISO/IEC 14496-12, 8.3.2: x' = a x + c y, y' = b x + d y; 32-bit, one is 1 << 16.
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32, 9)
    if b == c == 0 and a and d:
        across, down = a, d
    elif a == d == 0 and b and c:
        pixels, across, down = pixels.swapaxes(0, 1), c, b
    else:
        raise ValueError(
            f"it is to be turned by {frame.rotation} degrees, which is no quarter turn"
        )
    return pixels[:: np.sign(down), :: np.sign(across)]


def decode_all(
    videos: Sequence[tuple[str, Path]],
    *,
    size: int,
    fewest: int,
    grey: bool = False,
    most: int | None = None,
    progress: Progress = iter_plainly,
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


def expected_ucf101(folder: Names, number: int, part: str) -> list[Needed]:
    """Return the files that `ucf101_split` asks for; videos as far as their list is there."""
    classes, videos = f"{LISTS}/{CLASSES}", f"{LISTS}/{_list(part, number)}"
    found = folder.find((f"{ANYWHERE}{classes}",))
    root = "" if found is None else found.removesuffix(classes)
    listed = folder.path / root / videos
    names = [line.partition(" ")[0] for line in _lines(listed)] if listed.is_file() else []
    needed: list[Needed] = [(f"{ANYWHERE}{classes}",), (f"{root}{videos}",)]
    for name in names or ["*/*.avi"]:
        needed.append(tuple(f"{root}{place}" for place in _video_places(name)))
    return needed


def _list(part: str, number: int) -> str:
    return f"{part}list{number:02d}.txt"


def _video_places(name: str) -> Needed:
    return f"UCF-101/{name}", name


def ucf101_split(folder: Path, number: int, part: str) -> list[tuple[str, int, Path]]:
    """Return (name, class, file) of a UCF101 split, in the order of its list.

    The official layout: ucfTrainTestlist/{classInd,trainlist01,testlist01}.txt beside the class
    folders, which lie at the top or in UCF-101/. Classes count from 0; the files count from 1.

    Raises
    ------
    StudyError
        When a list or a listed video is absent, a line cannot be read, a video is listed twice, or its
        class has another number than in classInd.txt.
    """
    if part not in ("train", "test") or number not in (1, 2, 3):
        raise StudyError(f"UCF101: split {part} {number} is unknown; valid are train, test; 1 to 3")
    lists = folder / LISTS
    classes: dict[str, int] = {}
    for line in _lines(lists / CLASSES):
        count, _, name = line.partition(" ")
        if not count.isdigit() or not name:
            raise StudyError(f"{lists / CLASSES}: '{line}' is no number and class")
        classes[name] = int(count) - 1
    listed = lists / _list(part, number)
    chosen, seen = [], set()
    for line in _lines(listed):
        name, _, given = line.partition(" ")
        kind = name.split("/")[0]
        if kind not in classes:
            raise StudyError(f"{listed}: class '{kind}' is not in classInd.txt")
        if given and given.strip() != str(classes[kind] + 1):
            raise StudyError(
                f"{listed}: gives {given.strip()} as the class of {name}, classInd.txt has "
                f"{classes[kind] + 1}"
            )
        if name in seen:
            raise StudyError(f"{listed}: lists {name} twice")
        seen.add(name)
        places = [folder / place for place in _video_places(name)]
        file = next((place for place in places if place.is_file()), None)
        if file is None:
            raise StudyError(f"{listed}: lists {name}, which is not in {folder}")
        chosen.append((name, classes[kind], file))
    return chosen


def _lines(path: Path) -> Iterable[str]:
    with reading(path, "a list of UCF101"):
        lines = path.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]
