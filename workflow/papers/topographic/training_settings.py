"""Sections of the configuration on which a training depends."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from replicortex.core.quantities import (
    Count,
    NotNegative,
    Ordered,
    Positive,
    PositiveInt,
    Share,
    SharePart,
)
from replicortex.core.section import Section

Objective = Literal["ce", "margin", "supcon", "simclr"]
Trunk = Literal["resnet", "frozen", "lite0"]
SIDE = 32  # of CIFAR's images, pixels


class Split(Section):
    """Images of each class."""

    validation: Count
    train: PositiveInt
    test: PositiveInt


class FrozenSettings(Section):
    """Features of random whitened patches; size, norm and noise hold for Lite0's features too."""

    # Places are two pixels apart, and two of them along a side make quadrants.
    patch: Annotated[int, Field(ge=1, le=SIDE - 2)] = Field(description="pixels")
    filters: PositiveInt
    samples: PositiveInt
    size: PositiveInt
    norm: Positive
    noise: NotNegative
    seed: Count


class NetworkSettings(Section):
    """Trunk, sheet and head."""

    trunk: Trunk
    centred: bool = Field(description="features that nothing trains, less their mean")
    width: PositiveInt = Field(description="channels of the first stage")
    blocks: list[PositiveInt] = Field(min_length=1)
    side: Annotated[int, Field(ge=2)] = Field(description="units along an edge of the sheet")
    bias: bool
    bias_start: Literal["random", "zero"]
    dropout: SharePart
    projection: PositiveInt
    frozen: FrozenSettings


class Lite0Settings(Section):
    """What of EfficientNet-Lite0 stands for a trunk."""

    layer: str
    side: Annotated[int, Field(ge=SIDE, le=224)] = Field(description="pixels")


class Jitter(Section):
    """Random changes of colour."""

    p: Share
    brightness: NotNegative
    contrast: NotNegative
    saturation: NotNegative
    hue: Annotated[float, Field(ge=0, le=0.5)] = Field(description="turns")


class Blur(Section):
    """A Gaussian of three by three pixels."""

    p: Share
    sigma: Annotated[list[Positive], Ordered] = Field(
        min_length=2, max_length=2, description="pixels"
    )


class ViewSettings(Section):
    """How a view of an image is drawn."""

    scale: Annotated[list[Share], Ordered] = Field(
        min_length=2, max_length=2, description="share of the area"
    )
    flip: Share
    jitter: Jitter
    grey: Share
    blur: Blur


class Margins(Section):
    """Of the label-aware loss, in cosine distance."""

    same: NotNegative
    near: NotNegative
    far: NotNegative

    @model_validator(mode="after")
    def _in_order(self) -> "Margins":
        if not self.same <= self.near <= self.far:
            raise ValueError(
                f"same {self.same}, near {self.near} and far {self.far} must not fall: classes that "
                "are farther apart in kind keep the larger distance"
            )
        return self


class Plain(Section):
    """Cross-entropy."""

    epochs: PositiveInt
    views: ViewSettings


class Margin(Plain):
    """The margin loss."""

    margins: Margins


class Contrastive(Plain):
    """SupCon and SimCLR."""

    temperature: Positive


class BalanceSettings(Section):
    """The weight of the topographic loss."""

    beta: Annotated[float, Field(gt=0, le=1)]
    eps: Positive
    largest: Positive
    restart: bool
    gradients: Literal["sheet", "encoder"]
    form: Literal["pairs", "units"]
    distance: Literal["l2", "squared", "cosine"]


class TrainingSettings(Section):
    """Data and loop, the same for every objective."""

    batch: Annotated[int, Field(ge=2)] = Field(description="images")
    perturb: Annotated[float, Field(ge=-0.01, le=0.01)] = Field(
        description="images or features are multiplied by 1 + this"
    )
    lr: Positive
    patience: Count = Field(description="epochs; 0 never stops early")
    keep: Literal["code", "total"]
    validation_views: ViewSettings
    mean: list[Share] = Field(min_length=3, max_length=3)
    sd: list[Positive] = Field(min_length=3, max_length=3)
    precision: Literal["fp32", "bf16"]


class Settings(Section):
    """Sections of one condition, with what its arm changes of them."""

    network: NetworkSettings
    objective: Margin | Contrastive | Plain
    balance: BalanceSettings
    training: TrainingSettings


class Condition(Section):
    """What is trained for several seeds."""

    arm: str
    objective: Objective
    rho: NotNegative
    settings: Settings
