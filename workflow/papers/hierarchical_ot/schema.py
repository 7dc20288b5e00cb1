"""The numbers of hierarchical optimal transport: types, ranges, and how they belong together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from papers.hierarchical_ot.embedding_settings import BrainSettings, PublishedModel
from papers.hierarchical_ot.matching_settings import Cortex, Pair, ProbedMatching
from papers.hierarchical_ot.training_settings import (
    LanguageSettings,
    NetworkSettings,
    TransformerSettings,
    VisionSettings,
)
from replicortex.core.schema import Name, Positive, PositiveInt, Share, TrainedNumbers
from replicortex.data import model_cache, nsd, texts
from replicortex.data.needed import Names, Needed
from replicortex.tools.costs import Workload

# Characters of a text, about [assumed for WikiText-2]: `cost` alone asks for them.
CHARACTERS = {"wikitext": 13_000_000, "python_topics": 432_600}
FIXED_VISION = ("resnet20", "resnet56")
FIXED_LANGUAGE = ("stories260k",)
FIXED_V4 = ("v4_210322", "v4_210325")


class Vision(VisionSettings):
    """Networks trained on CIFAR-10; their names are parts of paths."""

    networks: dict[Name, NetworkSettings]


class Language(LanguageSettings):
    """Language models trained on text; their names are parts of paths."""

    models: dict[Name, TransformerSettings]


class NamedCortex(Cortex):
    """Simulated subjects; their kinds are named as pairs are."""

    renewal: dict[Name, Share] = Field(
        min_length=1, description="share of a region's variance that no earlier region has"
    )


class Numbers(TrainedNumbers):
    """All numbers of the paper."""

    pairs_per_job: PositiveInt = Field(description="between fixed systems; changes no result")
    models_per_job: PositiveInt = Field(description="published ones; changes no result")
    training_data: str
    text: str
    recordings: str
    session: str | None = Field(description="a recording with images of its own; null for none")
    resnets: str | None
    tiny_llm: str | None
    betas: str | None
    objects: str | None = Field(description="the 92 objects, for published vision models")
    localizer: str | None = Field(description="localizer images, for published vision models")
    vision_weights: str | None
    language_weights: str | None
    vision: Vision
    language: Language
    brain: BrainSettings
    published: dict[Name, PublishedModel | None]
    cortex: NamedCortex
    pairs: dict[Name, Pair | None]
    matched: ProbedMatching
    penalty: Positive = Field(description="of ridge regression, where every unit has norm 1")

    @model_validator(mode="after")
    def _belong_together(self) -> "Numbers":
        """Check what one field alone cannot say: names that lead somewhere, sizes that fit."""
        self._check_pairs()
        self._check_vision()
        self._check_systems()
        return self

    def _check_pairs(self) -> None:
        """A pair's systems are there at this scale, one pair is probed, no kind is named as a pair."""
        for name, pair in self.matched_pairs().items():
            known = self.systems(pair.domain)
            for side, system in (("source", pair.source), ("target", pair.target)):
                if system not in known:
                    raise ValueError(
                        f"pairs.{name}.{side}: '{system}' is no system of {pair.domain} "
                        f"({', '.join(known)})"
                    )
        if not any(pair.probe for pair in self.matched_pairs().values()):
            raise ValueError("pairs: none has `probe: true`, of which the curves are made")
        for kind in self.cortex.renewal:
            if kind in self.pairs:
                raise ValueError(f"cortex.renewal: '{kind}' is the name of a pair; choose another")

    def _check_vision(self) -> None:
        """The network that is followed exists, its checkpoints end with training, a batch is there."""
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

    def _check_systems(self) -> None:
        """No two systems have one name, and heads divide widths."""
        names = [*self.vision.networks, *self.language.models, *self.published]
        names += [*FIXED_VISION, *FIXED_LANGUAGE, *FIXED_V4]
        names += [f"v4_{self.session}"] if self.session else []
        names += [f"subject{number}" for number in range(1, 9)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"'{name}' is the name of two systems; choose another")
        models: dict[str, NetworkSettings | TransformerSettings]
        models = {**self.vision.networks, **self.language.models}
        for name, model in models.items():
            if model.width % model.heads:
                raise ValueError(f"{name}: heads {model.heads} does not divide width {model.width}")

    def matched_pairs(self) -> dict[str, Pair]:
        """Pairs that this scale does not leave out."""
        return {name: pair for name, pair in self.pairs.items() if pair is not None}

    def models(self) -> dict[str, PublishedModel]:
        """Published models that this scale does not leave out."""
        return {name: model for name, model in self.published.items() if model is not None}

    def trained(self, domain: str) -> list[str]:
        """Names of the systems of a domain that are trained here."""
        return list(self.language.models if domain == "language" else self.vision.networks)

    def systems(self, domain: str) -> list[str]:
        """Names of all systems of a domain at this scale.

        Those whose data are null are left out: published networks, NSD, weights of published models.
        """
        fixed = {
            "vision": FIXED_VISION if self.resnets else (),
            "language": FIXED_LANGUAGE if self.tiny_llm else (),
            "untrained": (),
            "v4": FIXED_V4,
            "v4_alone": [f"v4_{self.session}"] if self.session else [],
            "brain": [f"subject{n}" for n in self.brain.subjects] if self.betas else (),
        }
        held = {
            "brain": self.betas,
            "v4_alone": self.session,
            "objects": self.objects,
            "localizer": self.localizer,
        }
        if not held.get(domain, True):
            return []
        published = [
            name
            for name, model in self.models().items()
            if domain in model.stimuli and self._weights(model)
        ]
        # Networks that are trained here are not shown what nobody recorded.
        own = [] if domain in ("objects", "localizer") else self.trained(domain)
        return [*own, *fixed.get(domain, ()), *published]

    def _weights(self, model: PublishedModel) -> str | None:
        """The dataset that holds a published model's weights; None where it is null at this scale."""
        cache = self.language_weights if "language" in model.stimuli else self.vision_weights
        return model.weights or cache

    def datasets(self) -> list[str]:
        """Names of the datasets that this scale reads."""
        optional = [self.resnets, self.tiny_llm, self.betas, self.objects, self.localizer]
        optional += [self.vision_weights, self.language_weights]
        optional += [model.weights for model in self.models().values()]
        named = dict.fromkeys(name for name in optional if name)
        return [self.training_data, self.text, self.recordings, *named]

    def expected(self, dataset: str, folder: Names, installed: Mapping[str, Path]) -> list[Needed]:
        """Return the files that the readers of a licensed dataset open."""
        if dataset == self.text:
            return texts.expected()
        if dataset == self.betas:
            brain = self.brain
            return nsd.expected(folder, brain.subjects, brain.regions, "volume", coco=False)
        needed: list[Needed] = []
        for model in self.models().values():
            if model.repository is not None and self._weights(model) == dataset:
                read = [(model.repository, model.revision)]
                passages = "language" in model.stimuli
                needed += model_cache.expected(folder, read, tokenizer=passages)
        return needed

    def unpinned(self) -> list[str]:
        """Return the published models that have no revision."""
        return [
            f"published.{name}.revision is null ({model.repository})"
            for name, model in self.models().items()
            if model.repository is not None and self._weights(model) and model.revision is None
        ]

    def names(self) -> dict[str, list[Any]]:
        """Pairs and their systems, simulated subjects and their noise included."""
        pairs = self.matched_pairs()
        planted = [f"subject{number + 1}" for number in range(self.cortex.subjects)]
        return {
            "pair": [*pairs, *self.cortex.renewal],
            "source": [*(pair.source for pair in pairs.values()), *planted],
            "target": [*(pair.target for pair in pairs.values()), *planted],
            "noise_sd": list(self.cortex.noise),
        }

    def workload(self) -> list[Workload]:
        """Images and passages that each network is shown in all its trainings.

        A text of unknown length leaves its hours unknown.
        """
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


def measured_as(network: NetworkSettings | TransformerSettings, context: int | None = None) -> str:
    """Return the name under which the benchmark keeps a network's throughput.

    `context` is that of a language model, in characters.
    """
    size = f"{network.depth} x {network.width}"
    if isinstance(network, NetworkSettings):
        return f"{network.family} {size}"
    return f"text {size}, {context} characters"
