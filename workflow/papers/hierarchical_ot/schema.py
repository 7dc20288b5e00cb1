"""The numbers of hierarchical optimal transport: types, ranges, and how they belong together."""

from itertools import combinations, product
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from replicortex.core.schema import (
    Apart,
    Name,
    Positive,
    PositiveInt,
    Share,
    TrainedNumbers,
)
from replicortex.core.section import Section
from replicortex.tools.costs import Workload

Count = Annotated[int, Field(ge=0)]
Repository = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
Revision = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
# Characters of a text, about [assumed for WikiText-2]: `cost` alone asks for them.
CHARACTERS = {"wikitext": 13_000_000, "python_topics": 432_600}
FIXED_VISION = ("resnet20", "resnet56")
FIXED_LANGUAGE = ("stories260k",)
FIXED_V4 = ("v4_210322", "v4_210325")


class Network(Section):
    """A network for images."""

    family: Literal["cnn", "resnet", "vit"]
    depth: PositiveInt = Field(description="layers that are compared")
    width: PositiveInt = Field(description="channels of the first stage, or units of a token")
    heads: PositiveInt = Field(default=1, description="of attention")


class Trained(Section):
    """What both kinds of training have."""

    stimuli: Annotated[int, Field(ge=13)] = Field(description="shown to all systems, not learned")
    epochs: PositiveInt
    batch: PositiveInt
    lr: Positive = Field(description="of Adam at first; a cosine takes it to 0")
    precision: Literal["fp32", "bf16"]


class Vision(Trained):
    """Networks trained on CIFAR-10."""

    networks: dict[Name, Network]
    train_images: PositiveInt
    padding: Annotated[int, Field(ge=0, le=32)] = Field(
        description="pixels by which a training image may be shifted"
    )
    flip: bool
    mean: Annotated[list[Share], Field(min_length=3, max_length=3)]
    sd: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    checkpoints: Annotated[list[Count], Apart] = Field(
        min_length=2, description="epochs; 0 is before training"
    )
    followed: str = Field(description="network whose checkpoints are matched")


class Transformer(Section):
    """A language model over ASCII characters."""

    depth: PositiveInt
    width: PositiveInt
    heads: PositiveInt


class Language(Trained):
    """Language models trained on text."""

    models: dict[Name, Transformer]
    context: Annotated[int, Field(ge=2)] = Field(description="characters of a passage")


