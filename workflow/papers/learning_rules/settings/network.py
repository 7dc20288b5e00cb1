"""Settings of the network that all rules train."""

from pydantic import Field

from replicortex.core.quantities import PositiveInt, SharePart
from replicortex.core.section import Section


class NetworkSettings(Section):
    """Three convolution blocks and two linear layers."""

    widths: list[PositiveInt] = Field(min_length=3, max_length=3, description="channels")
    grid: PositiveInt = Field(description="side of the pool in front of fc1")
    hidden: PositiveInt = Field(description="units of fc1")
    dropout: SharePart
