"""Random streams: one per seed and purpose, so that no draw depends on what ran before."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def stream_seed(seed: int, *purpose: str | int) -> int:
    """Return a 63-bit seed for one purpose ("augmentation", "order", ...) under a job's seed."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return a NumPy generator for one purpose under a job's seed."""
    return np.random.default_rng(stream_seed(seed, *purpose))


def torch_generator(seed: int, *purpose: str | int, device: str = "cpu") -> torch.Generator:
    """Return a torch generator for one purpose under a job's seed."""
    import torch

    return torch.Generator(device=device).manual_seed(stream_seed(seed, *purpose))
