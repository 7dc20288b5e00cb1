"""Contrastive losses on unit vectors: supervised (Khosla et al. 2020) and SimCLR's (Chen et al. 2020)."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from replicortex.core.errors import StudyError


def supcon(vectors: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean over anchors of -1/|P(i)| sum_p log(exp(s_ip / T) / sum_(a != i) exp(s_ia / T)).

    The "out" form of arXiv 2004.11362, eq. 2, natural logarithm, every vector an anchor. s is the
    cosine, P(i) the other vectors of the anchor's label.

    Parameters
    ----------
    vectors
        (n, d); normalised here.
    labels
        (n,); vectors of one label attract each other.
    temperature
        T.

    Raises
    ------
    StudyError
        When a vector has no other of its label.
    """
    vectors = F.normalize(vectors.float(), dim=1)
    own = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    cosines = (vectors @ vectors.T / temperature).masked_fill(own, -torch.inf)
    positive = (labels[:, None] == labels[None, :]) & ~own
    if not positive.any(1).all():
        raise StudyError("contrastive loss: a vector has no other of its label in the batch")
    logs = F.log_softmax(cosines, dim=1)
    return -(logs.masked_fill(~positive, 0).sum(1) / positive.sum(1)).mean()


def nt_xent(vectors: torch.Tensor, temperature: float) -> torch.Tensor:
    """SimCLR's loss (arXiv 2002.05709, eq. 1): `supcon` with each image a label of its own.

    Parameters
    ----------
    vectors
        (2 n, d): first views of n images, then second views in the same order.
    temperature
        Divides the cosines.
    """
    pairs = torch.arange(len(vectors) // 2, device=vectors.device).repeat(2)
    return supcon(vectors, pairs, temperature)
