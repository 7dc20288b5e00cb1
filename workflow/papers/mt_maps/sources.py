"""What is looked at in training: videos, still pictures, noise; decoded or made once, a shard a job."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from papers.mt_maps.decoding_settings import FrameSettings, SourcePart
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import generator
from replicortex.data import frames, macaque_v4, video
from replicortex.data import manifest as manifests


def decode(
    *,
    part: SourcePart,
    store: FrameSettings,
    dataset: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, Tensors]:
    """Decode one part of a source.

    Parameters
    ----------
    part
        Which part of which source. Kinds: "ucf101": the training list of a split; "videos": all video
        files; "pictures": the images of V4 recordings; "noise": movies of white noise.
    store
        Section of the configuration: how frames are kept.
    dataset
        Manifest; None for noise.
    progress
        Wraps the loop over videos.

    Returns
    -------
    "frames": the part's shard, see `video.decode_all`, with its source.

    Raises
    ------
    StudyError
        When none of the videos can be used, there are fewer than parts, or a kind that needs a dataset
        has none.
    """
    if part.kind == "noise":
        made = _noise(part, store)
    elif dataset is None:
        raise StudyError(f"sources.{part.source}: the kind '{part.kind}' needs a dataset")
    elif part.kind == "pictures":
        made = _pictures(dataset, store)
    else:
        made = video.decode_all(
            _videos(part, store, dataset),
            size=store.size,
            fewest=part.fewest,
            grey=store.grey,
            most=store.most,
            progress=progress,
        )
    made.metadata["source"] = part.source
    return {"frames": made}


def _videos(part: SourcePart, store: FrameSettings, dataset: Path) -> list[tuple[str, Path]]:
    """Return name and file of the part's videos."""
    listed = manifests.load(dataset)
    if part.kind == "ucf101":
        (index,) = [name for name in listed.files if name.endswith("classInd.txt")]
        training = video.ucf101_split(listed.path(index).parent.parent, store.split, "train")
        videos = [(name, path) for name, _, path in training]
    else:
        names = [n for n in sorted(listed.files) if Path(n).suffix.lower() in video.SUFFIXES]
        videos = [(name, listed.path(name)) for name in names]
    if not videos:
        raise StudyError(f"dataset {listed.name}: it has no video ({', '.join(video.SUFFIXES)})")
    if part.parts > len(videos):
        raise StudyError(
            f"sources.{part.source}.shards: {part.parts} are more than the {len(videos)} videos of "
            f"dataset {listed.name}"
        )
    return videos[share(len(videos), part)]


def share(count: int, part: SourcePart) -> slice:
    """Return which of `count` items a part holds."""
    low, high = (round(count * number / part.parts) for number in (part.number, part.number + 1))
    return slice(low, high)


def _noise(part: SourcePart, store: FrameSettings) -> Tensors:
    """Return movies whose every pixel and frame is drawn alone: no object and no motion."""
    noise = part.noise
    if noise is None:
        raise StudyError(f"sources.{part.source}: the kind 'noise' needs noise")
    shape = (noise.frames, store.size, store.size, 1 if store.grey else 3)
    taken = []
    for number in range(noise.videos)[share(noise.videos, part)]:
        rng = generator(noise.seed, "noise", part.source, number)
        taken.append((f"noise/{number}", rng.integers(0, 256, shape, dtype=np.uint8)))
    return frames.shard(taken, {})


def _pictures(dataset: Path, store: FrameSettings) -> Tensors:
    """Return pictures, each a video of one frame; those of several sessions once."""
    from PIL import Image

    taken, seen = [], set()
    for session in store.sessions:
        _, images = macaque_v4.read_images(dataset, session)
        for number, image in enumerate(images):
            if image.tobytes() in seen:
                continue
            seen.add(image.tobytes())
            picture = Image.fromarray(image).convert("L" if store.grey else "RGB")
            small = np.asarray(picture.resize((store.size, store.size), Image.Resampling.BOX))
            taken.append((f"{session}/{number}", small.reshape(1, store.size, store.size, -1)))
    return frames.shard(taken, {})
