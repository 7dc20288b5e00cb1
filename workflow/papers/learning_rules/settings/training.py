"""Settings of the training that all rules share: data and loop."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from replicortex.core.quantities import Count, Positive, PositiveInt, Share
from replicortex.core.section import Section


class TrainingSettings(Section):
    """Data and loop, the same for every rule."""

    images: PositiveInt
    subset: Literal["per_seed", "fixed"]
    test_images: PositiveInt
    batch: PositiveInt = Field(description="images")
    epochs: PositiveInt
    checkpoints: list[Count] = Field(min_length=1, description="epochs")
    crop_padding: Annotated[int, Field(ge=0, le=32)] = Field(description="pixels")
    flip: bool
    mean: list[Share] = Field(min_length=3, max_length=3)
    sd: list[Positive] = Field(min_length=3, max_length=3)
    fill_batches: PositiveInt
    precision: Literal["fp32", "bf16"]

    @model_validator(mode="after")
    def _belong_together(self) -> "TrainingSettings":
        """Refuse checkpoints that do not run from 0 to the last epoch, and batches larger than the data."""
        late = [epoch for epoch in self.checkpoints if epoch > self.epochs]
        if late:
            raise ValueError(f"checkpoints: {late[0]} lies beyond the last epoch ({self.epochs})")
        if sorted(set(self.checkpoints)) != self.checkpoints or self.checkpoints[0] != 0:
            raise ValueError(
                f"checkpoints: {self.checkpoints} must start at 0 and increase without repeats"
            )
        if self.checkpoints[-1] != self.epochs:
            raise ValueError(
                f"checkpoints: the last is {self.checkpoints[-1]}, epochs is {self.epochs}; the last "
                "epoch must be kept, for the tests over seeds and the figures"
            )
        if self.batch > self.images:
            raise ValueError(f"batch: {self.batch} is more than the {self.images} training images")
        return self
