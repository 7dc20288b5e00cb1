"""Feature spaces of small networks and of what nothing learned, shown every set of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from papers.sparse_positive import handmade
from papers.sparse_positive.extraction import (
    PICTURES,
    extracted,
    nsd_pictures,
    resized,
)
from papers.sparse_positive.extraction_settings import Extraction, SpaceSettings
from papers.sparse_positive.features import FLOC, of_session
from papers.sparse_positive.training_settings import NetworkSettings
from papers.sparse_positive.units import UNTRAINED, halves, passing_by_draw
from replicortex.core.files import read_tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed
from replicortex.data import cifar, cifar_resnets, floc, macaque_v4

if TYPE_CHECKING:
    from torch import nn

    from replicortex.models.cifar_resnet import CifarResNet

SIDE = 32  # pixels: what the small networks see
# Activations (images, units) by layer, of images uint8 (n, side, side, 3); "" where there are no layers.
Answering = Callable[[np.ndarray], dict[str, np.ndarray]]


def extract(
    *,
    images: Path,
    settings: Extraction,
    device: str,
    networks: Path | None = None,
    models: Sequence[Path] = (),
    pictures: Path | None = None,
    v4: Path | None = None,
    scenes: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, object]:
    """Choose units of some feature spaces and keep their answers.

    Parameters
    ----------
    images, networks, pictures, v4, scenes
        Manifests of the localizer images, the published networks, CIFAR-10 (figure 2A), macaque V4
        and NSD.
    settings
        Sources, how units are chosen, and what is shown.
    device
        "cpu" or "cuda".
    models
        Files of `train.train`, for the source "trained".

    Returns
    -------
    As `extraction.extracted`, and "untrained", of `drawn`; a space is named
    `<network>_<trained or untrained>_<layer>`, or as in `handmade.spaces`.
    """
    pixels, domains = floc.read(images)
    stacks = {FLOC: floc.small(pixels, SIDE)}
    if v4 is not None:
        for session in settings.sessions:
            stacks[of_session(session)] = resized(macaque_v4.read_images(v4, session)[1], SIDE)
    if scenes is not None and settings.scenes is not None:
        stacks |= nsd_pictures(scenes, settings.scenes, SIDE)
    if pictures is not None:
        stacks[PICTURES] = cifar.read(pictures, "test")[0][:: settings.spaces.every_picture]
    sources = _sources(settings, networks, models, device)
    answered = by_space(progress(sources), stacks)
    found = extracted(answered, domains, settings.localizer, settings.spaces.turned)
    rows = drawn(settings, stacks[FLOC], domains, device)
    return {**found, "untrained": pd.DataFrame(rows, columns=list(UNTRAINED))}


def drawn(
    settings: Extraction, images: np.ndarray, domains: np.ndarray, device: str
) -> list[dict[str, Any]]:
    """Return how many units pass the localizer in untrained networks, over draws of their weights.

    Parameters
    ----------
    settings
        Sources, of which the published networks count, and how often each is drawn; draw 0 is the
        untrained network whose layers are feature spaces.
    images, domains
        Of the localizer, uint8 (n, side, side, 3) and (n,): the first half is shown.

    Returns
    -------
    A row per network, draw and unit set, of the last layer's units.
    """
    spaces, first = settings.spaces, halves(domains)
    rows: list[dict[str, Any]] = []
    for source in settings.sources:
        if source not in cifar_resnets.DEPTHS:
            continue
        for draw in range(spaces.draws):
            model = _untrained(source, spaces, draw)
            answering = _layers(model, cifar_resnets.MEAN, cifar_resnets.SD, spaces.batch, device)
            layer, values = list(answering(images[first]).items())[-1]
            space = f"{source}_untrained_{layer}"
            rows += passing_by_draw(space, draw, values, domains[first], settings.localizer.q)
    return rows


def by_space(
    sources: Iterable[tuple[str, Answering]], stacks: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yield each layer's name, and its activations (images, units) by set of pictures."""
    for name, answering in sources:
        answers = {pictures: answering(stack) for pictures, stack in stacks.items()}
        for layer in answers[FLOC]:
            space = f"{name}_{layer}" if layer else name
            yield space, {pictures: layers[layer] for pictures, layers in answers.items()}
        del answers  # the next network's are as large


