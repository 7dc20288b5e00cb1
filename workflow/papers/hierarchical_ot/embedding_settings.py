"""Sections of the configuration on which layers of systems depend that are not trained here."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.core.quantities import Apart
from replicortex.core.section import Section

Repository = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
Revision = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


class SharedImages(Section):
    """Which images of the Natural Scenes Dataset systems are compared on."""

    subjects: Annotated[list[Annotated[int, Field(ge=1, le=8)]], Apart] = Field(min_length=2)
    repeats: Annotated[int, Field(ge=1, le=3)] = Field(description="showings that are averaged")


class BrainSettings(SharedImages):
    """Subjects and regions of the Natural Scenes Dataset."""

    regions: Annotated[list[Literal["V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "V4"]], Apart] = (
        Field(min_length=1)
    )
    ceiling: Annotated[float, Field(ge=0, lt=100)] = Field(
        description="percent of variance; voxels at or below it are left out"
    )


class PublishedModel(Section):
    """A published model: its repository of weights at a revision."""

    repository: Repository
    revision: Revision | None = Field(
        description="commit of the repository; null: the only one that the dataset holds"
    )
    domain: Literal["brain", "language"] = Field(description="what it is shown")
