"""Layers of every system, for the stimuli that it is compared on.

Arrays are named `<domain>/<system>/<layer>`, float32 (stimuli, units). Domains: vision (test images
of CIFAR-10), untrained (the same, by the weights before training), language (passages), v4 (images
that two recordings share), v4_alone (those of a third), brain (images of NSD), checkpoint (test images,
the system is the epoch).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from papers.hierarchical_ot import neurons, passages, pictures
from papers.hierarchical_ot.embedding_settings import BrainSettings, SharedImages
from papers.hierarchical_ot.learner import fresh
from papers.hierarchical_ot.networks import Pooled, for_images, for_text, letters
from papers.hierarchical_ot.readout import layers
from papers.hierarchical_ot.training_settings import (
    EmbeddedLanguage,
    EmbeddedVision,
    Images,
    Passages,
)
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors, read_tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.data import cifar_resnets, nsd, nsd_regions, tiny_llm
from replicortex.models import llama2c
from replicortex.models.cifar_resnet import CifarResNet
from replicortex.training import device as devices
from replicortex.training.augment import normalise


def embed(
    *,
    vision_models: list[Path],
    language_models: list[Path],
    images: Path,
    text: Path,
    recordings: Path,
    vision: EmbeddedVision,
    language: EmbeddedLanguage,
    brain: SharedImages,
    device: str,
    session: str | None = None,
    betas: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list[Tensors]]:
    """Return the layers of the networks trained here, one file for each seed (its description).

    `session` is the recording of V4 whose images are its own. Rows are stimuli in the order in which
    `pictures.test_images`, `passages.passages`, `neurons.v4`, `neurons.v4_alone` and
    `neurons.brain_images` draw them, which settings and data alone decide: so rows of the files of
    all jobs are the same stimuli.

    Raises
    ------
    StudyError
        When two models beside each other were trained from different seeds.
    """
    place = devices.choose(device)
    by_domain = {"vision": pictures.test_images(images, vision.stimuli)[0]}
    by_domain["v4"] = neurons.shrunk(neurons.v4(recordings)[0])
    if session is not None:
        by_domain["v4_alone"] = neurons.shrunk(neurons.v4_alone(recordings, session)[0])
    if betas is not None:
        numbers = neurons.brain_images(betas, brain)
        by_domain["brain"] = neurons.shrunk(nsd.read_images(betas, numbers))
    ready = {
        domain: normalise(torch.from_numpy(given), vision.mean, vision.sd).to(place)
        for domain, given in by_domain.items()
    }
    read = letters(passages.passages(text, language)[1]).to(place)
    found = []
    pairs = list(zip(vision_models, language_models, strict=True))
    for for_vision, for_language in progress(pairs, desc="seeds"):
        arrays: dict[str, np.ndarray] = {}
        tensors, described = read_tensors(for_vision)
        written, other = read_tensors(for_language)
        if described["seed"] != other["seed"]:
            raise StudyError(
                f"{for_language}: trained from seed {other['seed']}, {for_vision} beside it from "
                f"{described['seed']}"
            )
        for name, settings in vision.networks.items():
            network = _load(for_images(settings), tensors, name, vision.epochs, place)
            for domain, x in ready.items():
                _put(arrays, f"{domain}/{name}", layers(network, x))
            start = fresh(lambda n=settings: for_images(n), described["seed"], name).to(place)
            _put(arrays, f"untrained/{name}", layers(start, ready["vision"]))
        followed = vision.followed
        for epoch in vision.checkpoints:
            network = for_images(vision.networks[followed])
            network = _load(network, tensors, followed, epoch, place)
            _put(arrays, f"checkpoint/{epoch}", layers(network, ready["vision"]))
        for name, model in language.models.items():
            network = for_text(model, language.context)
            network = _load(network, written, name, language.epochs, place)
            _put(arrays, f"language/{name}", layers(network, read))
        found.append(Tensors(arrays, {"seed": described["seed"]}))
    return {"activations": found}


def embed_fixed(
    *,
    images: Path,
    text: Path,
    recordings: Path,
    vision: Images,
    language: Passages,
    brain: BrainSettings,
    device: str,
    session: str | None = None,
    resnets: Path | None = None,
    tiny: Path | None = None,
    betas: Path | None = None,
) -> dict[str, Tensors]:
    """Return the layers of what was not trained here: networks of others, neurons, regions.

    `ceilings/<subject>/<region>` (voxels,) are noise ceilings in percent of variance;
    `left out/<subject>/<region>` (1,), how many voxels had no response in some session.
    """
    place = devices.choose(device)
    arrays: dict[str, np.ndarray] = {}
    for name, counts in neurons.v4(recordings)[1].items():
        _put(arrays, f"v4/{name}", [counts.astype(np.float32)])
    if session is not None:
        for name, counts in neurons.v4_alone(recordings, session)[1].items():
            _put(arrays, f"v4_alone/{name}", [counts.astype(np.float32)])
    if resnets is not None:
        tested = torch.from_numpy(pictures.test_images(images, vision.stimuli)[0])
        x = normalise(tested, list(cifar_resnets.MEAN), list(cifar_resnets.SD)).to(place)
        for name, depth in cifar_resnets.DEPTHS.items():
            network = CifarResNet(depth)
            cifar_resnets.fill(network, resnets, name)
            _put(arrays, f"vision/{name}", layers(Pooled(network).to(place), x))
    if tiny is not None:
        _put(arrays, "language/stories260k", _stories(tiny, passages.passages(text, language)[1]))
    if betas is not None:
        numbers = neurons.brain_images(betas, brain)
        for subject in brain.subjects:
            found = nsd_regions.read(
                betas,
                subject,
                brain.regions,
                numbers,
                repeats=brain.repeats,
                ceiling=brain.ceiling,
            )
            _put(arrays, f"brain/subject{subject}", [found.regions[r] for r in brain.regions])
            for region, ceiling in found.ceilings.items():
                arrays[f"ceilings/subject{subject}/{region}"] = ceiling.astype(np.float32)
                arrays[f"left out/subject{subject}/{region}"] = np.array([found.left_out[region]])
    return {"activations": Tensors(arrays)}


def _stories(tiny: Path, texts: list[str]) -> list[np.ndarray]:
    """Return the TinyStories model's layers: means over the characters of each passage.

    Its tokens are longer than a character: each counts as often as it has characters, so that both
    models' features are means over the same span.
    """
    model = tiny_llm.read_model(tiny)
    tokenizer = tiny_llm.read_tokenizer(tiny, model.vocabulary)
    found = []
    for passage in texts:
        tokens, spans = tokenizer.encode(passage)
        states, _ = llama2c.hidden_states(model, tokens)
        weight = np.array([end - start for start, end in spans], dtype=float)
        found.append(np.tensordot(states, weight / weight.sum(), axes=(1, 0)))
    return list(np.stack(found, axis=1).astype(np.float32))


def _load(
    network: torch.nn.Module,
    tensors: dict[str, np.ndarray],
    name: str,
    epoch: int,
    place: torch.device,
) -> torch.nn.Module:
    """Return a network with the weights that training kept for an epoch, `<name>/<epoch>/<parameter>`."""
    start = f"{name}/{epoch}/"
    own = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
    network.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in own.items()})
    return network.to(place)


def _put(arrays: dict[str, np.ndarray], name: str, found: list[np.ndarray]) -> None:
    arrays |= {f"{name}/{number}": layer for number, layer in enumerate(found)}
