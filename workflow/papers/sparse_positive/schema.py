"""The numbers of the sparse-positive paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from papers.sparse_positive import weights
from papers.sparse_positive.bootstrap_settings import Bootstrap
from papers.sparse_positive.encoding_settings import (
    REGIONS,
    Alphas,
    FitSettings,
    Macaque,
    Nsd,
    Planted,
    Reliability,
    SemiReal,
    Tables,
    Values,
)
from papers.sparse_positive.extraction_settings import (
    LocalizerSettings,
    Packaged,
    PackageSettings,
    PictureSettings,
    Source,
    SpaceSettings,
)
from papers.sparse_positive.plan import carried, extracting, makes, targets
from papers.sparse_positive.training_settings import Barlow, Supervised, TrainingSettings
from replicortex.core.quantities import Apart, Count, NotNegative, Positive, PositiveInt
from replicortex.core.schema import TrainedNumbers
from replicortex.core.section import Section
from replicortex.data import floc_originals, nsd, voxel_tables
from replicortex.data.needed import Names, Needed
from replicortex.tools.costs import Workload


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


class Objectives(Section):
    """Numbers of each objective."""

    supervised: Supervised
    barlow: Barlow


class Training(TrainingSettings):
    """The networks that the workflow trains."""

    seeds: Annotated[list[Count], Apart] = Field(min_length=1)
    objectives: Objectives

    @model_validator(mode="after")
    def _one_batch(self) -> "Training":
        if self.batch > self.images:
            raise ValueError(f"batch: {self.batch} is more than the {self.images} training images")
        return self


class Spaces(SpaceSettings):
    """Where units come from."""

    groups: list[list[Source]]


class Packages(PackageSettings):
    """Networks that travel as packages."""

    networks: dict[Packaged, str | None] = Field(description="dataset of each; null for none")


class Fits(FitSettings):
    """Regressions."""

    ridge_alphas: Alphas


class MacaqueData(Macaque):
    """Real V4 neurons, and where they are."""

    dataset: str


class NsdData(Nsd):
    """The paper's own voxels, and where they are."""

    dataset: str


class TablesData(Tables):
    """Voxels of a user's own, and where they are."""

    dataset: str


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
    pack: Literal["target", "halves", "all"]
    groups_per_job: PositiveInt = Field(description="files of features that one job compares")
    toy: Toy
    training: Training
    spaces: Spaces
    packages: Packages
    localizer: LocalizerSettings
    reliability: Reliability
    fits: Fits
    bootstrap: Bootstrap
    planted: Planted
    generator: Values
    semi_real: SemiReal
    semi_real_imagenet: SemiReal | None
    macaque: MacaqueData | None
    nsd: NsdData | None
    tables: TablesData | None
    zoo: Zoo | None

    @model_validator(mode="after")
    def _belong_together(self) -> "Numbers":
        """Check what no section sees alone: names of spaces, seeds and people of other sections."""
        jobs = extracting(self.model_dump())
        sources = [source for group in jobs.values() for source in group]
        for name in self._spaces_used():
            if not any(makes(source, name) for source in sources):
                raise ValueError(f"space '{name}' is extracted by none of the groups ({sources})")
        shown = [source for group in self.spaces.groups for source in group]
        for name in self.spaces.turned:
            if not any(makes(source, name) for source in shown):
                raise ValueError(f"spaces.turned: '{name}' is made by none of the groups ({shown})")
        most = max(self.generator.mixed)
        if most > self.planted.units:
            raise ValueError(
                f"generator.mixed: {most} are more than the {self.planted.units} planted units"
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
        sections = [self.semi_real, self.semi_real_imagenet, self.macaque, self.nsd]
        used = [name for section in sections if section for name in section.models]
        cortices = [self.semi_real, self.semi_real_imagenet]
        return [*(section.cortex for section in cortices if section), *used]

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        sections = [self.macaque, self.nsd, self.tables, self.zoo]
        return [
            self.localizer_images,
            self.trained_networks,
            self.training_data,
            *(section.dataset for section in sections if section),
            *carried(self.model_dump()).values(),
            *([self.zoo.originals] if self.zoo and self.zoo.originals else []),
        ]

    def expected(self, dataset: str, folder: Names, installed: Mapping[str, Path]) -> list[Needed]:
        """Return the files that the readers of a licensed dataset open."""
        needed: list[Needed] = []
        if self.nsd and dataset == self.nsd.dataset:
            # Splits are of the whole design.
            layout, people = self.nsd.layout, self.nsd.people
            needed += nsd.expected(folder, people, REGIONS, layout, sessions=nsd.SESSIONS)
        if self.tables and dataset == self.tables.dataset:
            needed += voxel_tables.expected([self.tables.targets, *self.tables.features.values()])
        if self.zoo and dataset == self.zoo.dataset:
            needed += weights.expected(self.zoo.models)
        if self.zoo and dataset == self.zoo.originals:
            needed += floc_originals.expected()
        return needed

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
