"""Frozen features with noise in place of views."""

import pytest
import torch

from papers.topographic.features import FeatureViews

pytestmark = pytest.mark.numbers


def test_features_get_noise_of_the_asked_size():
    made = FeatureViews(
        torch.zeros(64, 500),
        torch.arange(64),
        batch=32,
        seed=2,
        views=2,
        noise=0.5,
        device=torch.device("cpu"),
    )
    features, labels = made.get(made.draw(0), 0)
    assert features.shape == (64, 500) and len(labels) == 32
    assert float(features.std()) == pytest.approx(0.5, rel=0.02)
