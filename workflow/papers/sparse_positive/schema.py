"""The numbers of the sparse-positive paper."""

from typing import Annotated, Literal

from pydantic import Field

from replicortex.schema import PaperNumbers, Positive, PositiveInt, Section, Share

NotNegative = Annotated[float, Field(ge=0)]


class Toy(Section):
    """Figure 1C."""

    simulations: PositiveInt
    shown: Annotated[int, Field(ge=0)] = Field(description="seed of the figure")
    alphas: dict[Literal["lasso", "elastic_net", "ridge"], NotNegative]
    sweep: list[Positive] = Field(min_length=1, description="alphas of the positive Lasso")
    tol: Positive


class Spaces(Section):
    """Where units come from."""

    networks: list[Literal["resnet20", "resnet56"]] = Field(min_length=1)
    projections: PositiveInt = Field(description="units of the random projection")
    batch: PositiveInt = Field(description="images; never changes results")
    seed: Annotated[int, Field(ge=0)]


class Localizer(Section):
    """Selective units."""

    units: PositiveInt = Field(description="of each set")
    q: Share = Field(description="false-discovery rate")


class Ceilings(Section):
    """Mean noise ceilings (r) of the regions."""

    FFA: Share
    PPA: Share


class RotationAlpha(Section):
    """Alphas of the rotated-basis control."""

    ridge: NotNegative
    lasso: NotNegative


class Fits(Section):
    """Regressions."""

    alpha: NotNegative
    l1_ratio: Share
    alphas: list[Positive] = Field(min_length=1)
    ridge_alphas: list[Positive] = Field(min_length=1)
    rotation_alpha: RotationAlpha


class Images(Section):
    """Sizes of the splits, images."""

    train: PositiveInt
    validation: PositiveInt
    test: PositiveInt


class Planted(Section):
    """The generator."""

    images: Images
    units: PositiveInt
    voxels: PositiveInt
    latents: Annotated[int, Field(ge=2)]
    mixed: PositiveInt = Field(description="units in one voxel")
    opposition: Share = Field(description="minus the correlation of face and scene latent")
    spread: NotNegative = Field(description="s.d. of loads on every latent")


class SemiReal(Section):
    """One network's units as cortex, another's as features."""

    cortex: str
    model: str
    voxels: PositiveInt
    mixed: PositiveInt
    images: Images


class Macaque(Section):
    """Real V4 neurons."""

    dataset: str
    session: str
    model: str
    images: Images


class Numbers(PaperNumbers):
    """All numbers of this paper at one scale."""

    localizer_images: str
    trained_networks: str
    macaque: Macaque | None
    toy: Toy
    spaces: Spaces
    localizer: Localizer
    ceilings: Ceilings
    fits: Fits
    planted: Planted
    semi_real: SemiReal

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        return [
            self.localizer_images,
            self.trained_networks,
            *([self.macaque.dataset] if self.macaque else []),
        ]
