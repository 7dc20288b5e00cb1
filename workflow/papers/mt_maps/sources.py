"""What is looked at in training: videos, still pictures, noise; decoded or made once, a shard a job."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator
from replicortex.data import frames, macaque_v4, video
from replicortex.data import manifest as manifests


def decode(
    *,
    source: str,
    kind: str,
    size: int,
    grey: bool,
    fewest: int,
    most: int | None,
    split: int,
    sessions: list[str],
    shard: int,
    shards: int,
    dataset: Path | None = None,
    noise: dict[str, int] | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, Tensors]:
    """Decode one shard of a source.

    Parameters
    ----------
    source
        Its name in the configuration.
    kind
        "ucf101": the training list of a split; "videos": all video files; "pictures": the images of
        V4 recordings; "noise": movies of white noise.
    size, grey
        Side of the frames in pixels, and whether they have one channel.
    fewest, most
        Frames that a video needs, and those that are kept (None: all).
    split, sessions
        Of UCF101, and of the recordings.
    shard, shards
        Which of how many equal parts of the list.
    dataset
        Manifest; None for noise.
    noise
        For noise: how many videos of how many frames, and the seed.

    Returns
    -------
    "frames": the shard, see `video.decode_all`, with its source.

    Raises
    ------
    StudyError
        When none of the videos can be used, or a kind that needs a dataset has none.
    """
    if kind == "noise":
        made = _noise(source, noise, size, grey, shard, shards)
    elif dataset is None:
        raise StudyError(f"sources.{source}: the kind '{kind}' needs a dataset")
    elif kind == "pictures":
        made = _pictures(dataset, sessions, size, grey)
    else:
        listed = manifests.load(dataset)
        if kind == "ucf101":
            (index,) = [name for name in listed.files if name.endswith("classInd.txt")]
            folder = listed.path(index).parent.parent
            videos = [(name, path) for name, _, path in video.ucf101_split(folder, split, "train")]
        else:
            names = [n for n in sorted(listed.files) if Path(n).suffix.lower() in video.SUFFIXES]
            videos = [(name, listed.path(name)) for name in names]
        if not videos:
            raise StudyError(
                f"dataset {listed.name}: it has no video ({', '.join(video.SUFFIXES)})"
            )
        if shards > len(videos):
            raise StudyError(
                f"sources.{source}.shards: {shards} are more than the {len(videos)} videos of dataset "
                f"{listed.name}"
            )
        made = video.decode_all(
            videos[part(len(videos), shard, shards)],
            size=size,
            fewest=fewest,
            grey=grey,
            most=most,
            progress=progress,
        )
    made.metadata["source"] = source
    return {"frames": made}


def part(count: int, shard: int, shards: int) -> slice:
    """Return which of `count` items a shard holds."""
    low, high = (round(count * number / shards) for number in (shard, shard + 1))
    return slice(low, high)


def _noise(
    source: str, noise: dict[str, int], size: int, grey: bool, shard: int, shards: int
) -> Tensors:
    """Return movies whose every pixel and frame is drawn alone: no object and no motion."""
    shape = (noise["frames"], size, size, 1 if grey else 3)
    taken = []
    for number in range(noise["videos"])[part(noise["videos"], shard, shards)]:
        rng = generator(noise["seed"], "noise", source, number)
        taken.append((f"noise/{number}", rng.integers(0, 256, shape, dtype=np.uint8)))
    return frames.shard(taken, {})


def _pictures(dataset: Path, sessions: list[str], size: int, grey: bool) -> Tensors:
    """Return pictures, each a video of one frame; those of several sessions once."""
    from PIL import Image

    taken, seen = [], set()
    for session in sessions:
        _, images = macaque_v4.read_images(dataset, session)
        for number, image in enumerate(images):
            if image.tobytes() in seen:
                continue
            seen.add(image.tobytes())
            shown = Image.fromarray(image).convert("L" if grey else "RGB")
            small = np.asarray(shown.resize((size, size), Image.Resampling.BOX))
            taken.append((f"{session}/{number}", small.reshape(1, size, size, -1)))
    return frames.shard(taken, {})
