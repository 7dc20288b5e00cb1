"""Settings of predictive coding with a clamped label."""

from typing import Literal

from papers.learning_rules.settings.rule import RuleSettings
from replicortex.core.quantities import Positive, PositiveInt


class SupervisedPCSettings(RuleSettings):
    """Predictive coding with a clamped label."""

    kind: Literal["pc_supervised"]
    steps: PositiveInt
    rate: Positive
    lr: Positive