def _sources(
    settings: Extraction, networks: Path | None, models: Sequence[Path], device: str
) -> Iterator[tuple[str, Answering]]:
    """Yield the name of each network or handmade space, and how it answers.

    A network is made only when its turn comes.
    """
    spaces = settings.spaces
    for source in settings.sources:
        if source == "handmade":
            for name, make in handmade.spaces(spaces.projections, spaces.seed).items():
                yield name, lambda stack, make=make: {"": make(stack)}
        elif source == "trained":
            yield from _own(models, spaces, device)
        else:
            yield from _published(networks, source, spaces, device)


def _published(
    networks: Path | None, source: str, spaces: SpaceSettings, device: str
) -> Iterator[tuple[str, Answering]]:
    """Yield a network published for CIFAR-10, and one of its form before training.

    The untrained one's weights are drawn by `spaces.seed` and the network's name.
    """
    for trained in (True, False):
        model = _untrained(source, spaces)
        if trained:
            cifar_resnets.fill(model, networks, source)
        name = f"{source}_{'trained' if trained else 'untrained'}"
        mean, sd = cifar_resnets.MEAN, cifar_resnets.SD
        yield name, _layers(model, mean, sd, spaces.batch, device)


def _untrained(source: str, spaces: SpaceSettings, draw: int = 0) -> CifarResNet:
    """Return a network of a published form, its weights drawn by seed, name and draw."""
    import torch

    from replicortex.models.cifar_resnet import CifarResNet

    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(spaces.seed, "untrained", source, *([draw] if draw else [])))
        return CifarResNet(cifar_resnets.DEPTHS[source])


def _own(
    models: Sequence[Path], spaces: SpaceSettings, device: str
) -> Iterator[tuple[str, Answering]]:
    """Yield the workflow's networks, after training and before.

    `<objective>_trained` and `_untrained`; of seeds beyond the first, `<objective>_2_trained`.
    """
    import torch

    from papers.sparse_positive.network import Network

    count: dict[str, int] = {}
    for path in models:
        tensors, metadata = read_tensors(path)
        objective = metadata["objective"]
        number = count[objective] = count.get(objective, 0) + 1
        for moment, word in (("final", "trained"), ("initial", "untrained")):
            if word == "untrained" and objective == "supervised":
                continue  # the same trunk as Barlow Twins' before training
            network = Network(NetworkSettings(**metadata["network"]), objective, metadata["seed"])
            network.load_state_dict(
                {
                    name.removeprefix(f"{moment}/"): torch.tensor(values)
                    for name, values in tensors.items()
                    if name.startswith(f"{moment}/")
                }
            )
            tail = "" if number == 1 else f"_{number}"
            answering = _layers(network, spaces.mean, spaces.sd, spaces.batch, device)
            yield f"{objective}{tail}_{word}", answering


def _layers(
    model: nn.Module, mean: Sequence[float], sd: Sequence[float], batch: int, device: str
) -> Answering:
    """Return how a network answers: activations by layer, (images, units).

    Units of a map: channel, row, column, the last fastest. `mean` and `sd` of the images' channels
    (of 1) standardise what it is shown.
    """
    import torch

    model = model.to(device).eval()
    shift, scale = (torch.tensor(v, dtype=torch.float32).view(1, 3, 1, 1) for v in (mean, sd))

    @torch.inference_mode()
    def answering(images: np.ndarray) -> dict[str, np.ndarray]:
        stacks: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(images), batch):
            x = torch.from_numpy(np.ascontiguousarray(images[start : start + batch]))
            x = (x.permute(0, 3, 1, 2).float() / 255 - shift) / scale
            for layer, maps in model.layers(x.to(device)).items():
                stacks.setdefault(layer, []).append(maps.flatten(1).cpu().numpy())
        return {layer: np.concatenate(blocks) for layer, blocks in stacks.items()}

    return answering
