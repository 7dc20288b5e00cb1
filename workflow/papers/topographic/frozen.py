"""Frozen features in place of a trained trunk: random whitened patches (Coates and Ng 2012).

The small tier on a CPU: everything above the trunk is the paper's, so that what the topographic
loss does to the sheet can be seen in seconds. What it cannot show is said in README.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from papers.topographic import images as pictures
from papers.topographic.components import Components
from papers.topographic.measuring_settings import NoiseSettings
from papers.topographic.noise import noisy
from papers.topographic.training_settings import FrozenSettings, Split
from replicortex.core.files import Tensors
from replicortex.core.randomness import generator

SOFT = 0.25  # threshold of the responses [assumed]
SMOOTH = 10 / 255  # added to a patch's s.d., about the size of noise [assumed]
WHITEN = 0.1  # added to the eigenvalues of the patches' covariance [assumed]
CHUNK = 100  # images at a time


class Patches:
    """Responses to random whitened patches, pooled over quadrants, reduced by SVD.

    Parameters
    ----------
    images
        uint8 (n, side, side, 3) from which filters and components are learned.
    numbers
        Section `network.frozen`: patch (pixels), filters, samples, size (components), norm (mean
        norm of the features), seed.
    """

    def __init__(self, images: np.ndarray, numbers: FrozenSettings) -> None:
        rng = generator(numbers.seed, "patches")
        self.patch = numbers.patch
        places = images.shape[1] - self.patch + 1
        which = rng.integers(0, len(images), numbers.samples)
        rows, columns = rng.integers(0, places, (2, numbers.samples))
        cut = np.stack(
            [
                images[i, r : r + self.patch, c : c + self.patch]
                for i, r, c in zip(which, rows, columns, strict=True)
            ]
        )
        flat = self._standard(cut.reshape(len(cut), -1).astype(np.float32) / 255)
        self.mean = flat.mean(0)
        values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
        whiten = (vectors / np.sqrt(values + WHITEN)) @ vectors.T
        chosen = (flat[: numbers.filters] - self.mean) @ whiten
        chosen /= np.linalg.norm(chosen, axis=1, keepdims=True)
        self.filters = (whiten @ chosen.T).astype(np.float32)
        self.components = Components(self._responses(images), numbers)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return features, float32 (n, size), of images in bytes or in [0, 1]."""
        return self.components(self._responses(images))

    def _standard(self, flat: np.ndarray) -> np.ndarray:
        flat = flat - flat.mean(-1, keepdims=True)
        return flat / (flat.std(-1, keepdims=True) + SMOOTH)

    def _responses(self, images: np.ndarray) -> np.ndarray:
        parts = [self._chunk(images[i : i + CHUNK]) for i in range(0, len(images), CHUNK)]
        return np.concatenate(parts).astype(np.float64)

    def _chunk(self, images: np.ndarray) -> np.ndarray:
        """Return responses of some images, float32 (n, 8 x filters): both signs of each filter by quadrant.

        What lies above SOFT, as a mean over the places of a quadrant, all of them one pixel apart.
        """
        scale = 255 if images.dtype == np.uint8 else 1
        images = images.astype(np.float32) / scale
        windows = np.lib.stride_tricks.sliding_window_view(images, (self.patch, self.patch), (1, 2))
        windows = np.moveaxis(windows, 3, -1)  # (n, rows, columns, patch, patch, 3)
        count, rows, columns = windows.shape[:3]
        flat = self._standard(windows.reshape(count, rows, columns, -1))
        found = (flat - self.mean) @ self.filters
        found = np.concatenate([np.maximum(found - SOFT, 0), np.maximum(-found - SOFT, 0)], -1)
        half, middle = rows // 2, columns // 2
        quadrants = [
            found[:, r, c].mean((1, 2))
            for r in (slice(None, half), slice(half, None))
            for c in (slice(None, middle), slice(middle, None))
        ]
        return np.concatenate(quadrants, 1)


def freeze(
    *,
    images: Path,
    split: Split,
    frozen: FrozenSettings,
    noise: NoiseSettings,
    floc: Path | None = None,
) -> dict[str, Tensors]:
    """Compute the features of every image that training and measuring show.

    Parameters
    ----------
    images
        Manifest of a CIFAR-10 data set.
    split, frozen, noise
        Sections `split`, `network.frozen` and `noise` of the configuration.
    floc
        Manifest of the localizer images, when categories are measured.

    Returns
    -------
    "features": "{part}/features" (n, size) and "{part}/labels" for train, validation and test;
    "noise/{kind}/{level}" for the first `noise.images` of each class; "floc/features"; "mean" (size,), that
    of the features, were they not centred.
    """
    parts = pictures.read(images, split)
    patches = Patches(parts["train"].images, frozen)
    arrays = {"mean": patches.components.mean}
    for name, part in parts.items():
        arrays[f"{name}/labels"] = part.labels
        if len(part.images):
            arrays[f"{name}/features"] = patches(part.images)
    for name, noised in noise_conditions(parts["test"], noise):
        arrays[name] = patches(noised)
    if floc is not None:
        from replicortex.data import floc as localizer

        arrays["floc/features"] = patches(localizer.small(localizer.read(floc)[0]))
    return {"features": Tensors(arrays, {"frozen": frozen.model_dump()})}


def noise_conditions(test: pictures.Labelled, noise: NoiseSettings):
    """Yield name and images, float in [0, 1], of each noise condition, the clean one included."""
    chosen = pictures.of_each_class(test.labels, 0, noise.images, "noise.images")
    clean = test.images[chosen] / 255
    yield "noise/none/0", clean
    for kind in noise.kinds:
        for level in noise.levels:
            yield f"noise/{kind}/{level:g}", noisy(clean, kind, level, noise.seed)
