"""What this paper's rules make, from its numbers: systems, pairs, their jobs, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from papers.hierarchical_ot.embedding_settings import INPUTS, SharedImages
from papers.hierarchical_ot.matching_settings import Matching, SimulatedMatching
from papers.hierarchical_ot.systems import files_of, is_trained
from papers.hierarchical_ot.training_settings import EmbeddedLanguage, EmbeddedVision
from replicortex.core.drawing import Drawing, drawings
from replicortex.core.rules import only
from replicortex.core.seeds import packs

FIXED = "<results>/activations/fixed.safetensors"  # layers of systems that are not trained here
PARTS = ("scores", "plans", "structure")
TABLES = (*PARTS, "curves", "alternatives", "history", "checkpoints")
FIGURES = (
    "plans",
    "scores",
    "advantage",
    "structure",
    "rotation",
    "checkpoints",
    "subsampling",
    "alternatives",
)


class Published(NamedTuple):
    """Published models by name, manifests of their weights in that order, and of their stimuli, by name."""

    models: dict[str, Any]
    weights: list[str]
    stimuli: dict[str, str]


class FixedPairs(NamedTuple):
    """Pairs that no seed changes, matched by one job, and the files of their layers."""

    pairs: dict[str, Any]
    files: list[str]


class Plan(NamedTuple):
    """What the rules make.

    Attributes
    ----------
    jobs
        Networks of each training job, "seed0", in vision and in language.
    stimuli, betas, others
        Inputs by name: stimuli; NSD's responses; networks that come as they are.
    published
        The jobs of published models, by the name of their file: the model's, or the first and the last one's.
    embed_mb
        Memory that one of them asks for.
    trained_pairs, trained_files
        Pairs with a network that is trained here, and files of their other systems.
    fixed_pairs
        The jobs of the other pairs.
    sections
        What embedding trained networks reads of the sections vision, language and brain.
    matching, simulated
        What matching reads of the section matched where no pair is probed, and of simulated subjects.
    drawings
        The rules that draw.
    """

    jobs: dict[str, list[str]]
    stimuli: dict[str, str]
    betas: dict[str, str]
    others: dict[str, str]
    published: dict[str, Published]
    embed_mb: int
    trained_pairs: dict[str, Any]
    trained_files: list[str]
    fixed_pairs: list[FixedPairs]
    sections: dict[str, Any]
    matching: dict[str, Any]
    simulated: dict[str, Any]
    drawings: list[Drawing]

    def parts(self, part: str, seeds: list[int]) -> list[str]:
        """Return the files of which a table of the paper is joined."""
        return [
            *(f"<results>/metrics/{part}/seed{seed}.csv" for seed in seeds),
            *(f"<results>/metrics/{part}/fixed{n}.csv" for n in range(len(self.fixed_pairs))),
            f"<results>/metrics/{part}/planted.csv",
        ]


# Key of the paper's numbers that names the dataset of each input.
DATASETS = {
    "images": "training_data",
    **{name: name for name in INPUTS.values() if name != "images"},
}


def _published(numbers: Mapping[str, Any]) -> dict[str, Published]:
    """Return the jobs of the published models whose weights are there."""
    found = dict(_at_hand(numbers))
    jobs = {}
    for names in packs(found, numbers["models_per_job"]):
        own = [found[name] for name in names]
        jobs["-".join(dict.fromkeys((names[0], names[-1])))] = Published(
            {name: one.model for name, one in zip(names, own, strict=True)},
            [one.weights for one in own],
            {key: path for one in own for key, path in one.stimuli.items()},
        )
    return jobs


class _Model(NamedTuple):
    """A published model, the manifest of its weights, and manifests of its stimuli, by name."""

    model: dict[str, Any]
    weights: str
    stimuli: dict[str, str]


def _at_hand(numbers: Mapping[str, Any]) -> Iterator[tuple[str, _Model]]:
    """Yield the published models whose weights are there, and those of its domains that are at hand."""
    manifests = numbers["manifests"]
    for name, model in numbers["published"].items():
        if model is None:
            continue
        cache = "language_weights" if "language" in model["stimuli"] else "vision_weights"
        weights = model["weights"] or numbers[cache]
        domains = [
            domain
            for domain in model["stimuli"]
            if numbers[DATASETS[INPUTS[domain]]] and (domain != "v4_alone" or numbers["session"])
        ]
        if weights and domains:
            inputs = {INPUTS[d]: manifests[numbers[DATASETS[INPUTS[d]]]] for d in domains}
            yield name, _Model({**model, "stimuli": domains}, manifests[weights], inputs)


def _embed_mb(published: Mapping[str, Published], numbers: Mapping[str, Any]) -> int:
    """Return the memory of an embedding: those of the model caches have up to eight billion weights."""
    named = [numbers["vision_weights"], numbers["language_weights"]]
    caches = [numbers["manifests"][name] for name in named if name]
    return (
        32_000
        if any(path in caches for one in published.values() for path in one.weights)
        else 4000
    )


def plan(numbers: Mapping[str, Any]) -> Plan:
    """Return what the rules make of the paper's merged numbers.

    Parameters
    ----------
    numbers
        The paper's section of the merged configuration, with paths of its datasets' manifests by name
        ("manifests") and the paper's folder ("folder").
    """
    manifests = numbers["manifests"]
    pairs = {name: pair for name, pair in numbers["pairs"].items() if pair}
    trained = {name: pair for name, pair in pairs.items() if is_trained(pair, numbers)}
    fixed = packs([name for name in pairs if name not in trained], numbers["pairs_per_job"])
    stimuli = {"images": "training_data", "text": "text", "recordings": "recordings"}
    published = _published(numbers)
    files = {pack: list(one.models) for pack, one in published.items()}
    return Plan(
        jobs={
            f"{number}": [f"seed{seed}" for seed in pack]
            for number, pack in enumerate(packs(numbers["seeds"], numbers["seeds_per_job"]))
        },
        stimuli={name: manifests[numbers[key]] for name, key in stimuli.items()},
        betas={"betas": manifests[numbers["betas"]]} if numbers["betas"] else {},
        others={
            name: manifests[numbers[key]]
            for name, key in (("resnets", "resnets"), ("tiny", "tiny_llm"))
            if numbers[key]
        },
        published=published,
        embed_mb=_embed_mb(published, numbers),
        trained_pairs=trained,
        trained_files=files_of(trained.values(), numbers, FIXED, files),
        fixed_pairs=[
            FixedPairs(
                {name: pairs[name] for name in names},
                files_of([pairs[name] for name in names], numbers, FIXED, files),
            )
            for names in fixed
        ],
        sections={
            "vision": only(numbers["vision"], *EmbeddedVision.model_fields),
            "language": only(numbers["language"], *EmbeddedLanguage.model_fields),
            "brain": only(numbers["brain"], *SharedImages.model_fields),
        },
        matching=only(numbers["matched"], *Matching.model_fields),
        simulated=only(numbers["matched"], *SimulatedMatching.model_fields),
        drawings=drawings(
            "hierarchical_ot",
            FIGURES,
            numbers["figures_per_job"],
            {table: f"<results>/metrics/{table}.csv" for table in TABLES},
        ),
    )
