"""The numbers of the learning-rules paper: their types, units, ranges and how they belong together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from papers.learning_rules.settings.bp import BPSettings
from papers.learning_rules.settings.evaluation import Evaluation
from papers.learning_rules.settings.fa import FASettings
from papers.learning_rules.settings.network import NetworkSettings
from papers.learning_rules.settings.pc import PCSettings
from papers.learning_rules.settings.pc_supervised import SupervisedPCSettings
from papers.learning_rules.settings.reference import ReferenceSettings
from papers.learning_rules.settings.responses import ObjectResponses, ThingsResponses
from papers.learning_rules.settings.scores import BrainScores, Layer, NetworkScores
from papers.learning_rules.settings.stdp import STDPSettings
from papers.learning_rules.settings.stdp_pair import PairSTDPSettings
from papers.learning_rules.settings.training import TrainingSettings
from replicortex.core.quantities import Apart, SharePart
from replicortex.core.schema import Name, TrainedNumbers
from replicortex.core.section import Section
from replicortex.data import things
from replicortex.data.needed import Names, Needed
from replicortex.tools.costs import Workload

TIMED = (
    *("bp", "fa", "pc", "stdp", "fa_all", "pc_supervised", "stdp_pair", "stdp_stated"),
    "bp_relu_first",
)
LOW_LEVEL = ("luminance", "rgb", "pixel", "gabor", "silhouette")


class Things(ThingsResponses):
    """THINGS-fMRI: 720 images, three people, single presentations."""

    images: str = Field(description="dataset of the images")
    events: str = Field(description="dataset of the order of presentation")
    betas: str = Field(description="dataset of the responses")
    # Their names become parts of files' names.
    subjects: Annotated[list[Name], Apart] = Field(min_length=1)
    rois: dict[Name, Annotated[list[str], Field(min_length=1)]] = Field(
        min_length=1, description="columns of the voxel table"
    )


class Objects92(ObjectResponses):
    """The 92-object set: fMRI RDMs of 15 people."""

    dataset: str


class Reference(ReferenceSettings):
    """A network that others trained, beside those trained here."""

    weights: str = Field(description="dataset of its package")


class Aliases(Section):
    """Words of the claims for values of this scale."""

    roi: dict[Literal["early", "late"], str] = Field(min_length=2)


AnyRule = Annotated[
    BPSettings | FASettings | PCSettings | STDPSettings | SupervisedPCSettings | PairSTDPSettings,
    Field(discriminator="kind"),
]


class Scores(BrainScores, NetworkScores):
    """Comparison with brains, and of networks with each other."""

    accuracy_within: SharePart = Field(description="accuracies no further apart count as equal")


class Numbers(TrainedNumbers):
    """All numbers of this paper at one scale."""

    training_data: str = Field(description="dataset on which the networks learn")
    stimuli: Literal["things", "objects92"]
    things: Things
    objects92: Objects92
    aliases: Aliases
    pack: Literal["unit", "rule", "all"]
    network: NetworkSettings
    training: TrainingSettings
    rules: dict[Name, AnyRule] = Field(min_length=1)
    evaluation: Evaluation
    scores: Scores
    reference: Reference

    @model_validator(mode="after")
    def _aliases_exist(self) -> "Numbers":
        """Refuse aliases and layouts that name no ROI and no pooling of this scale."""
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
        networks = [self.training_data, self.reference.weights]
        if self.stimuli == "objects92":
            return [*networks, self.objects92.dataset]
        return [*networks, self.things.images, self.things.events, self.things.betas]

    def expected(self, dataset: str, folder: Names, installed: Mapping[str, Path]) -> list[Needed]:
        """Return the files that the readers of a licensed dataset open."""
        if dataset == self.things.betas:
            return things.expected_tables(self.things.subjects)
        if dataset == self.things.images:
            events = installed.get(self.things.events)
            return things.expected_images(things.select(events) if events else None)
        return []

    def names(self) -> dict[str, list[Any]]:
        """Return what tables hold: rules (and low-level models beside them), views and regions."""
        sizes = self.evaluation.px
        return {
            "rule": [*self.rules, *LOW_LEVEL],
            "target_rule": list(self.rules),
            "epoch": list(self.training.checkpoints),
            "px": [*sizes.both, *self.evaluation.sweep],
            "pooling": list(self.evaluation.poolings),
            # Of the network of others, its blocks' summaries alone: another one has other blocks.
            "layer": [*get_args(Layer), "fc2", "best", "best_late", "mean_early"],
            "roi": self.objects92.rois if self.stimuli == "objects92" else list(self.things.rois),
        }

    def workload(self) -> list[Workload]:
        """Return the training images of each rule, and where its throughput was measured."""
        one = self.training.epochs * self.training.images
        return [
            Workload(
                what=rule,
                trainings=len(self.seeds),
                images=one * len(self.seeds),
                benchmark="training.json",
                # A rule of a user's own takes as long as the one that its kind is named for.
                key=("images_per_second", rule if rule in TIMED else settings.kind),
            )
            for rule, settings in self.rules.items()
        ]
