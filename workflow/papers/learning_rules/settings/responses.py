"""Settings of the brain's responses: whose, of which regions, and which pairs of stimuli count."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.core.quantities import Apart
from replicortex.core.section import Section


class ThingsResponses(Section):
    """Of THINGS-fMRI: single presentations."""

    subjects: Annotated[list[str], Apart] = Field(min_length=1)
    rois: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(
        min_length=1, description="columns of the voxel table"
    )
    pairs: Literal["cross_run", "all"] = Field(description="pairs of stimuli that count")


class ObjectResponses(Section):
    """Of the 92-object set: fMRI RDMs."""

    rois: Annotated[list[Literal["EVC", "IT"]], Apart] = Field(min_length=1)
