"""Inference of predictive coding as coded: representations settle under top-down predictions.

[code]: the predictions come from transposed convolutions that are random and never trained.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F


def pooled_kernel(weight: torch.Tensor) -> torch.Tensor:
    """Return the 4x4 kernel that, with stride 2, does a 3x3 convolution and a 2x2 average at once.

    Parameters
    ----------
    weight
        (outputs, inputs, 3, 3) of a convolution with padding 1.
    """
    wide = F.pad(weight, (0, 1, 0, 1))
    wide = wide + F.pad(weight, (1, 0, 0, 1)) + F.pad(weight, (0, 1, 1, 0))
    return (wide + F.pad(weight, (1, 0, 1, 0))) / 4


def settle(
    maps: list[torch.Tensor],
    *,
    forward: tuple[torch.Tensor, torch.Tensor],
    feedback: tuple[torch.Tensor, torch.Tensor],
    steps: int,
    rate: float,
) -> list[torch.Tensor]:
    """Return the three representations after `steps` steps.

    e1 = r1 - tanh(up(P2 r2)), e2 = r2 - tanh(up(P3 r3)); then at once
    r1 <- relu(r1 - rate e1), r2 <- relu(r2 + rate (pool(W2 e1) - e2)),
    r3 <- relu(r3 + rate pool(W3 e2)); up is nearest, pool the 2x2 average.

    Parameters
    ----------
    maps
        r1, r2, r3 of the forward pass, (n, channels, side, side), the side halving each time.
    forward
        W2, W3 as `pooled_kernel` gives them.
    feedback
        P2, P3: (channels above, channels below, 3, 3).
    steps, rate
        How many, and how far each goes.
    """
    r1, r2, r3 = maps
    for _ in range(steps):
        # tanh before enlarging: the same numbers for a quarter of the work.
        e1 = r1 - enlarge(torch.tanh(F.conv_transpose2d(r2, feedback[0], padding=1)), r1)
        e2 = r2 - enlarge(torch.tanh(F.conv_transpose2d(r3, feedback[1], padding=1)), r2)
        r1 = F.relu(r1.sub(e1, alpha=rate))
        up2 = F.conv2d(e1, forward[0], stride=2, padding=1)
        r2 = F.relu(r2.add(up2.sub_(e2), alpha=rate))
        r3 = F.relu(r3.add(F.conv2d(e2, forward[1], stride=2, padding=1), alpha=rate))
    return [r1, r2, r3]


def enlarge(maps: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return maps enlarged to another's height and width by repeating the nearest value."""
    return F.interpolate(maps, size=like.shape[-2:], mode="nearest")
