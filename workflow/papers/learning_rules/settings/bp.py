"""Settings of backpropagation."""

from typing import Literal

from pydantic import Field

from papers.learning_rules.settings.rule import RuleSettings
from replicortex.core.quantities import NotNegative, Positive


class BPSettings(RuleSettings):
    """Backpropagation."""

    kind: Literal["bp"]
    dropout: bool
    lr: Positive
    weight_decay: NotNegative
    clip: Positive
    second_pass: bool
    relu_first: bool = Field(description="a ReLU before BatchNorm too, as STDP's blocks have")
