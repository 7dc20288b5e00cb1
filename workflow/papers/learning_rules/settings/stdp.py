"""Settings of spike timing as coded."""

from typing import Literal

from pydantic import Field

from papers.learning_rules.settings.rule import LocalSettings
from replicortex.core.quantities import Positive, PositiveInt


class STDPSettings(LocalSettings):
    """Spike timing as coded."""

    kind: Literal["stdp"]
    sign: Literal["coded", "stated"]
    amplitude: Positive
    tau: Positive = Field(description="time steps")
    steps: PositiveInt
    clip_update: Positive
    lr_weights: Positive
    clip_weight: Positive
