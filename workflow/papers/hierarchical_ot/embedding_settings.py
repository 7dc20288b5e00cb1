"""Sections of the configuration on which layers of systems depend that are not trained here."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from replicortex.core.quantities import Apart, Count
from replicortex.core.section import Section

Repository = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
Revision = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


# Where pictures come from that a published vision model is shown; language: the passages.
Domain = Literal["vision", "v4", "v4_alone", "brain", "objects", "localizer", "language"]
# The input that holds each domain's pictures.
INPUTS = {
    "vision": "images",
    "v4": "recordings",
    "v4_alone": "recordings",
    "brain": "betas",
    "objects": "objects",
    "localizer": "localizer",
    "language": "text",
}


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
    """A published model: whose weights at which revision, and what it is shown.

    Either `repository`, a folder in the layout of a model cache (of the dataset named as vision_weights
    or language_weights, unless `weights` names another), or `network`, from the package in `weights`.
    With `untrained` its form alone is taken: a twin to stand beside it.
    """

    repository: Repository | None = None
    revision: Revision | None = Field(
        default=None,
        description="commit of the repository; null: the only one that the dataset holds",
    )
    network: str | None = Field(default=None, description="name of a network from a package")
    weights: str | None = Field(default=None, description="dataset that holds it")
    untrained: Count | None = Field(
        default=None,
        description="seed of weights drawn in place of the published ones; null: these",
    )
    stimuli: Annotated[list[Domain], Apart] = Field(
        min_length=1, description="domains: pictures of one or several sources, or language"
    )

    @model_validator(mode="after")
    def _one_source(self) -> "PublishedModel":
        """Refuse a model of two sources or none, and one that would be shown pictures and passages."""
        if (self.repository is None) == (self.network is None):
            raise ValueError("either repository or network is needed, and not both")
        if self.network is not None and self.weights is None:
            raise ValueError(
                f"weights is missing: the dataset of the package that holds {self.network}"
            )
        if "language" in self.stimuli and len(self.stimuli) > 1:
            raise ValueError(f"stimuli: language and pictures ({', '.join(self.stimuli)})")
        return self
