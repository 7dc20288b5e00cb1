"""Responses reduced to their first principal components, of one mean norm whatever the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from papers.topographic.training_settings import FrozenSettings


class Components:
    """The first principal components of responses, all scaled by one number.

    Parameters
    ----------
    responses
        float64 (n, units), of the training images.
    numbers
        Section `network.frozen`: size (components) and norm (the mean norm of what is returned for
        these responses).

    Attributes
    ----------
    mean
        What these components hold of the mean response, scaled as they are, float32 (size,): added to
        features, it gives those of responses that were never centred.
    """

    def __init__(self, responses: np.ndarray, numbers: FrozenSettings) -> None:
        self.centre = responses.mean(0)
        _, vectors = np.linalg.eigh(np.cov(responses, rowvar=False))
        self.components = vectors[:, ::-1][:, : numbers.size]
        reduced = (responses - self.centre) @ self.components
        self.scale = numbers.norm / np.linalg.norm(reduced, axis=1).mean()
        self.mean = (self.scale * (self.centre @ self.components)).astype(np.float32)

    def __call__(self, responses: np.ndarray) -> np.ndarray:
        """Return features, float32 (n, size), of responses (n, units)."""
        reduced = (responses - self.centre) @ self.components
        return (self.scale * reduced).astype(np.float32)
