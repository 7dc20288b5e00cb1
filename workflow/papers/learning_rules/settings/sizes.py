"""The two sides of the stimuli that every table holds."""

from typing import Annotated

from pydantic import Field

from replicortex.core.section import Section

# Three blocks halve a side three times; what is left must have a pixel.
Side = Annotated[int, Field(ge=8)]


class Sizes(Section):
    """Sides of the stimuli."""

    train: Side = Field(description="pixels")
    large: Side = Field(description="pixels")

    @property
    def both(self) -> list[int]:
        """The small side, then the large one, pixels."""
        return [self.train, self.large]
