"""Contrastive losses against pytorch-metric-learning, loops and closed forms."""

import math

import pytest
import torch

from replicortex.core.errors import StudyError
from replicortex.core.randomness import torch_generator
from replicortex.training.contrastive import nt_xent, supcon

pytestmark = pytest.mark.numbers

T = 0.07


def vectors(n=12, d=6):
    return torch.randn(n, d, generator=torch_generator(0, "vectors"), dtype=torch.float32)


def test_supcon_is_the_double_loop():
    x, labels = vectors(), torch.arange(12) % 3
    unit = x / x.norm(dim=1, keepdim=True)
    total = 0.0
    for i in range(12):
        below = sum(math.exp(float(unit[i] @ unit[a]) / T) for a in range(12) if a != i)
        mates = [p for p in range(12) if p != i and labels[p] == labels[i]]
        total -= sum(float(unit[i] @ unit[p]) / T - math.log(below) for p in mates) / len(mates)
    assert float(supcon(x, labels, T)) == pytest.approx(total / 12, rel=1e-5)


def test_a_library_gives_the_same():
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    x, labels = vectors(), torch.arange(12) % 4
    theirs = losses.SupConLoss(temperature=T)(x, labels)
    assert float(supcon(x, labels, T)) == pytest.approx(float(theirs), rel=1e-5)
    pairs = torch.arange(6).repeat(2)
    theirs = losses.NTXentLoss(temperature=T)(x, pairs)
    assert float(nt_xent(x, T)) == pytest.approx(float(theirs), rel=1e-5)


def test_collinear_vectors_give_the_logarithm_of_the_others():
    assert float(nt_xent(torch.ones(10, 3), T)) == pytest.approx(math.log(9), rel=1e-6)


def test_unique_labels_make_supcon_nt_xent():
    x = vectors()
    assert torch.equal(supcon(x, torch.arange(6).repeat(2), T), nt_xent(x, T))


def test_a_lonely_vector_is_refused():
    with pytest.raises(StudyError, match="no other of its label"):
        supcon(vectors(3), torch.tensor([0, 0, 1]), T)
