"""Sections of the configuration on which answers of trained networks depend."""

from typing import Annotated

from pydantic import Field

from papers.mt_maps.ranges import Several
from replicortex.core.quantities import Apart, Count, PositiveInt, Share
from replicortex.core.section import Section


class Gratings(Section):
    """Drifting sine gratings."""

    cycles: Several = Field(description="per image")
    speeds: Several = Field(description="pixels per frame")
    phases: Annotated[int, Field(ge=2)]


class Dots(Section):
    """Random dots."""

    speeds: Several = Field(description="pixels per frame")
    density: Annotated[float, Field(gt=0, le=1)] = Field(description="dots per pixel")
    seeds: Annotated[int, Field(ge=2)]


class Moved(Section):
    """Pictures that move."""

    pictures: Annotated[int, Field(ge=2)]
    speeds: Several


class StimulusSettings(Section):
    """Of measurement."""

    directions: Annotated[int, Field(ge=8, multiple_of=2)]
    gratings: Gratings
    dots: Dots
    coherence: Annotated[list[Share], Apart] = Field(min_length=1)
    moved: Moved
    seed: Count


class ProbeSettings(Section):
    """Pairs of clips that embeddings are to match."""

    pairs: Annotated[int, Field(ge=3)]
    repeats: PositiveInt
