"""Settings of predictive coding as coded: of its training, and of its inference afterwards."""

from typing import Literal

from papers.learning_rules.settings.rule import LocalSettings
from replicortex.core.quantities import Positive, PositiveInt


class PCSettings(LocalSettings):
    """Predictive coding as coded."""

    kind: Literal["pc"]
    steps: PositiveInt
    rate: Positive
    lr_weights: Positive
    clip_error: Positive
    clip_update: Positive
    features: Literal["inferred", "feedforward"]
