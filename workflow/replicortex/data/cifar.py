"""CIFAR-10, from the official archive or from the packed JPEGs."""

from __future__ import annotations

import gzip
import pickle
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from replicortex.core.errors import StudyError
from replicortex.core.reading import reading
from replicortex.data import manifest as manifests
from replicortex.data import pictures

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
BATCHES = {
    "train": [f"{FOLDER}/data_batch_{number}" for number in range(1, 6)],
    "test": [f"{FOLDER}/test_batch"],
}
PACKED = {"train": "cifar10_jpeg_train.npz", "test": "cifar10_jpeg_test.npz"}
Split = Literal["train", "test"]
Images = tuple[np.ndarray, np.ndarray, list[str]]


def read(manifest: Path, split: Split, indices: Sequence[int] | None = None) -> Images:
    """Return the images of one split.

    Parameters
    ----------
    manifest
        Of a dataset that holds the official archive, or the packed JPEGs.
    split
        "train" or "test".
    indices
        Images to return, in this order; all of them unless given.

    Returns
    -------
    Images, uint8 of shape (n, 32, 32, 3), RGB; labels, int64 of shape (n,); names of the classes.

    Raises
    ------
    StudyError
        When the files are not those of CIFAR-10, or are damaged.
    """
    dataset = manifests.load(manifest)
    if ARCHIVE in dataset.files:
        return read_archive(dataset.path(ARCHIVE), split, indices)
    if PACKED[split] in dataset.files:
        return read_packed(dataset.path(PACKED[split]), indices)
    raise StudyError(
        f"{manifest}: holds neither {ARCHIVE} nor {PACKED[split]}; found {sorted(dataset.files)}"
    )


def read_archive(path: Path, split: Split, indices: Sequence[int] | None = None) -> Images:
    """Return the images of the official archive (pickled batches in a tar.gz)."""
    wanted = [*BATCHES[split], f"{FOLDER}/batches.meta"]
    found: dict[str, dict[bytes, Any]] = {}
    with reading(path, "CIFAR-10's archive (tar.gz)"):
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if member.name in wanted and (part := archive.extractfile(member)):
                    found[member.name] = _Plain(part, encoding="bytes").load()
            while stream.read(1 << 20):
                pass  # gzip compares its checksum at the very end
        missing = [name for name in wanted if name not in found]
        if missing:
            raise StudyError(
                f"{path}: the archive lacks {missing[0]}; {len(found)} of its parts found"
            )
        batches = [found[name] for name in BATCHES[split]]
        images = np.concatenate([batch[b"data"] for batch in batches])
        labels = np.concatenate([_whole(batch[b"labels"]) for batch in batches])
        classes = [name.decode() for name in found[f"{FOLDER}/batches.meta"][b"label_names"]]
    if images.dtype != np.uint8 or images.shape != (len(labels), 3072):
        raise StudyError(
            f"{path}: images of {images.dtype} {images.shape}, uint8 ({len(labels)}, 3072) expected"
        )
    _known(labels, classes, path)
    if indices is not None:
        images, labels = images[indices], labels[indices]
    planes = images.reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels, classes


class _Plain(pickle.Unpickler):
    """Reads arrays and plain containers, and refuses everything else."""

    ALLOWED = frozenset(
        {
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} does not belong into CIFAR-10")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_packed(path: Path, indices: Sequence[int] | None = None) -> Images:
    """Return images packed as JPEG: bytes one after the other, their offsets, labels, classes."""
    expected = "packed CIFAR-10 (npz)"
    with reading(path, expected), np.load(path) as packed:
        jpeg, offsets = packed["jpeg"].tobytes(), packed["offsets"]
        labels = _whole(packed["labels"])
        classes = [str(name) for name in packed["classes"]]
        if len(offsets) != len(labels) + 1 or offsets[0] or offsets[-1] != len(jpeg):
            raise StudyError(
                f"{path}: {len(labels)} labels, {len(offsets) - 1} images, {len(jpeg)} bytes where "
                f"{offsets[-1]} are expected"
            )
    _known(labels, classes, path)
    wanted = range(len(labels)) if indices is None else indices
    images = np.empty((len(wanted), 32, 32, 3), dtype=np.uint8)
    for place, index in enumerate(wanted):
        content = jpeg[offsets[index] : offsets[index + 1]]
        with reading(path, f"{expected}, a JPEG of 32 x 32 pixels as its image {index}"):
            picture = pictures.decoded(content)
            if picture.shape != images.shape[1:]:  # NumPy would spread a single pixel over all
                raise ValueError(f"{picture.shape[1]} x {picture.shape[0]} pixels")
            images[place] = picture
    return images, labels[list(wanted)], classes


def _whole(labels: Any) -> np.ndarray:
    """Return labels as int64; NumPy alone would take 1.7 for 1."""
    found = np.asarray(labels)
    if found.dtype.kind not in "iu":
        raise ValueError(f"labels of {found.dtype}")
    return found.astype(np.int64)


def _known(labels: np.ndarray, classes: list[str], path: Path) -> None:
    if labels.ndim != 1 or not len(labels) or not 0 <= labels.min() <= labels.max() < len(classes):
        raise StudyError(f"{path}: labels from 0 to {len(classes) - 1} expected")
