"""Sections of the configuration on which measures of answers depend."""

from typing import Annotated

from pydantic import Field

from replicortex.core.quantities import Count, Positive, PositiveInt, Share, SharePart
from replicortex.core.section import Section


class Tdann(Section):
    """TDANN's rules for pinwheels; its angles are of orientation."""

    winding: Annotated[float, Field(ge=0, lt=0.5)] = Field(description="turns, least")
    spread: Positive = Field(description="circular SD over the number of units, deg, largest")
    pixels: PositiveInt = Field(description="of a connected group")
    units: PositiveInt = Field(description="in the window of a pixel")


class Measured(Section):
    """Maps, nulls and intervals."""

    pixels: Annotated[int, Field(ge=8)] = Field(description="of a map, along an edge")
    sigma: Positive = Field(description="mm")
    silent: SharePart
    draws: Annotated[int, Field(ge=2)]
    nulls: Annotated[int, Field(ge=2)]
    explained: Share = Field(description="of the variance, least of a fit that counts")
    best: Annotated[float, Field(gt=0, le=1)]
    tdann: Tdann
    seed: Count
