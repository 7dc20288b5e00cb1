"""Sections of the configuration on which training depends, and what embedding reads of them."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.core.quantities import Apart, Count, Positive, PositiveInt, Share
from replicortex.core.section import Section


class Images(Section):
    """Test images that systems are compared on."""

    stimuli: Annotated[int, Field(ge=13)] = Field(description="shown to all systems, not learned")


class Passages(Section):
    """Passages that systems are compared on."""

    stimuli: Annotated[int, Field(ge=13)] = Field(description="shown to all systems, not learned")
    context: Annotated[int, Field(ge=2)] = Field(description="characters of a passage")


class NetworkSettings(Section):
    """A network for images."""

    family: Literal["cnn", "resnet", "vit"]
    depth: PositiveInt = Field(description="layers that are compared")
    width: PositiveInt = Field(description="channels of the first stage, or units of a token")
    heads: PositiveInt = Field(default=1, description="of attention")


class TransformerSettings(Section):
    """A language model over ASCII characters."""

    depth: PositiveInt
    width: PositiveInt
    heads: PositiveInt


class Training(Section):
    """What both kinds of training have."""

    epochs: PositiveInt
    batch: PositiveInt
    lr: Positive = Field(description="of Adam at first; a cosine takes it to 0")
    precision: Literal["fp32", "bf16"]


class EmbeddedVision(Images):
    """What is read of networks for images once they are trained."""

    networks: dict[str, NetworkSettings]
    epochs: PositiveInt
    mean: Annotated[list[Share], Field(min_length=3, max_length=3)]
    sd: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    checkpoints: Annotated[list[Count], Apart] = Field(
        min_length=2, description="epochs; 0 is before training"
    )
    followed: str = Field(description="network whose checkpoints are matched")


class VisionSettings(EmbeddedVision, Training):
    """Networks trained on CIFAR-10."""

    train_images: PositiveInt
    padding: Annotated[int, Field(ge=0, le=32)] = Field(
        description="pixels by which a training image may be shifted"
    )
    flip: bool


class EmbeddedLanguage(Passages):
    """What is read of language models once they are trained."""

    models: dict[str, TransformerSettings]
    epochs: PositiveInt


class LanguageSettings(EmbeddedLanguage, Training):
    """Language models trained on text."""
