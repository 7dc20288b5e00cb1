"""The numbers of the topographic paper: types, units, ranges, and how they belong together."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from papers.topographic.conditions import ENSEMBLE, conditions
from replicortex.core.schema import (
    Apart,
    Name,
    Ordered,
    Positive,
    PositiveInt,
    Share,
    SharePart,
    TrainedNumbers,
)
from replicortex.core.section import Section
from replicortex.tools.costs import Shown

# Objectives of the same views and batches, whose throughput one benchmark tells.
MEASURED_AS = {"ce": "ce", "margin": "ce", "supcon": "supcon", "simclr": "supcon"}
Objective = Literal["ce", "margin", "supcon", "simclr"]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
SIDE = 32  # of CIFAR's images, pixels
QUADRANTS = 4  # in which a filter and its opposite are pooled


class Split(Section):
    """Images of each class."""

    validation: Count
    train: PositiveInt
    test: PositiveInt


class Frozen(Section):
    """Features of random whitened patches."""

    # Places are two pixels apart, and two of them along a side make quadrants.
    patch: Annotated[int, Field(ge=1, le=SIDE - 2)] = Field(description="pixels")
    filters: PositiveInt
    samples: PositiveInt
    size: PositiveInt
    norm: Positive
    noise: NotNegative
    seed: Count


class Network(Section):
    """Trunk, sheet and head."""

    trunk: Literal["resnet", "frozen"]
    width: PositiveInt = Field(description="channels of the first stage")
    blocks: list[PositiveInt] = Field(min_length=1)
    side: Annotated[int, Field(ge=2)] = Field(description="units along an edge of the sheet")
    bias: bool
    dropout: SharePart
    projection: PositiveInt
    frozen: Frozen


class Jitter(Section):
    """Random changes of colour."""

    p: Share
    brightness: NotNegative
    contrast: NotNegative
    saturation: NotNegative
    hue: Annotated[float, Field(ge=0, le=0.5)] = Field(description="turns")


class Blur(Section):
    """A Gaussian of three by three pixels."""

    p: Share
    sigma: Annotated[list[Positive], Ordered] = Field(
        min_length=2, max_length=2, description="pixels"
    )


class Views(Section):
    """How a view of an image is drawn."""

    scale: Annotated[list[Share], Ordered] = Field(
        min_length=2, max_length=2, description="share of the area"
    )
    flip: Share
    jitter: Jitter
    grey: Share
    blur: Blur


class Margins(Section):
    """Of the label-aware loss, in cosine distance."""

    same: NotNegative
    near: NotNegative
    far: NotNegative

    @model_validator(mode="after")
    def _in_order(self) -> "Margins":
        if not self.same <= self.near <= self.far:
            raise ValueError(
                f"same {self.same}, near {self.near} and far {self.far} must not fall: classes that "
                "are farther apart in kind keep the larger distance"
            )
        return self


class Plain(Section):
    """Cross-entropy."""

    epochs: PositiveInt
    views: Views


class Margin(Plain):
    """The margin loss."""

    margins: Margins


class Contrastive(Plain):
    """SupCon and SimCLR."""

    temperature: Positive


class Objectives(Section):
    """Numbers of each objective."""

    ce: Plain
    margin: Margin
    supcon: Contrastive
    simclr: Contrastive


class Balance(Section):
    """The weight of the topographic loss."""

    beta: Annotated[float, Field(gt=0, le=1)]
    eps: Positive
    largest: Positive
    restart: bool
    gradients: Literal["sheet", "encoder"]
    form: Literal["pairs", "units"]
    distance: Literal["l2", "squared", "cosine"]


class Training(Section):
    """Data and loop, the same for every objective."""

    batch: Annotated[int, Field(ge=2)] = Field(description="images")
    lr: Positive
    patience: Count = Field(description="epochs; 0 never stops early")
    keep: Literal["code", "total"]
    validation_views: Views
    mean: list[Share] = Field(min_length=3, max_length=3)
    sd: list[Positive] = Field(min_length=3, max_length=3)
    precision: Literal["fp32", "bf16"]


class NetworkChange(Section):
    """What an arm may change of the network."""

    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    bias: bool | None = None


class BalanceChange(Section):
    """What an arm may change of the balance."""

    restart: bool | None = None
    gradients: Literal["sheet", "encoder"] | None = None
    form: Literal["pairs", "units"] | None = None
    distance: Literal["l2", "squared", "cosine"] | None = None


class TrainingChange(Section):
    """What an arm may change of the training."""

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


class Probe(Section):
    """A linear readout."""

    standardise: bool
    solver: Literal["adamw", "lbfgs"]
    lr: Positive
    lr_end: NotNegative
    weight_decay: NotNegative
    batch: PositiveInt
    epochs: PositiveInt
    warm_up: Count


class Ensemble(Section):
    """Of cross-entropy networks."""

    seeds: Annotated[list[Count], Apart]
    draws: Annotated[int, Field(ge=2)]
    seed: Count


class Noise(Section):
    """Noise on test images."""

    kinds: Annotated[list[Literal["white", "pink", "salt_pepper"]], Apart]
    levels: Annotated[list[Share], Apart] = Field(min_length=1)
    images: PositiveInt
    seed: Count


class Measured(Section):
    """What is looked at."""

    rdm_images: Annotated[int, Field(ge=2)]
    taus: Annotated[list[Annotated[float, Field(ge=-1, le=1)]], Apart] = Field(min_length=1)
    tsne_images: Annotated[int, Field(ge=2)]
    tsne_rhos: Annotated[list[NotNegative], Apart] = Field(min_length=1)
    tsne_seed: Count


class Numbers(TrainedNumbers):
    """All numbers of this paper at one scale."""

    training_data: str
    localizer: str | None
    pack: Literal["condition", "arm", "all"]
    split: Split
    network: Network
    objectives: Objectives
    balance: Balance
    training: Training
    arms: dict[Name, Arm]
    probes: dict[Name, Probe] = Field(min_length=1)
    readout: str
    ensemble: Ensemble
    noise: Noise
    measured: Measured

    @model_validator(mode="after")
    def _belong_together(self) -> "Numbers":
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
        if self.network.trunk == "frozen":
            self._frozen_can()
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

    def _frozen_can(self) -> None:
        """A frozen trunk has no gradient, and no more components than its filters give."""
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
        for name, arm in self.arms.items():
            balance = self.balance.gradients
            if arm.change.balance and arm.change.balance.gradients:
                balance = arm.change.balance.gradients
            if arm.objectives and balance == "encoder":
                raise ValueError(
                    f"arms.{name}: gradients of the encoder, which a frozen trunk does not have"
                )

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        return [self.training_data, *([self.localizer] if self.localizer else [])]

    def names(self) -> dict[str, list[Any]]:
        """Arms, objectives and strengths that are trained."""
        found = conditions(self.model_dump()).values()
        return {key: list({one[key] for one in found}) for key in ("arm", "objective", "rho")}

    def shown(self) -> list[Shown]:
        """Training images of each objective, up to its last epoch: early stopping only saves.

        A frozen trunk's sheet costs next to nothing and was not measured.
        """
        trained: dict[str, int] = {}
        for condition in conditions(self.model_dump()).values():
            objective = condition["objective"]
            trained[objective] = trained.get(objective, 0) + len(condition["seeds"])
        resnet = self.network.trunk == "resnet" and list(self.network.blocks) == [2, 2, 2, 2]
        return [
            Shown(
                what=objective,
                trainings=count,
                images=count * getattr(self.objectives, objective).epochs * 10 * self.split.train,
                benchmark="topographic.json" if resnet else "",
                key=("epoch", MEASURED_AS[objective], "images_per_second", "ours"),
                width=self.network.width,
            )
            for objective, count in trained.items()
        ]
