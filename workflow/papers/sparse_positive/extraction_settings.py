"""Sections of the configuration on which the choice of units and their answers depend."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.core.quantities import Apart, Count, Positive, PositiveInt, Share
from replicortex.core.section import Section

SpaceNames = Annotated[list[str], Apart]
People = Annotated[list[PositiveInt], Apart]
Source = Literal["resnet20", "resnet56", "trained", "handmade"]
# Networks that travel as packages, as data.networks knows them.
Packaged = Literal["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "mobilenet_v2"]
# Mean and s.d. of the images' channels, in [0, 1].
Mean = Annotated[list[Share], Field(min_length=3, max_length=3)]
Sd = Annotated[list[Positive], Field(min_length=3, max_length=3)]


class SpaceSettings(Section):
    """What small networks and handmade spaces are made and shown with."""

    turned: SpaceNames = Field(min_length=1, description="spaces of figure 2A")
    draws: PositiveInt = Field(description="of the weights of each untrained published network")
    every_picture: PositiveInt = Field(description="step through the test images of figure 2A")
    projections: PositiveInt = Field(description="units of a random projection")
    batch: PositiveInt = Field(description="images; never changes results")
    seed: Count
    mean: Mean
    sd: Sd


class LocalizerSettings(Section):
    """Selective units."""

    units: PositiveInt = Field(description="of each set")
    q: Annotated[float, Field(gt=0, lt=1)] = Field(description="false-discovery rate")
    fill: bool = Field(description="whether units that do not pass fill up the set")


class SceneSettings(Section):
    """Which of NSD's pictures are shown."""

    people: People = Field(min_length=1)
    pool: PositiveInt
    step: Annotated[int, Field(ge=2)]


class PictureSettings(Section):
    """How published models are shown pictures."""

    side: PositiveInt = Field(description="pixels, before the transform of a model's weights")
    batch: PositiveInt = Field(description="images; never changes results")


class PackageSettings(Section):
    """What is kept of networks that travel as packages."""

    grid: PositiveInt = Field(description="fields along a side of a map, each a mean over places")
    draws: PositiveInt = Field(description="of the weights of each untrained twin")
    batch: PositiveInt = Field(description="images; never changes results")
    seed: Count = Field(description="of the twins' weights")


class PackageExtraction(Section):
    """One job: a network of a package, how its units are chosen, and what it is shown."""

    network: Packaged
    packages: PackageSettings
    localizer: LocalizerSettings
    sessions: list[str]
    scenes: SceneSettings | None


class Extraction(Section):
    """One job: sources of features, how their units are chosen, and what they are shown.

    `sessions` of macaque V4 and `scenes` of NSD: where the job reads them.
    """

    sources: list[Source]
    spaces: SpaceSettings
    localizer: LocalizerSettings
    sessions: list[str]
    scenes: SceneSettings | None


class ZooExtraction(Section):
    """One job: published models, how their units are chosen, and what they are shown."""

    names: list[str]
    pictures: PictureSettings
    localizer: LocalizerSettings
    scenes: SceneSettings | None
