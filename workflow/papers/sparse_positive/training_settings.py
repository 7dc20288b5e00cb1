"""Sections of the configuration on which the networks trained here depend."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.core.quantities import NotNegative, Ordered, Positive, PositiveInt, Share
from replicortex.core.section import Section

Objective = Literal["supervised", "barlow"]


class NetworkSettings(Section):
    """The networks trained here."""

    width: PositiveInt = Field(description="channels of the first stage")
    blocks: list[PositiveInt] = Field(min_length=1)
    projector: PositiveInt = Field(description="units of each of its layers")


class ViewSettings(Section):
    """How a view of an image is drawn."""

    scale: Annotated[list[Share], Ordered] = Field(
        min_length=2, max_length=2, description="share of the area"
    )
    flip: Share
    brightness: Share
    contrast: Share
    grey: Share


class Supervised(Section):
    """Cross-entropy."""

    epochs: PositiveInt
    lr: Positive
    weight_decay: NotNegative
    views: ViewSettings


class Barlow(Supervised):
    """Barlow Twins."""

    off_diagonal: NotNegative = Field(description="lambda")


class TrainingSettings(Section):
    """Data and loop, the same for both objectives."""

    images: PositiveInt
    probed: PositiveInt
    batch: Annotated[int, Field(ge=2)]
    precision: Literal["fp32", "bf16"]
    warm_up: PositiveInt = Field(description="epochs")
    mean: list[Share] = Field(min_length=3, max_length=3)
    sd: list[Positive] = Field(min_length=3, max_length=3)
    network: NetworkSettings


class Learning(TrainingSettings):
    """One job: an objective with its numbers."""

    objective: Objective
    numbers: Barlow | Supervised
