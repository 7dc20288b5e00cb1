"""The numbers of the sparse-positive paper."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from papers.sparse_positive.extraction_settings import (
    LocalizerSettings,
    Mean,
    People,
    PictureSettings,
    SceneSettings,
    Sd,
    Source,
    SpaceNames,
    SpaceSettings,
)
from papers.sparse_positive.plan import makes, targets
from replicortex.core.schema import (
    Apart,
    Ordered,
    Positive,
    PositiveInt,
    Share,
    TrainedNumbers,
)
from replicortex.core.section import Section
from replicortex.tools.costs import Workload

NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
Alphas = Annotated[list[Positive], Field(min_length=1), Apart]
# A correlation over fewer images is no number, or +-1 whatever they are.
Three = Annotated[int, Field(ge=3)]


class Toy(Section):
    """Figure 1C."""

    simulations: PositiveInt
    shown: Count = Field(description="seed of the figure")
    alphas: dict[Literal["lasso", "elastic_net", "ridge"], NotNegative]
    sweep: Annotated[list[Positive], Apart] = Field(
        min_length=1, description="alphas of the positive Lasso"
    )
    sweep_simulations: PositiveInt = Field(description="seeds of the sweep")
    tol: Positive


class Network(Section):
    """The networks trained here."""

    width: PositiveInt = Field(description="channels of the first stage")
    blocks: list[PositiveInt] = Field(min_length=1)
    projector: PositiveInt = Field(description="units of each of its layers")


class Views(Section):
    """How a view of an image is drawn."""

    scale: Annotated[list[Share], Ordered] = Field(
        min_length=2, max_length=2, description="share of the area"
    )
    flip: Share
    brightness: Share
    contrast: Share
    grey: Share


class Supervised(Section):
    """Cross-entropy."""

    epochs: PositiveInt
    lr: Positive
    weight_decay: NotNegative
    views: Views


class Barlow(Supervised):
    """Barlow Twins."""

    off_diagonal: NotNegative = Field(description="lambda")


class Objectives(Section):
    """Numbers of each objective."""

    supervised: Supervised
    barlow: Barlow


class Training(Section):
    """The networks that the workflow trains."""

    seeds: Annotated[list[Count], Apart] = Field(min_length=1)
    images: PositiveInt
    probed: PositiveInt
    batch: Annotated[int, Field(ge=2)]
    precision: Literal["fp32", "bf16"]
    warm_up: PositiveInt = Field(description="epochs")
    mean: Mean
    sd: Sd
    network: Network
    objectives: Objectives

    @model_validator(mode="after")
    def _one_batch(self) -> "Training":
        if self.batch > self.images:
            raise ValueError(f"batch: {self.batch} is more than the {self.images} training images")
        return self


class Spaces(SpaceSettings):
    """Where units come from."""

    groups: list[list[Source]]


class Reliability(Section):
    """ncsnr of planted and semi-real voxels."""

    people: People = Field(min_length=1)
    threshold: NotNegative
    ncsnr: dict[Literal["FFA", "PPA"], dict[int, list[float]]]


class RotationAlpha(Section):
    """Alphas of the rotated-basis control."""

    ridge: NotNegative
    lasso: NotNegative


class Balance(Section):
    """The Lasso at equal numbers of units and weights."""

    units: PositiveInt = Field(description="of each set, at least")
    active: PositiveInt = Field(description="weights a voxel")
    alphas: Alphas


class Fits(Section):
    """Regressions."""

    alpha: NotNegative
    l1_ratio: Share
    alphas: Alphas
    ridge_alphas: Alphas
    rotation_alpha: RotationAlpha
    balance: Balance


class Bootstrap(Section):
    """Intervals over seeds and voxels."""

    draws: Annotated[int, Field(ge=2)]
    seed: Count
    tolerance: NotNegative = Field(description="of paired voxels' ceilings (r)")


class Images(Section):
    """Sizes of the splits, images."""

    train: Three
    validation: Three
    test: Three


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


class SemiReal(Section):
    """One network's units as cortex, others' as features."""

    cortex: str
    models: SpaceNames = Field(min_length=1)
    voxels: PositiveInt
    mixed: PositiveInt
    images: Images


class Macaque(Section):
    """Real V4 neurons."""

    dataset: str
    session: str
    models: SpaceNames = Field(min_length=1)
    images: Images


class Nsd(SceneSettings):
    """The paper's own voxels."""

    dataset: str
    layout: Literal["volume", "surface"]
    threshold: NotNegative = Field(description="ncsnr above which a voxel counts")
    models: SpaceNames = Field(min_length=1)


