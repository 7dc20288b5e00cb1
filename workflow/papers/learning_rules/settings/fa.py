"""Settings of feedback alignment."""

from typing import Literal

from papers.learning_rules.settings.rule import RuleSettings
from replicortex.core.quantities import NotNegative, Positive, SharePart


class FASettings(RuleSettings):
    """Feedback alignment."""

    kind: Literal["fa"]
    dropout: bool
    layers: Literal["convs", "all"]
    lr: Positive
    momentum: SharePart
    weight_decay: NotNegative
    clip: Positive
