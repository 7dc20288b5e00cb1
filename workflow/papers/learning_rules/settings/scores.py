"""Settings of the comparison with brains: what each of its two jobs reads."""

from typing import Annotated, Literal

from pydantic import Field

from papers.learning_rules.settings.evaluation import Pooling
from replicortex.core.quantities import Apart, Count, Positive, PositiveInt
from replicortex.core.section import Section

Layer = Literal["conv1", "conv2", "conv3", "fc1"]


class Gabor(Section):
    """The Gabor bank of the low-level control."""

    orientations: PositiveInt
    wavelengths: list[Positive] = Field(min_length=1, description="pixels")


class Resampling(Section):
    """The bootstrap over stimuli, the same for brains and networks."""

    bootstrap_draws: Annotated[int, Field(ge=2)]
    bootstrap_seed: Count


class BrainScores(Resampling):
    """What the brain's side reads."""

    gabor: Gabor
    lowlevel_px: PositiveInt = Field(description="pixels")


class NetworkScores(Resampling):
    """What the scoring of networks reads."""

    bootstrap_layers: Annotated[list[Layer], Apart] = Field(min_length=1)
    bootstrap_poolings: Annotated[list[Pooling], Apart] = Field(min_length=1)
