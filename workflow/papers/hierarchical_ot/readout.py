"""What a network says of stimuli: its outputs, and its layers."""

from __future__ import annotations

import numpy as np
import torch

TESTED = 250  # images or passages at once


@torch.no_grad()
def outputs(network: torch.nn.Module, stimuli: torch.Tensor) -> torch.Tensor:
    """Return a network's outputs for stimuli, in evaluation."""
    was = network.training
    network.eval()
    found = torch.cat([network(part)[1] for part in stimuli.split(TESTED)])
    network.train(was)
    return found


@torch.no_grad()
def layers(network: torch.nn.Module, stimuli: torch.Tensor) -> list[np.ndarray]:
    """Return a network's layers for stimuli, in evaluation: float32 (stimuli, units) each."""
    network.eval()
    parts = [[layer.cpu().numpy() for layer in network(part)[0]] for part in stimuli.split(TESTED)]
    return [np.concatenate(pieces).astype(np.float32) for pieces in zip(*parts, strict=True)]
