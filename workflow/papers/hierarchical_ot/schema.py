"""The numbers of hierarchical optimal transport: types, ranges, and how they belong together."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from replicortex.schema import PaperNumbers, Positive, PositiveInt, Section, Share

Count = Annotated[int, Field(ge=0)]


class Network(Section):
    """A network for images."""

    family: Literal["cnn", "resnet", "vit"]
    depth: PositiveInt = Field(description="layers that are compared")
    width: PositiveInt


class Vision(Section):
    """Networks trained on CIFAR-10."""

    networks: dict[str, Network]
    train_images: PositiveInt
    stimuli: PositiveInt = Field(description="test images shown to all networks")
    epochs: PositiveInt
    batch: PositiveInt
    lr: Positive
    checkpoints: list[Count] = Field(min_length=2, description="epochs; 0 is before training")
    followed: str = Field(description="network whose checkpoints are matched")


class Transformer(Section):
    """A language model over ASCII characters."""

    depth: PositiveInt
    width: PositiveInt
    heads: PositiveInt


class Language(Section):
    """Language models trained on text."""

    models: dict[str, Transformer]
    context: PositiveInt = Field(description="characters of a passage")
    stimuli: PositiveInt = Field(description="held-out passages")
    steps: PositiveInt
    batch: PositiveInt
    lr: Positive


class Cortex(Section):
    """Simulated subjects with a planted hierarchy of regions."""

    subjects: Annotated[int, Field(ge=2)]
    regions: PositiveInt
    voxels: PositiveInt
    stimuli: PositiveInt
    repeats: PositiveInt
    noise: list[Positive] = Field(min_length=1, description="s.d. of one repeat; signal has 1")


class Pair(Section):
    """Two systems to match."""

    source: str
    target: str
    domain: Literal["vision", "language", "v4"]
    rotate: bool


class Matched(Section):
    """How systems are matched."""

    splits: PositiveInt
    held_out: Share
    shuffles: PositiveInt
    temperature: Positive
    iterations: PositiveInt
    null_draws: PositiveInt
    shares: list[Share] = Field(description="of units kept in the subsampling curve")


class Numbers(PaperNumbers):
    """All numbers of the paper."""

    training_data: str
    text: str
    recordings: str
    resnets: str | None
    tiny_llm: str | None
    vision: Vision
    language: Language
    cortex: Cortex
    pairs: dict[str, Pair]
    matched: Matched

    @model_validator(mode="after")
    def _belong_together(self) -> "Numbers":
        known = {
            "vision": [
                *self.vision.networks,
                *(["resnet20", "resnet56"] if self.resnets else []),
            ],
            "language": [
                *self.language.models,
                *(["stories260k"] if self.tiny_llm else []),
            ],
            "v4": [*self.vision.networks, "v4_210322", "v4_210325"],
        }
        for name, pair in self.pairs.items():
            for system in (pair.source, pair.target):
                if system not in known[pair.domain]:
                    raise ValueError(
                        f"pairs.{name}: '{system}' is no system of {pair.domain} "
                        f"({', '.join(known[pair.domain])})"
                    )
        if self.vision.followed not in self.vision.networks:
            raise ValueError(f"vision.followed: '{self.vision.followed}' is no network")
        if max(self.vision.checkpoints) > self.vision.epochs:
            raise ValueError("vision.checkpoints: one lies after the last epoch")
        return self

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        names = [self.training_data, self.text, self.recordings, self.resnets, self.tiny_llm]
        return [name for name in names if name]
