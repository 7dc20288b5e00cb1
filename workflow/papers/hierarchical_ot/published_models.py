"""Layers of published models: networks from packages; DINOv2, ViT-MAE, Llama, Qwen from a model cache.

A model cache's paths name the revision: `models--<organisation>--<model>/snapshots/<revision>/`. Nothing
is downloaded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from papers.hierarchical_ot import passages
from papers.hierarchical_ot.embedding_settings import PublishedModel, SharedImages
from papers.hierarchical_ot.learner import fresh
from papers.hierarchical_ot.stimuli import Sources, pictures_of
from papers.hierarchical_ot.training_settings import Images, Passages
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed
from replicortex.data import language_models, model_cache, networks
from replicortex.models import layer_responses, transformer
from replicortex.models.layer_responses import VisionNetwork
from replicortex.training import device as devices


def embed(
    *,
    names: list[str],
    models: dict[str, PublishedModel],
    weights: list[Path],
    vision: Images,
    language: Passages,
    brain: SharedImages,
    device: str,
    session: str | None = None,
    text: Path | None = None,
    images: Path | None = None,
    recordings: Path | None = None,
    betas: Path | None = None,
    objects: Path | None = None,
    localizer: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, Tensors]:
    """Return models' layers, `<domain>/<name>/<layer>`: float32 (stimuli, units) after each block.

    `weights` has a manifest for each of the `names`, in their order.

    Means over all tokens of a passage or picture (the class token too), or over all places of a map. The
    last layer of a language model is what its final norm gives, as transformers has it. What precedes or
    follows the blocks is no layer. A model that is `untrained` has weights drawn from that seed.

    Raises
    ------
    StudyError
        When the weights are absent or of another kind, or there is nothing to show.
    """
    place = devices.choose(device)
    sources = Sources(images, recordings, betas, objects, localizer)
    arrays: dict[str, np.ndarray] = {}
    for name, manifest in zip(names, weights, strict=True):
        model = models[name]
        found: dict[str, list[np.ndarray]] = {}
        if "language" in model.stimuli:
            if text is None:
                raise StudyError(
                    f"published.{name}: it is shown the passages of `text`, which is null"
                )
            read = _language(name, model, manifest, place)
            passed = passages.passages(text, language)[1]
            found["language"] = transformer.responses(*read, passed, place, progress)
        else:
            network = _vision(name, model, manifest, place)
            blocks = [layer for layer in network.layers if layer.startswith("block")]
            for domain in model.stimuli:
                try:
                    images_of_domain = pictures_of(domain, sources, vision, brain, session)
                except StudyError as error:
                    raise StudyError(f"published.{name}: {error}") from None
                answers = layer_responses.responses(
                    network, images_of_domain, place, layers=blocks, progress=progress
                )
                found[domain] = list(answers.values())
        arrays |= {
            f"{domain}/{name}/{number}": layer
            for domain, layers in found.items()
            for number, layer in enumerate(layers)
        }
    described = {name: model.model_dump() for name, model in models.items()}
    return {"activations": Tensors(arrays, described)}


def _vision(name: str, model: PublishedModel, weights: Path, place: torch.device) -> VisionNetwork:
    """Return a network for pictures, from a package or a model cache."""
    if model.network is not None:
        read = networks.read(weights, model.network)
        if model.untrained is None:
            return read
        return networks.untrained(read, stream_seed(model.untrained, "weights", model.network))
    network, kind = transformer.load(
        model_cache.snapshot(weights, str(model.repository), model.revision), place
    )
    _check_kind(name, model, kind, "pictures")
    return transformer.vision(_twin(network, model))


def _language(
    name: str, model: PublishedModel, weights: Path, place: torch.device
) -> language_models.LanguageModel:
    """Return a model and its tokenizer, from a package or a model cache."""
    if model.network is not None:
        read = language_models.read(weights, model.network, place)
    else:
        folder = model_cache.snapshot(weights, str(model.repository), model.revision)
        network, kind = transformer.load(folder, place)
        _check_kind(name, model, kind, "passages")
        read = language_models.LanguageModel(network, transformer.tokenizer(folder))
    return read._replace(network=_twin(read.network, model))


def _twin(network: torch.nn.Module, model: PublishedModel) -> torch.nn.Module:
    """Return a transformer as it is or, where `untrained` asks for it, one of its form with drawn weights."""
    if model.untrained is None:
        return network
    form = str(model.network or model.repository)
    return fresh(lambda: transformer.drawn(network), model.untrained, form)


def _check_kind(name: str, model: PublishedModel, kind: str, wanted: str) -> None:
    if transformer.KINDS[kind] != wanted:
        raise StudyError(
            f"published.{name}: {model.repository} is a {kind}, which is shown "
            f"{transformer.KINDS[kind]}; found {', '.join(model.stimuli)}"
        )
