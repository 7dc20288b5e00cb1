"""Sections of the configuration on which decoding depends."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.core.quantities import Apart, Count, PositiveInt
from replicortex.core.section import Section

Kind = Literal["ucf101", "videos", "pictures", "noise"]


class NoiseSettings(Section):
    """Movies of white noise, made instead of decoded."""

    videos: Annotated[int, Field(ge=2)]
    frames: PositiveInt
    seed: Count


class FrameSettings(Section):
    """Decoded frames."""

    size: PositiveInt = Field(description="pixels")
    grey: bool
    most: PositiveInt | None = Field(description="frames kept of a video; null: all")
    split: Literal[1, 2, 3] = Field(description="of UCF101")
    sessions: Annotated[list[str], Apart] = Field(min_length=1, description="of the V4 recordings")


class SourcePart(Section):
    """One of several equal parts of a source."""

    source: str = Field(description="its name in the configuration")
    kind: Kind
    noise: NoiseSettings | None = Field(default=None, description="for the kind noise alone")
    fewest: PositiveInt = Field(description="frames below which a video is left out")
    number: Count = Field(description="which part, from 0")
    parts: PositiveInt
