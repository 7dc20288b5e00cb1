"""Settings of what trained networks are shown, and how their answers are laid out."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from papers.learning_rules.settings.sizes import Side, Sizes
from replicortex.core.quantities import Apart, PositiveInt
from replicortex.core.section import Section

Pooling = Literal["global", "grid", "full"]


class Evaluation(Section):
    """What the trained networks are shown, and how their answers are laid out."""

    px: Sizes
    sweep: Annotated[list[Side], Apart] = Field(min_length=1, description="pixels")
    batch: PositiveInt = Field(description="stimuli")
    poolings: Annotated[list[Pooling], Apart] = Field(min_length=1)
    full_px: Annotated[list[Side], Apart] = Field(description="pixels")

    @model_validator(mode="after")
    def _belong_together(self) -> "Evaluation":
        """Refuse sizes and poolings without those that tables and figures are made of."""
        if "global" not in self.poolings:
            raise ValueError(
                f"poolings: {self.poolings} lacks 'global', of which tables and figures are made"
            )
        if self.px.train == self.px.large:
            raise ValueError(
                f"px: train and large are both {self.px.train}; two sizes are compared, and tables "
                "would hold each row twice"
            )
        if self.px.train not in self.sweep:
            raise ValueError(
                f"sweep: {self.sweep} lacks px.train, {self.px.train}, from which it starts"
            )
        return self
