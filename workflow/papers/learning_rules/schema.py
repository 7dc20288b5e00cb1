"""The numbers of the learning-rules paper: their types, units, ranges and how they belong together."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from replicortex.core.schema import (
    Apart,
    Name,
    Positive,
    PositiveInt,
    Share,
    SharePart,
    TrainedNumbers,
)
from replicortex.core.section import Section
from replicortex.tools.costs import Workload

Layer = Literal["conv1", "conv2", "conv3", "fc1"]
Pooling = Literal["global", "grid", "full"]
LOW_LEVEL = ("luminance", "rgb", "pixel", "gabor", "silhouette")
Init = Literal["default", "kaiming_normal"]
# Three blocks halve a side three times; what is left must have a pixel.
Side = Annotated[int, Field(ge=8)]


class Things(Section):
    """THINGS-fMRI: 720 images, three people, single presentations."""

    images: str = Field(description="dataset of the images")
    events: str = Field(description="dataset of the order of presentation")
    betas: str = Field(description="dataset of the responses")
    subjects: Annotated[list[Name], Apart] = Field(min_length=1)
    rois: dict[Name, Annotated[list[str], Field(min_length=1)]] = Field(
        min_length=1, description="columns of the voxel table"
    )
    pairs: Literal["cross_run", "all"] = Field(description="pairs of stimuli that count")


class Objects92(Section):
    """The 92-object set: fMRI RDMs of 15 people."""

    dataset: str
    rois: Annotated[list[Literal["EVC", "IT"]], Apart] = Field(min_length=1)


class Aliases(Section):
    """Words of the claims for values of this scale."""

    roi: dict[Literal["early", "late"], str] = Field(min_length=2)


class Network(Section):
    """Three convolution blocks and two linear layers."""

    widths: list[PositiveInt] = Field(min_length=3, max_length=3, description="channels")
    grid: PositiveInt = Field(description="side of the pool in front of fc1")
    hidden: PositiveInt = Field(description="units of fc1")
    dropout: SharePart


class Training(Section):
    """Data and loop, the same for every rule."""

    images: PositiveInt
    subset: Literal["per_seed", "fixed"]
    test_images: PositiveInt
    batch: PositiveInt = Field(description="images")
    epochs: PositiveInt
    checkpoints: list[Annotated[int, Field(ge=0)]] = Field(min_length=1, description="epochs")
    crop_padding: Annotated[int, Field(ge=0, le=32)] = Field(description="pixels")
    flip: bool
    mean: list[Share] = Field(min_length=3, max_length=3)
    sd: list[Positive] = Field(min_length=3, max_length=3)
    fill_batches: PositiveInt
    precision: Literal["fp32", "bf16"]

    @model_validator(mode="after")
    def _belong_together(self) -> "Training":
        late = [epoch for epoch in self.checkpoints if epoch > self.epochs]
        if late:
            raise ValueError(f"checkpoints: {late[0]} lies beyond the last epoch ({self.epochs})")
        if sorted(set(self.checkpoints)) != self.checkpoints or self.checkpoints[0] != 0:
            raise ValueError(
                f"checkpoints: {self.checkpoints} must start at 0 and increase without repeats"
            )
        if self.checkpoints[-1] != self.epochs:
            raise ValueError(
                f"checkpoints: the last is {self.checkpoints[-1]}, epochs is {self.epochs}; the last "
                "epoch must be kept, for the tests over seeds and the figures"
            )
        if self.batch > self.images:
            raise ValueError(f"batch: {self.batch} is more than the {self.images} training images")
        return self


class Rule(Section):
    """What every learning rule has."""

    init: Init


class BP(Rule):
    kind: Literal["bp"]
    dropout: bool
    lr: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    clip: Positive
    second_pass: bool


class FA(Rule):
    kind: Literal["fa"]
    dropout: bool
    layers: Literal["convs", "all"]
    lr: Positive
    momentum: SharePart
    weight_decay: Annotated[float, Field(ge=0)]
    clip: Positive


class PC(Rule):
    kind: Literal["pc"]
    steps: PositiveInt
    rate: Positive
    lr_weights: Positive
    clip_error: Positive
    clip_update: Positive
    lr_readout: Positive
    features: Literal["inferred", "feedforward"]


class STDP(Rule):
    kind: Literal["stdp"]
    sign: Literal["coded", "stated"]
    amplitude: Positive
    tau: Positive = Field(description="time steps")
    steps: PositiveInt
    clip_update: Positive
    lr_weights: Positive
    clip_weight: Positive
    lr_readout: Positive


class SupervisedPC(Rule):
    kind: Literal["pc_supervised"]
    steps: PositiveInt
    rate: Positive
    lr: Positive


class PairSTDP(Rule):
    kind: Literal["stdp_pair"]
    amplitude_plus: Positive
    ratio: Positive = Field(description="A-/A+")
    tau: Positive = Field(description="ms")
    window: Positive = Field(description="ms")
    lr_weights: Positive
    lr_readout: Positive


AnyRule = Annotated[BP | FA | PC | STDP | SupervisedPC | PairSTDP, Field(discriminator="kind")]


class Sizes(Section):
    """Sides of the stimuli."""

    train: Side = Field(description="pixels")
    large: Side = Field(description="pixels")


class Evaluation(Section):
    """What the trained networks are shown, and how their answers are laid out."""

    px: Sizes
    sweep: Annotated[list[Side], Apart] = Field(min_length=1, description="pixels")
    batch: PositiveInt = Field(description="stimuli")
    poolings: Annotated[list[Pooling], Apart] = Field(min_length=1)
    full_px: Annotated[list[Side], Apart] = Field(description="pixels")

    @model_validator(mode="after")
    def _belong_together(self) -> "Evaluation":
        if "global" not in self.poolings:
            raise ValueError(
                f"poolings: {self.poolings} lacks 'global', of which tables and figures are made"
            )
        if self.px.train == self.px.large:
            raise ValueError(
                f"px: train and large are both {self.px.train}; two sizes are compared, and tables "
                "would hold each row twice"
            )
        if self.px.train not in self.sweep:
            raise ValueError(
                f"sweep: {self.sweep} lacks px.train, {self.px.train}, from which it starts"
            )
        return self


class Gabor(Section):
    """The Gabor bank of the low-level control."""

    orientations: PositiveInt
    wavelengths: list[Positive] = Field(min_length=1, description="pixels")


class Scores(Section):
    """Comparison with brains."""

    bootstrap_draws: Annotated[int, Field(ge=2)]
    bootstrap_seed: Annotated[int, Field(ge=0)]
    bootstrap_layers: Annotated[list[Layer], Apart] = Field(min_length=1)
    bootstrap_poolings: Annotated[list[Pooling], Apart] = Field(min_length=1)
    gabor: Gabor
    lowlevel_px: PositiveInt = Field(description="pixels")


class Numbers(TrainedNumbers):
    """All numbers of this paper at one scale."""

    training_data: str = Field(description="dataset on which the networks learn")
    stimuli: Literal["things", "objects92"]
    things: Things
    objects92: Objects92
    aliases: Aliases
    pack: Literal["unit", "rule", "all"]
    network: Network
    training: Training
    rules: dict[Name, AnyRule] = Field(min_length=1)
    evaluation: Evaluation
    scores: Scores

    @model_validator(mode="after")
    def _aliases_exist(self) -> "Numbers":
        rois = self.objects92.rois if self.stimuli == "objects92" else list(self.things.rois)
        for word, roi in self.aliases.roi.items():
            if roi not in rois:
                raise ValueError(
                    f"aliases.roi.{word}: '{roi}' is no ROI of {self.stimuli} ({rois})"
                )
        if self.aliases.roi["early"] == self.aliases.roi["late"]:
            raise ValueError(
                f"aliases.roi: early and late are both '{self.aliases.roi['late']}'; the claims on one "
                "are the mirror image of those on the other"
            )
        for pooling in self.scores.bootstrap_poolings:
            if pooling not in self.evaluation.poolings:
                raise ValueError(
                    f"scores.bootstrap_poolings: '{pooling}' is none of evaluation.poolings"
                )
        return self

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        if self.stimuli == "objects92":
            return [self.training_data, self.objects92.dataset]
        return [self.training_data, self.things.images, self.things.events, self.things.betas]

    def names(self) -> dict[str, list[Any]]:
        """Rules (and low-level models, which stand beside them), views and regions."""
        sizes = self.evaluation.px
        return {
            "rule": [*self.rules, *LOW_LEVEL],
            "target_rule": list(self.rules),
            "epoch": list(self.training.checkpoints),
            "px": [sizes.train, sizes.large, *self.evaluation.sweep],
            "pooling": list(self.evaluation.poolings),
            "layer": [*get_args(Layer), "fc2", "best"],
            "roi": self.objects92.rois if self.stimuli == "objects92" else list(self.things.rois),
        }

    def workload(self) -> list[Workload]:
        """Training images of each rule, and where its throughput was measured."""
        one = self.training.epochs * self.training.images
        return [
            Workload(
                what=rule,
                trainings=len(self.seeds),
                images=one * len(self.seeds),
                benchmark="training.json",
                key=("images_per_second", rule),
            )
            for rule in self.rules
        ]
