"""The four objectives: cross-entropy, SupCon, SimCLR and the margin loss that knows animacy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from papers.topographic.images import ANIMATE
from replicortex.training.contrastive import nt_xent, supcon

if TYPE_CHECKING:
    from papers.topographic.training_settings import Plain

VIEWS = {"ce": 1, "margin": 1, "supcon": 2, "simclr": 2}


def margin_loss(
    vectors: torch.Tensor,
    labels: torch.Tensor,
    *,
    same: float,
    near: float,
    far: float,
) -> torch.Tensor:
    """Mean over unordered pairs of squared hinges on d = 1 - cosine (paper, section 2).

    Parameters
    ----------
    vectors
        (n, d), of unit norm.
    labels
        (n,), classes of CIFAR-10.
    same
        Pairs of one class: max(0, d - same)^2.
    near
        Other class, same animacy: max(0, near - d)^2.
    far
        Other animacy: max(0, far - d)^2.
    """
    first, second = torch.triu_indices(len(vectors), len(vectors), 1, device=vectors.device)
    distance = 1 - (vectors @ vectors.T)[first, second]
    alive = torch.tensor(ANIMATE, device=labels.device)[labels]
    alike = labels[first] == labels[second]
    wanted = torch.where(alive[first] == alive[second], near, far)
    return torch.where(alike, F.relu(distance - same), F.relu(wanted - distance)).square().mean()


def task_loss(
    objective: str, out: torch.Tensor, labels: torch.Tensor, numbers: Plain
) -> torch.Tensor:
    """Return the loss of the head's output, in single precision also where autocast is on.

    Parameters
    ----------
    objective
        ce, margin, supcon or simclr.
    out
        Class scores, or unit vectors; with two views, all first ones and then all second ones.
    labels
        (n,), of one view.
    numbers
        The objective's entry of the configuration.
    """
    # Products of unit vectors in bf16, divided by a temperature of 0.07, would be off by 0.03.
    with torch.autocast(out.device.type, enabled=False):
        out = out.float()
        if objective == "ce":
            return F.cross_entropy(out, labels)
        if objective == "margin":
            return margin_loss(out, labels, **numbers.margins.model_dump())
        if objective == "supcon":
            return supcon(out, labels.repeat(2), numbers.temperature)
        return nt_xent(out, numbers.temperature)