class Brain(Section):
    """Subjects and regions of the Natural Scenes Dataset."""

    subjects: Annotated[list[Annotated[int, Field(ge=1, le=8)]], Apart] = Field(min_length=2)
    regions: Annotated[list[Literal["V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "V4"]], Apart] = (
        Field(min_length=1)
    )
    repeats: Annotated[int, Field(ge=1, le=3)] = Field(description="showings that are averaged")
    ceiling: Annotated[float, Field(ge=0, lt=100)] = Field(
        description="percent of variance; voxels at or below it are left out"
    )


class Cortex(Section):
    """Simulated subjects with a planted hierarchy of regions."""

    subjects: Annotated[int, Field(ge=2)]
    regions: PositiveInt
    voxels: PositiveInt
    stimuli: PositiveInt
    repeats: PositiveInt
    noise: Annotated[list[Positive], Apart] = Field(
        min_length=1, description="s.d. of one repeat; signal has 1"
    )
    renewal: dict[Name, Share] = Field(
        min_length=1, description="share of a region's variance that no earlier region has"
    )


class Published(Section):
    """A published model: its repository of weights at a revision."""

    repository: Repository
    revision: Revision | None = Field(
        description="commit of the repository; null: the only one that the dataset holds"
    )
    domain: Literal["brain", "language"] = Field(description="what it is shown")


class Pair(Section):
    """Two systems to match."""

    source: str
    target: str
    domain: Literal["vision", "untrained", "language", "v4", "brain"]
    rotate: bool = Field(description="HOT+R as well")
    probe: bool = Field(
        default=False, description="the source against its rotated self; units left out"
    )


class Matched(Section):
    """How systems are matched."""

    splits: PositiveInt
    held_out: Annotated[float, Field(gt=0, lt=1)]
    shuffles: PositiveInt
    temperature: Positive
    iterations: PositiveInt
    null_draws: PositiveInt
    shares: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Apart] = Field(
        min_length=1, description="of units kept in the subsampling curve"
    )


class Numbers(TrainedNumbers):
    """All numbers of the paper."""

    pairs_per_job: PositiveInt = Field(description="between fixed systems; changes no result")
    training_data: str
    text: str
    recordings: str
    resnets: str | None
    tiny_llm: str | None
    betas: str | None
    vision_weights: str | None
    language_weights: str | None
    vision: Vision
    language: Language
    brain: Brain
    published: dict[Name, Published]
    cortex: Cortex
    pairs: dict[Name, Pair | None]
    matched: Matched
    penalty: Positive = Field(description="of ridge regression, where every unit has norm 1")

    @model_validator(mode="after")
    def _belong_together(self) -> "Numbers":
        for name, pair in self.pairs.items():
            for side in ("source", "target") if pair else ():
                known = self.systems(pair.domain)
                if getattr(pair, side) not in known:
                    raise ValueError(
                        f"pairs.{name}.{side}: '{getattr(pair, side)}' is no system of "
                        f"{pair.domain} ({', '.join(known)})"
                    )
        if not any(pair.probe for pair in self.pairs.values() if pair):
            raise ValueError("pairs: none has `probe: true`, of which the curves are made")
        vision = self.vision
        if vision.followed not in vision.networks:
            raise ValueError(
                f"vision.followed: '{vision.followed}' is no network ({', '.join(vision.networks)})"
            )
        if max(vision.checkpoints) != vision.epochs:
            raise ValueError(
                f"vision.checkpoints: the last is {max(vision.checkpoints)}, vision.epochs "
                f"{vision.epochs} expected"
            )
        if vision.checkpoints != sorted(vision.checkpoints):
            raise ValueError(f"vision.checkpoints: {vision.checkpoints} must increase")
        if vision.batch > vision.train_images:
            raise ValueError(
                f"vision.batch: {vision.batch} is more than the {vision.train_images} training images"
            )
        names = [*vision.networks, *self.language.models, *self.published]
        names += [*FIXED_VISION, *FIXED_LANGUAGE, *FIXED_V4]
        names += [f"subject{number}" for number in range(1, 9)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"'{name}' is the name of two systems; choose another")
        models = {**vision.networks, **self.language.models}
        for name, model in models.items():
            if model.width % model.heads:
                raise ValueError(f"{name}: heads {model.heads} does not divide width {model.width}")
        return self

    def trained(self, domain: str) -> list[str]:
        """Names of the systems of a domain that are trained here."""
        return list(self.language.models if domain == "language" else self.vision.networks)

    def systems(self, domain: str) -> list[str]:
        """Names of all systems of a domain at this scale."""
        fixed = {
            "vision": FIXED_VISION if self.resnets else (),
            "language": FIXED_LANGUAGE if self.tiny_llm else (),
            "untrained": (),
            "v4": FIXED_V4,
            "brain": [f"subject{n}" for n in self.brain.subjects] if self.betas else (),
        }
        weights = self.language_weights if domain == "language" else self.vision_weights
        weights = weights if domain == "language" or self.betas else None
        shown = [n for n, p in self.published.items() if p.domain == domain and weights]
        own = [] if domain == "brain" and not self.betas else self.trained(domain)
        return [*own, *fixed[domain], *shown]

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        names = [self.training_data, self.text, self.recordings]
        names += [self.resnets, self.tiny_llm, self.betas]
        names += [self.vision_weights, self.language_weights]
        return [name for name in names if name]

    def names(self) -> dict[str, list[Any]]:
        """Pairs of systems, simulated ones included."""
        cortex = self.cortex
        couples = combinations(range(1, cortex.subjects + 1), 2)
        planted = [
            f"{kind} {noise:g} {one}-{other}"
            for (one, other), kind, noise in product(couples, cortex.renewal, cortex.noise)
        ]
        return {"pair": [*(name for name, pair in self.pairs.items() if pair), *planted]}

    def workload(self) -> list[Workload]:
        """Images and passages of each network; a text of unknown length leaves its hours unknown."""
        vision, language = self.vision, self.language
        kinds = [
            self._workload(name, vision.epochs * vision.train_images, measured_as(network))
            for name, network in vision.networks.items()
        ]
        characters = CHARACTERS.get(self.text)
        passages = (characters or 0) // language.context - language.stimuli
        for name, model in language.models.items():
            key = measured_as(model, language.context) if characters else ""
            kinds.append(self._workload(name, language.epochs * max(passages, 0), key))
        return kinds

    def _workload(self, name: str, images: int, measured: str) -> Workload:
        count = len(self.seeds)
        return Workload(
            what=name,
            trainings=count,
            images=count * images,
            benchmark="hierarchical_ot.json" if measured else "",
            key=("training", measured),
        )


def measured_as(network: Network | Transformer, context: int | None = None) -> str:
    """Return the name under which the benchmark keeps a network's throughput."""
    size = f"{network.depth} x {network.width}"
    return f"{network.family} {size}" if context is None else f"text {size}, {context} characters"
