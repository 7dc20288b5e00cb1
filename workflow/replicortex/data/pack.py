"""Recipes of packed datasets: many small public images in one file, and a digest of what they show.

The digest is over decoded pixels, since an archive's bytes depend on its writer. With the zlib that
most systems have, the packed files are even the very bytes that config/datasets.yaml declares.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import write_bytes
from replicortex.core.reading import reading
from replicortex.data import pictures
from replicortex.data.cifar import PACKED, read_packed

FLOC = "floc_128_gray.npz"
FLOC_SIDE = 128
FLOC_CATEGORIES = ["adult", "child", "body", "limb", "car", "instrument"]
FLOC_CATEGORIES += ["house", "corridor", "word", "number", "scrambled"]


def cifar10_jpeg(source: Path, folder: Path) -> str:
    """Pack the JPEGs of an image folder (train/<class>/<number>.jpg), class by class.

    Returns
    -------
    The digest of the decoded images and labels.
    """
    for split, name in PACKED.items():
        classes = sorted(path.name for path in (source / split).iterdir() if path.is_dir())
        contents, labels = [], []
        for label, word in enumerate(classes):
            names = (source / split / word).glob("*.jpg")
            for path in sorted(names, key=lambda p: int(p.stem)):
                contents.append(path.read_bytes())
                labels.append(label)
        packed = {
            "jpeg": np.frombuffer(b"".join(contents), dtype=np.uint8),
            "offsets": np.cumsum([0, *map(len, contents)]),
            "labels": np.array(labels, dtype=np.uint8),
            "classes": np.array(classes),
        }
        _write(folder / name, packed)
    return cifar10_digest(folder)


def cifar10_digest(folder: Path) -> str:
    """Return the sha256 over images and labels of both packed files."""
    digest = hashlib.sha256()
    for name in PACKED.values():
        images, labels, classes = read_packed(folder / name)
        digest.update(images.tobytes() + labels.astype(np.uint8).tobytes())
        digest.update("\n".join(classes).encode())
    return digest.hexdigest()


def floc_128(source: Path, folder: Path) -> str:
    """Pack the localizer images (stimuli/<category>/<category>-<number>.jpg) at 128 x 128, grey.

    Each pixel is the mean of the 8 x 8 pixels that it covers.

    Returns
    -------
    The digest of the reduced images and labels.

    Raises
    ------
    StudyError
        When an image is damaged, or its side is no multiple of 128.
    """
    images, labels, index = [], [], []
    for label, category in enumerate(FLOC_CATEGORIES):
        names = (source / "stimuli" / category).glob("*.jpg")
        for path in sorted(names, key=lambda p: int(p.stem.rpartition("-")[2])):
            grey = pictures.read(path, "L").astype(float)
            step, rest = divmod(grey.shape[0], FLOC_SIDE)
            if rest or not step or grey.shape[0] != grey.shape[1]:
                raise StudyError(
                    f"{path}: {grey.shape[1]} x {grey.shape[0]} pixels, a square expected whose side "
                    f"is a multiple of {FLOC_SIDE}"
                )
            blocks = grey.reshape(FLOC_SIDE, step, FLOC_SIDE, step)
            images.append(blocks.mean(axis=(1, 3)).round().astype(np.uint8))
            labels.append(label)
            index.append(int(path.stem.rpartition("-")[2]))
    _write(
        folder / FLOC,
        {
            "images": np.stack(images),
            "labels": np.array(labels, dtype=np.uint8),
            "index": np.array(index, dtype=np.uint8),
            "categories": np.array(FLOC_CATEGORIES),
        },
    )
    return floc_digest(folder)


def floc_digest(folder: Path) -> str:
    """Return a sha256 over coarse images (16 x 16, 16 grey levels) and labels.

    Coarse, because ways of reducing a picture differ by a grey level here and there.
    """
    path = folder / FLOC
    with reading(path, "the packed localizer set (npz)"), np.load(path) as packed:
        coarse = packed["images"].reshape(-1, 16, 8, 16, 8).mean(axis=(2, 4)) // 16
        labels = packed["categories"][packed["labels"]]
    order = np.argsort(labels, kind="stable")
    content = coarse[order].astype(np.uint8).tobytes()
    return sha256(content + "\n".join(labels[order]).encode())


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays in their order; numpy dates the members of an archive 1980 by itself."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    write_bytes(path, stream.getvalue())
