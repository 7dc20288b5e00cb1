"""Numbers and data small enough to train and match within a test."""

import copy

import yaml
from manifests import described

from papers.hierarchical_ot.schema import Numbers
from replicortex.core.config import merge
from replicortex.core.scales import SECTIONS
from replicortex.data.fixtures import cifar10, cifar_resnets, macaque_v4, nsd_regions, python_topics
from replicortex.data.fixtures import tiny_llm as stories

MADE = {
    "cifar10": (cifar10.build, {"train": 120, "test": 60}),
    "macaque_v4": (
        macaque_v4.build,
        {"images": 30, "shared": 24, "neurons": 6, "side": 16, "noise": 0.2},
    ),
    "python_topics": (python_topics.build, {"topics": 4, "sentences": 60}),
    "cifar_resnets": (cifar_resnets.build, {}),
    "tiny_llm": (
        stories.build,
        {"width": 8, "hidden": 16, "layers": 2, "heads": 2, "kv_heads": 1, "longest": 64},
    ),
    "nsd_regions": (
        nsd_regions.build,
        {"images": 40, "voxels": 12, "sessions": 2, "noise": 0.2, "side": 32},
    ),
}


def numbers(root, **changes):
    """Return the paper's checked numbers at `demo`, with changes: a model with a model for each section."""
    content = yaml.safe_load((root / "config/papers/hierarchical_ot.yaml").read_text())
    scales = {scale: content.pop(scale) for scale in SECTIONS}
    merged = merge(merge(content, scales["demo"]), copy.deepcopy(changes))
    return Numbers.model_validate(merged)


def part(model, section):
    """Return what a job declares of a section, as its rule passes it."""
    return model.model_validate(section.model_dump(include=set(model.model_fields)))


def install(folder):
    """Write every fixture and its manifest; return the manifests."""
    manifests = {}
    for name, (build, sizes) in MADE.items():
        place = folder / name
        place.mkdir()
        build(place, seed=0, **sizes)
        manifests[name] = described(place)
    return manifests
