"""Sections of the configuration on which encoding models and their targets depend."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from papers.sparse_positive.extraction_settings import People, SceneSettings, SpaceNames
from replicortex.core.quantities import Apart, NotNegative, Positive, PositiveInt, Share
from replicortex.core.section import Section

Alphas = Annotated[list[Positive], Field(min_length=1), Apart]
# A correlation over fewer images is no number, or +-1 whatever they are.
Three = Annotated[int, Field(ge=3)]
# Which units a region is made of.
REGIONS = {"FFA": "face", "PPA": "scene"}


class Images(Section):
    """Sizes of the splits, images."""

    train: Three
    validation: Three
    test: Three


class Reliability(Section):
    """ncsnr of planted and semi-real voxels."""

    people: People = Field(min_length=1)
    threshold: NotNegative
    ncsnr: dict[
        Literal["FFA", "PPA"],
        dict[int, Annotated[list[Positive], Field(min_length=3, max_length=3)]],
    ] = Field(
        description="person: voxels listed, voxels above the threshold, mean ceiling of these"
    )


class Planted(Section):
    """The generator."""

    images: Images
    units: PositiveInt
    voxels: PositiveInt
    latents: Annotated[int, Field(ge=2)]
    mixed: PositiveInt = Field(description="units in one voxel")
    opposition: Share = Field(description="minus the correlation of face and scene latent")
    spread: NotNegative = Field(description="s.d. of loads on every latent")
    noise: NotNegative = Field(description="s.d. of a unit's own")
    negative: Share = Field(description="of the weights that mix units: 0 is a positive generator")

    @model_validator(mode="after")
    def _enough_units(self) -> "Planted":
        if self.mixed > self.units:
            raise ValueError(f"mixed: {self.mixed} are more than the {self.units} units")
        return self


class Values(Section):
    """What each parameter of the planted generator takes, the others kept."""

    mixed: Annotated[list[PositiveInt], Field(min_length=1), Apart]
    latents: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1), Apart]
    opposition: Annotated[list[Share], Field(min_length=1), Apart]
    spread: Annotated[list[NotNegative], Field(min_length=1), Apart]
    noise: Annotated[list[NotNegative], Field(min_length=1), Apart]
    negative: Annotated[list[Share], Field(min_length=1), Apart]


class SemiRealVoxels(Section):
    """One network's units as cortex."""

    cortex: str
    voxels: PositiveInt
    mixed: PositiveInt
    images: Images


class SemiReal(SemiRealVoxels):
    """One network's units as cortex, others' as features."""

    models: SpaceNames = Field(min_length=1)


class MacaqueNeurons(Section):
    """Real V4 neurons."""

    sessions: Annotated[list[Annotated[str, Field(pattern=r"^\d{6}$")]], Field(min_length=1), Apart]
    images: Images = Field(
        description="of a session that has as many; of a smaller one in proportion"
    )


class Macaque(MacaqueNeurons):
    """Real V4 neurons, and the spaces that predict them."""

    models: SpaceNames = Field(min_length=1)


class NsdVoxels(SceneSettings):
    """The paper's own voxels."""

    layout: Literal["volume", "surface"]
    threshold: NotNegative = Field(description="ncsnr above which a voxel counts")


class Nsd(NsdVoxels):
    """The paper's own voxels, and the spaces that predict them."""

    models: SpaceNames = Field(min_length=1)


class Tables(Section):
    """Voxels of a user's own."""

    targets: str = Field(description="file in the dataset")
    features: dict[str, str] = Field(description="matched and mismatched: files")
    repeats: PositiveInt = Field(description="presentations that a response is the mean of")
    images: Images


class Targets(Section):
    """What the targets of one job are made from: the sections that they read."""

    planted: Planted | None = None
    semi_real: SemiReal | None = None
    semi_real_imagenet: SemiReal | None = None
    reliability: Reliability | None = None
    macaque: Macaque | None = None
    nsd: Nsd | None = None
    tables: Tables | None = None


class Compared(Section):
    """What every space is compared on: voxels of the semi-real design, NSD's, and neurons of V4."""

    semi_real: SemiRealVoxels
    reliability: Reliability
    nsd: NsdVoxels | None
    macaque: MacaqueNeurons | None


class RotationAlpha(Section):
    """Alphas of the rotated-basis control."""

    ridge: NotNegative
    lasso: NotNegative


class Balance(Section):
    """The Lasso at equal numbers of units and weights."""

    units: PositiveInt = Field(description="of each set, at least")
    active: PositiveInt = Field(description="weights a voxel")
    alphas: Alphas


class FitSettings(Section):
    """Regressions of figures 2 and 4, and their controls."""

    alpha: NotNegative
    l1_ratio: Share
    alphas: Alphas
    rotation_alpha: RotationAlpha
    balance: Balance
    least: Annotated[int, Field(ge=2)] = Field(
        description="units of each set that pass, for fits on those alone"
    )
