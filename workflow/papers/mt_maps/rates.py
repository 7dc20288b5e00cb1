"""Rates of units to clips: of a network's blocks, or of motion-energy units."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from papers.mt_maps import motion_energy
from papers.mt_maps.network import Network
from papers.mt_maps.training_settings import ClipSettings, MotionEnergySettings

# Grey clips (n, frames, size, size), 0 to 1 -> rates by block, (n, channels, rows, columns).
Rates = Callable[[np.ndarray], dict[str, np.ndarray]]


def of_network(
    network: Network, layers: list[str], clips: ClipSettings, device: torch.device
) -> Rates:
    """Return the rates of a network as it is when used: BatchNorm's statistics are fixed.

    Parameters
    ----------
    clips
        Mean and sd of the channels, as in training.
    """
    network = network.to(device).eval()
    mean, sd = (torch.tensor(values, device=device) for values in (clips.mean, clips.sd))

    @torch.no_grad()
    def rates(stimuli: np.ndarray) -> dict[str, np.ndarray]:
        given = torch.from_numpy(stimuli).to(device)[:, None]  # n, 1, frames, size, size
        given = (given - mean[:, None, None, None]) / sd[:, None, None, None]
        _, found = network(given, layers)
        return {layer: rate.float().cpu().numpy() for layer, rate in found.items()}

    return rates


def of_reference(numbers: MotionEnergySettings, layer: str, grid: int) -> Rates:
    """Return the rates of motion-energy units in the place of a layer."""
    return lambda stimuli: {layer: motion_energy.rates(stimuli, numbers, grid)}
