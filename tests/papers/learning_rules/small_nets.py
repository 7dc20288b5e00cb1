"""A small network's numbers and a small made-up CIFAR for the tests of training."""

from typing import Any, TypeVar

import numpy as np
import torch
import yaml
from pydantic import TypeAdapter

from papers.learning_rules.learners import bp, fa, pc, pc_supervised, stdp, stdp_pair
from papers.learning_rules.schema import AnyRule
from papers.learning_rules.settings.evaluation import Evaluation
from papers.learning_rules.settings.network import NetworkSettings
from papers.learning_rules.settings.sizes import Sizes
from papers.learning_rules.settings.training import TrainingSettings
from replicortex.core.section import Section

S = TypeVar("S", bound=Section)

NETWORK = NetworkSettings(widths=[6, 8, 10], grid=4, hidden=16, dropout=0.3)
TRAINING = TrainingSettings(
    images=80,
    subset="per_seed",
    test_images=30,
    batch=16,
    epochs=3,
    checkpoints=[0, 1, 3],
    crop_padding=4,
    flip=True,
    mean=[0.4914, 0.4822, 0.4465],
    sd=[0.247, 0.243, 0.261],
    fill_batches=7,
    precision="fp32",
)
EVALUATION = Evaluation(
    px=Sizes(train=32, large=48),
    sweep=[32, 40, 48],
    batch=8,
    poolings=["global", "grid", "full"],
    full_px=[32],
)
CPU = torch.device("cpu")
BUILD = {  # by kind
    "bp": bp.build,
    "fa": fa.build,
    "pc": pc.build,
    "stdp": stdp.build,
    "pc_supervised": pc_supervised.build,
    "stdp_pair": stdp_pair.build,
}


def changed(section: S, **values: Any) -> S:
    """Return a section with other values, unchecked: tests may ask for what no configuration holds."""
    return section.model_copy(update=values)


def rules(root: Any) -> dict[str, Any]:
    """Return the settings of each rule of the configuration."""
    written = yaml.safe_load((root / "config/papers/learning_rules.yaml").read_text())
    return TypeAdapter(dict[str, AnyRule]).validate_python(written["rules"])


def cifar(count: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures uint8 (n, 32, 32, 3) whose mean colour tells their label, and labels (n,)."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    colours = np.random.default_rng(99).integers(40, 216, (10, 3))
    noise = random.normal(0, 30, (count, 32, 32, 3))
    return (colours[labels][:, None, None] + noise).clip(0, 255).astype(np.uint8), labels


def batch(count: int = 12, side: int = 32, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Return normalised images (n, 3, side, side) and labels (n,)."""
    stream = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 3, side, side, generator=stream)
    return images, torch.randint(0, 10, (count,), generator=stream)
