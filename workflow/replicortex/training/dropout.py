"""Dropout from a stream of its own, the same units on every device."""

from __future__ import annotations

import torch


def dropout_factors(
    count: int, units: int, share: float, stream: torch.Generator, device: torch.device
) -> torch.Tensor | None:
    """Return dropout's factors (count, units), 0 or 1 / (1 - share); None when nothing is dropped.

    Drawn on the CPU, so that a GPU drops the same units.
    """
    if share == 0:
        return None
    kept = torch.rand(count, units, generator=stream) >= share
    return kept.to(device, torch.float32).div_(1 - share)
