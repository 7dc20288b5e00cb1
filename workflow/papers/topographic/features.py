"""Frozen features from their file, and batches of them, whose views are noisy copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from replicortex.core.files import read_tensors
from replicortex.core.randomness import torch_generator


def read_features(path: Path, centred: bool) -> dict[str, np.ndarray]:
    """Return the arrays of a file of `frozen.freeze` or `lite0.extract`; with their mean, unless centred."""
    arrays, _ = read_tensors(path)
    if centred:
        return arrays
    featured = [name for name in arrays if name.endswith("/features") or name.startswith("noise/")]
    return arrays | {name: arrays[name] + arrays["mean"] for name in featured}


class FeatureViews:
    """Frozen features, with noise in place of augmentation.

    Parameters
    ----------
    features, labels
        float32 (n, size); int64 (n,).
    batch
        Images per batch; an incomplete last batch is dropped.
    seed
        Of the streams.
    views
        Views of each image.
    noise
        Its standard deviation, in the features' unit.
    device
        Where features are kept.
    """

    def __init__(
        self,
        features: torch.Tensor,
        labels: torch.Tensor,
        *,
        batch: int,
        seed: int,
        views: int,
        noise: float,
        device: torch.device,
    ) -> None:
        self.features, self.labels = features.to(device), labels.to(device)
        self.batch, self.seed, self.views = batch, seed, views
        self.noise, self.device = noise, device

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.features) // self.batch

    def draw(self, epoch: int | str) -> tuple[torch.Tensor, int | str]:
        """Return the epoch's order, and its name."""
        count = len(self.features)
        return torch.randperm(count, generator=torch_generator(self.seed, "order", epoch)), epoch

    def get(
        self, draws: tuple[torch.Tensor, int | str], step: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return batch number `step`: noisy features (views * batch, size), labels (batch,)."""
        order, epoch = draws
        chosen = order[step * self.batch : (step + 1) * self.batch].to(self.device)
        features = self.features[chosen].repeat(self.views, 1)
        stream = torch_generator(self.seed, "view", epoch, step)
        noise = torch.randn(features.shape, generator=stream).to(self.device)
        return features + self.noise * noise, self.labels[chosen]
