"""Settings of the pair rule of spike timing."""

from typing import Literal

from pydantic import Field

from papers.learning_rules.settings.rule import LocalSettings
from replicortex.core.quantities import Positive


class PairSTDPSettings(LocalSettings):
    """The pair rule of spike timing."""

    kind: Literal["stdp_pair"]
    amplitude_plus: Positive
    ratio: Positive = Field(description="A-/A+")
    tau: Positive = Field(description="ms")
    window: Positive = Field(description="ms")
    lr_weights: Positive
