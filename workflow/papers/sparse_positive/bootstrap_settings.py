"""The section of the configuration on which intervals depend."""

from typing import Annotated

from pydantic import Field

from replicortex.core.quantities import Count, NotNegative
from replicortex.core.section import Section


class Bootstrap(Section):
    """Intervals over seeds and voxels."""

    draws: Annotated[int, Field(ge=2)]
    seed: Count
    tolerance: NotNegative = Field(description="of paired voxels' ceilings (r)")
