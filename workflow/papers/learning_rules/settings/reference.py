"""Settings of the network that stands beside the small ones: which, and how it is shown the stimuli."""

from typing import Annotated, Literal

from pydantic import Field

from papers.learning_rules.settings.evaluation import Pooling
from replicortex.core.quantities import Apart, Count, PositiveInt
from replicortex.core.section import Section

Packaged = Literal["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "mobilenet_v2"]


class ReferenceSettings(Section):
    """A network that others trained, and untrained twins of its form."""

    network: Packaged
    # Seven blocks and more: five strides of 2 leave a pixel.
    px: Annotated[int, Field(ge=32)] = Field(description="pixels")
    twins: PositiveInt = Field(description="untrained networks of its form")
    seed: Count = Field(description="of the twins' weights")
    fill_batch: PositiveInt = Field(description="stimuli of a pass that fills BatchNorm statistics")
    poolings: Annotated[list[Pooling], Apart] = Field(min_length=1)
    batch: PositiveInt = Field(description="stimuli; never changes results")
