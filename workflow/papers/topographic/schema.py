"""The numbers of the topographic paper: types, units, ranges, and how they belong together."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from papers.topographic.conditions import ENSEMBLE, conditions
from papers.topographic.measuring_settings import Measured, NoiseSettings, ProbeSettings, Votes
from papers.topographic.training_settings import (
    BalanceSettings,
    Contrastive,
    Lite0Settings,
    Margin,
    NetworkSettings,
    Objective,
    Plain,
    Split,
    TrainingSettings,
    Trunk,
)
from replicortex.core.quantities import Count, NotNegative
from replicortex.core.schema import (
    Apart,
    Name,
    PositiveInt,
    TrainedNumbers,
)
from replicortex.core.section import Section
from replicortex.tools.costs import Workload

# Objectives of the same views and batches, whose throughput one benchmark tells.
MEASURED_AS = {"ce": "ce", "margin": "ce", "supcon": "supcon", "simclr": "supcon"}
QUADRANTS = 4  # in which a filter and its opposite are pooled


class Objectives(Section):
    """Numbers of each objective."""

    ce: Plain
    margin: Margin
    supcon: Contrastive
    simclr: Contrastive


class NetworkChange(Section):
    """What an arm may change of the network."""

    trunk: Trunk | None = None
    centred: bool | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    bias: bool | None = None
    bias_start: Literal["random", "zero"] | None = None


class BalanceChange(Section):
    """What an arm may change of the balance."""

    restart: bool | None = None
    gradients: Literal["sheet", "encoder"] | None = None
    form: Literal["pairs", "units"] | None = None
    distance: Literal["l2", "squared", "cosine"] | None = None


class TrainingChange(Section):
    """What an arm may change of the training."""

    perturb: Annotated[float, Field(ge=-0.01, le=0.01)] | None = None

    keep: Literal["code", "total"] | None = None


class Change(Section):
    """What an arm changes."""

    network: NetworkChange | None = None
    balance: BalanceChange | None = None
    training: TrainingChange | None = None


class Arm(Section):
    """A set of conditions."""

    objectives: Annotated[list[Objective], Apart]
    rhos: Annotated[list[NotNegative], Apart] = Field(min_length=1)
    seeds: PositiveInt = Field(description="how many of the seeds")
    change: Change


class Lite0(Lite0Settings):
    """A trunk that ImageNet trained."""

    weights: str


class Ensemble(Votes):
    """Of cross-entropy networks."""

    seeds: Annotated[list[Count], Apart]


class Numbers(TrainedNumbers):
    """All numbers of this paper at one scale."""

    training_data: str
    localizer: str | None
    pack: Literal["condition", "arm", "objective", "all"]
    split: Split
    network: NetworkSettings
    lite0: Lite0
    objectives: Objectives
    balance: BalanceSettings
    training: TrainingSettings
    arms: dict[Name, Arm]
    probes: dict[Name, ProbeSettings] = Field(min_length=1)
    readout: str
    ensemble: Ensemble
    noise: NoiseSettings
    measured: Measured

    @model_validator(mode="after")
    def _belong_together(self) -> "Numbers":
        """Refuse sections that contradict each other, and more images than the split has."""
        if self.readout not in self.probes:
            raise ValueError(f"readout: '{self.readout}' is no probe ({', '.join(self.probes)})")
        if "main" not in self.arms:
            raise ValueError("arms: 'main' is missing")
        main = self.arms["main"]
        if "ce" not in main.objectives:
            raise ValueError(
                f"arms.main.objectives: {main.objectives} lacks 'ce', of whose networks the ensembles "
                "are made"
            )
        if ENSEMBLE in self.arms:
            raise ValueError(
                f"arms.{ENSEMBLE}: the name is that of the networks of ensemble.seeds; choose another"
            )
        for rho in self.measured.tsne_rhos:
            if rho not in main.rhos:
                raise ValueError(
                    f"measured.tsne_rhos: {rho:g} is none of arms.main.rhos ({main.rhos})"
                )
        trunks = self._trunks()
        if "frozen" in trunks.values():
            self._patches_suffice()
        self._gradients_exist(trunks)
        if trunks["main"] == "lite0":
            raise ValueError(
                "network.trunk: lite0 has no features of noisy images, which the ensembles of arms.main are "
                "shown; let another arm change its trunk"
            )
        both = sorted(set(self.seeds) & set(self.ensemble.seeds))
        if both:
            raise ValueError(f"ensemble.seeds: seed {both[0]} is among `seeds` already")
        count = 10 * self.split.train
        if self.training.batch > count:
            raise ValueError(
                f"training.batch: {self.training.batch} is more than the {count} training images"
            )
        for name, wanted in (
            ("noise.images", self.noise.images),
            ("measured.rdm_images", self.measured.rdm_images),
            ("measured.tsne_images", self.measured.tsne_images),
        ):
            if wanted > self.split.test:
                raise ValueError(
                    f"{name}: {wanted} of each class are more than the {self.split.test} of split.test"
                )
        return self

    def _trunks(self) -> dict[str, Trunk]:
        """Return the trunk of each arm that is trained."""
        return {
            name: (arm.change.network and arm.change.network.trunk) or self.network.trunk
            for name, arm in self.arms.items()
            if arm.objectives
        }

    def _patches_suffice(self) -> None:
        """Random patches give no more components than their filters have."""
        frozen = self.network.frozen
        if frozen.filters > frozen.samples:
            raise ValueError(
                f"network.frozen.filters: {frozen.filters} are more than the {frozen.samples} samples"
            )
        if frozen.size > QUADRANTS * 2 * frozen.filters:
            raise ValueError(
                f"network.frozen.size: {frozen.size} are more than the {QUADRANTS * 2} components of "
                f"each of {frozen.filters} filters"
            )

    def _gradients_exist(self, trunks: dict[str, Trunk]) -> None:
        """A trunk that nothing trains has no gradient."""
        for name, trunk in trunks.items():
            change = self.arms[name].change.balance
            balance = (change and change.gradients) or self.balance.gradients
            if trunk != "resnet" and balance == "encoder":
                raise ValueError(
                    f"arms.{name}: gradients of the encoder, which a frozen trunk does not have"
                )

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        weights = [self.lite0.weights] if "lite0" in self._trunks().values() else []
        return [self.training_data, *([self.localizer] if self.localizer else []), *weights]

    def names(self) -> dict[str, list[Any]]:
        """Arms, objectives and strengths that are trained."""
        found = conditions(self.model_dump()).values()
        return {key: list({one[key] for one in found}) for key in ("arm", "objective", "rho")}

    def workload(self) -> list[Workload]:
        """Training images of each objective, up to its last epoch: early stopping only saves.

        A frozen trunk's sheet costs next to nothing and was not measured; beside trunks that learn it is
        left out.
        """
        learning = self.network.trunk == "resnet"
        trained: dict[str, int] = {}
        for condition in conditions(self.model_dump()).values():
            if learning and condition["settings"]["network"]["trunk"] != "resnet":
                continue
            objective = condition["objective"]
            trained[objective] = trained.get(objective, 0) + len(condition["seeds"])
        resnet = learning and list(self.network.blocks) == [2, 2, 2, 2]
        return [
            Workload(
                what=objective,
                trainings=count,
                images=count * getattr(self.objectives, objective).epochs * 10 * self.split.train,
                benchmark="topographic.json" if resnet else "",
                key=("epoch", MEASURED_AS[objective], "images_per_second", "ours"),
                width=self.network.width,
            )
            for objective, count in trained.items()
        ]