class Tables(Section):
    """Voxels of a user's own."""

    dataset: str
    targets: str = Field(description="file in the dataset")
    features: dict[str, str] = Field(description="matched and mismatched: files")
    repeats: PositiveInt = Field(description="presentations that a response is the mean of")
    images: Images


class Zoo(PictureSettings):
    """Published models."""

    dataset: str
    originals: str | None = Field(description="dataset of the localizer images at their own size")
    models_per_job: PositiveInt
    models: list[Annotated[str, Field(pattern=r"^(torchvision|timm)/[\w.]+$")]]


class Numbers(TrainedNumbers):
    """All numbers of this paper at one scale."""

    localizer_images: str
    trained_networks: str
    training_data: str
    pack: Literal["target", "all"]
    toy: Toy
    training: Training
    spaces: Spaces
    localizer: LocalizerSettings
    reliability: Reliability
    fits: Fits
    bootstrap: Bootstrap
    planted: Planted
    semi_real: SemiReal
    macaque: Macaque | None
    nsd: Nsd | None
    tables: Tables | None
    zoo: Zoo | None

    @model_validator(mode="after")
    def _belong_together(self) -> "Numbers":
        sources = [source for group in self.spaces.groups for source in group]
        for name in self._spaces_used():
            if not any(makes(source, name) for source in sources):
                raise ValueError(f"space '{name}' is extracted by none of the groups ({sources})")
        for name in self.spaces.turned:
            if not any(makes(source, name) for source in sources):
                raise ValueError(
                    f"spaces.turned: '{name}' is made by none of the groups ({sources})"
                )
        if self.toy.shown >= self.toy.simulations:
            raise ValueError(f"toy.shown: seed {self.toy.shown} is not among the simulations")
        for region, table in self.reliability.ncsnr.items():
            for person in self.reliability.people:
                if person not in table:
                    raise ValueError(f"reliability.ncsnr.{region}: is missing for person {person}")
        if self.tables and set(self.tables.features) != {"matched", "mismatched"}:
            found = sorted(self.tables.features)
            raise ValueError(f"tables.features: found {found}, expected matched and mismatched")
        return self

    def _spaces_used(self) -> list[str]:
        sections = [self.semi_real, self.macaque, self.nsd]
        used = [name for section in sections if section for name in section.models]
        return [self.semi_real.cortex, *used]

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        sections = [self.macaque, self.nsd, self.tables, self.zoo]
        return [
            self.localizer_images,
            self.trained_networks,
            self.training_data,
            *(section.dataset for section in sections if section),
            *([self.zoo.originals] if self.zoo and self.zoo.originals else []),
        ]

    def names(self) -> dict[str, list[Any]]:
        """Targets of encoding."""
        return {"target": targets(self.model_dump())}

    def workload(self) -> list[Workload]:
        """Training images of both objectives; networks of other depth were not measured."""
        training = self.training
        measured = list(training.network.blocks) == [2, 2, 2]
        return [
            Workload(
                what=objective,
                trainings=len(training.seeds),
                images=len(training.seeds) * own.epochs * training.images,
                benchmark="sparse_positive.json" if measured else "",
                key=("training", "images_per_second", objective),
                width=training.network.width,
            )
            for objective, own in (
                ("supervised", training.objectives.supervised),
                ("barlow", training.objectives.barlow),
            )
        ]
