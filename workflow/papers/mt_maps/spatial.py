"""The spatial loss that training adds: units that lie close should answer alike (TDANN).

The total loss is the task's + alpha times the sum over layers. No gradient reaches positions.
"""

from __future__ import annotations

import torch

from replicortex.core.errors import StudyError


def correlations(responses: torch.Tensor) -> torch.Tensor:
    """Return Pearson correlations (units, units) over the batch of (batch, units); silent units get 0.

    In float32 under autocast too: eight bits of a product would move correlations by up to 0.01.
    """
    with torch.autocast(responses.device.type, enabled=False):
        centred = responses.float() - responses.float().mean(0)
        power = (centred**2).sum(0)
        scaled = centred / torch.where(power > 0, power, 1).sqrt()
        return scaled.T @ scaled


def spatial_loss(
    responses: torch.Tensor, positions: torch.Tensor, form: str = "relative"
) -> torch.Tensor:
    """Return the loss of one neighbourhood of one layer.

    Parameters
    ----------
    responses
        (batch, units), averaged over time.
    positions
        (units, 2), mm.
    form
        "relative": (1 - Pearson(r, D)) / 2 with r the units' correlations and D = 1 / (d + 1) over
        pairs, in [0, 1]; "absolute": mean of |r - D| (the control).

    Raises
    ------
    StudyError
        When the form is unknown, positions do not match, or fewer than 3 units or clips came.
    """
    if positions.shape != (responses.shape[1], 2):
        raise StudyError(
            f"spatial loss: positions {tuple(positions.shape)} found, "
            f"({responses.shape[1]}, 2) expected: they do not belong to this layer"
        )
    if min(responses.shape) < 3:
        raise StudyError(
            f"spatial loss: {responses.shape[0]} clips of {responses.shape[1]} units; "
            "at least 3 of both are needed"
        )
    first, second = torch.triu_indices(len(positions), len(positions), 1, device=positions.device)
    r = correlations(responses)[first, second]
    with torch.no_grad():
        near = 1 / (1 + (positions[first] - positions[second]).float().norm(dim=1))
    if form == "absolute":
        return (r - near).abs().mean()
    if form != "relative":
        raise StudyError(f"spatial loss: form '{form}' is unknown; valid are relative, absolute")
    r, near = r - r.mean(), near - near.mean()
    size = (r.square().sum() * near.square().sum()).clamp_min(1e-24).sqrt()
    return (1 - (r * near).sum() / size) / 2
