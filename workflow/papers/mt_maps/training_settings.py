"""Sections of the configuration on which a training depends."""

from typing import Annotated, Any, Literal

from pydantic import Field

from papers.mt_maps.ranges import Pan, Several
from replicortex.core.quantities import (
    NotNegative,
    Ordered,
    Positive,
    PositiveInt,
    Share,
    SharePart,
)
from replicortex.core.section import Section

Order = Literal["forward", "static", "shuffled", "reversed"]
Flip = Literal["none", "shared", "independent"]
Pairs = Literal["instance", "velocity"]
Motion = Literal["together", "apart"]
Form = Literal["relative", "absolute"]
Mode = Literal["swapped", "retinotopic", "uniform", "shuffled"]
Start = Literal["reference", "random", "pretrained", "continue", "restart"]
Block = Annotated[str, Field(pattern=r"^layer\d+\.\d+$")]


class Jitter(Section):
    """Random changes of light: shares; of hue, turns either way."""

    brightness: Share
    contrast: Share
    saturation: Share
    hue: Annotated[float, Field(ge=0, le=0.5)]


class ClipSettings(Section):
    """How clips are cut."""

    frames: Annotated[int, Field(ge=2)]
    step: PositiveInt = Field(description="frames between frames")
    size: PositiveInt = Field(description="pixels")
    crop: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Ordered] = Field(
        min_length=2, max_length=2, description="side of the window, share of the frame"
    )
    flip: Flip
    motion: Motion = Field(description="of the crops of a pair")
    order: Order
    jitter: Jitter
    grey: Share
    blur: list[NotNegative] = Field(
        min_length=2, max_length=2, description="sigma in pixels, from and to"
    )
    mean: list[Share] = Field(min_length=1, max_length=3)
    sd: list[Positive] = Field(min_length=1, max_length=3)
    batch: Annotated[int, Field(ge=3)] = Field(description="pairs")
    steps: PositiveInt = Field(description="of an epoch")


class PairSettings(ClipSettings):
    """How clips of one source are cut and paired."""

    pairs: Pairs
    pan: Pan = Field(description="speed of the crop, pixels per frame, from and to")
    jittered: Share = Field(description="share of the views whose light changes")
    blurred: Share = Field(description="share of the views that are blurred")


class NetworkSettings(Section):
    """3D ResNet and head."""

    colours: Literal[1, 3]
    stem: PositiveInt = Field(description="channels")
    widths: list[PositiveInt] = Field(min_length=1)
    blocks: list[PositiveInt] = Field(min_length=1)
    strides: list[PositiveInt] = Field(min_length=1)
    head: Literal["linear", "mlp"]
    embedding: PositiveInt


class TaskSettings(Section):
    """Momentum contrast."""

    weight: NotNegative
    temperature: Positive
    momentum: Share
    queue: PositiveInt = Field(description="keys")


class LayerSettings(Section):
    """The sheet of one block."""

    block: Block
    area: str
    area_mm2: Positive
    width: Positive = Field(description="of a neighbourhood, mm")


class SpatialSettings(Section):
    """The spatial loss."""

    form: Form
    most: Annotated[int, Field(ge=3)] = Field(description="units of a neighbourhood")
    fewest: Annotated[int, Field(ge=3)]


class PlacingSettings(Section):
    """Positions before training."""

    mode: Mode
    jitter: NotNegative = Field(description="mm")
    neighbourhoods: PositiveInt
    trials: PositiveInt
    directions: Annotated[int, Field(ge=8, multiple_of=2)]
    cycles: Several = Field(description="per image")
    speeds: Several = Field(description="pixels per frame")
    phases: PositiveInt


class TrainingSettings(Section):
    """Optimiser and schedule."""

    optimiser: Literal["sgd", "adam"]
    lr: Positive
    momentum: SharePart
    weight_decay: NotNegative
    pretrain_epochs: PositiveInt
    continue_epochs: PositiveInt
    restart_epochs: PositiveInt
    precision: Literal["fp32", "bf16"]


class MotionEnergySettings(Section):
    """Units made by hand."""

    directions: Annotated[int, Field(ge=8)]
    cycles: Several
    speeds: Several
    sigma: Positive = Field(description="cycles")


class Settings(Section):
    """Sections of one arm, with what it changes of them.

    Its clips are those of a source, except for units made by hand, which see none in training.
    """

    clips: PairSettings | ClipSettings
    network: NetworkSettings
    task: TaskSettings
    spatial: SpatialSettings
    placing: PlacingSettings
    training: TrainingSettings
    motion_energy: MotionEnergySettings
    layers: dict[Block, LayerSettings]
    map_layer: Block


class ArmNetwork(Section):
    """One network of an arm: its name, how it starts, and the weight of the spatial loss."""

    name: str
    start: Start
    alpha: NotNegative


class Arm(Section):
    """What is trained for several seeds; the source is "none" for units made by hand."""

    arm: str
    source: str
    networks: list[ArmNetwork]


class ToldArm(Arm):
    """An arm with those settings alone that it does not share with all arms of its job."""

    settings: dict[str, Any]


class TrainedArm(Arm):
    """An arm with all its settings."""

    settings: Settings
