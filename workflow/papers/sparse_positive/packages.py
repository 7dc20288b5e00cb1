"""Stages of networks that travel as packages, and of untrained twins, as feature spaces.

They see pictures at the size they were trained with, where the networks of CIFAR-10 see 32 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from papers.sparse_positive.extraction import extracted, nsd_pictures
from papers.sparse_positive.extraction_settings import PackageExtraction, PackageSettings
from papers.sparse_positive.features import FLOC, of_session
from papers.sparse_positive.spaces import Answering, by_space
from papers.sparse_positive.units import UNTRAINED, halves, passing_by_draw
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed
from replicortex.data import floc, macaque_v4, networks

if TYPE_CHECKING:
    from replicortex.data.networks import PackagedNetwork


def extract(
    *,
    images: Path,
    weights: Path,
    settings: PackageExtraction,
    device: str,
    v4: Path | None = None,
    scenes: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, object]:
    """Choose units of a network's stages, trained and not, and keep their answers.

    Parameters
    ----------
    images, weights, v4, scenes
        Manifests of the localizer images, of the network's package, macaque V4 and NSD.
    settings
        Network, what is kept of its maps, how units are chosen, and what is shown.
    device
        "cpu" or "cuda".

    Returns
    -------
    As `spaces.extract`; a space is named `<network>_<trained or untrained>_stage<n>`, from 1, its units
    are those of the stage's last block, and "directions" has no rows.
    """
    name, numbers = settings.network, settings.packages
    network = networks.read(weights, name)
    pixels, domains = floc.read(images)
    stacks = {FLOC: pixels}
    if v4 is not None:
        for session in settings.sessions:
            stacks[of_session(session)] = macaque_v4.read_images(v4, session)[1]
    if scenes is not None and settings.scenes is not None:
        stacks |= nsd_pictures(scenes, settings.scenes, network.side)

    first = halves(domains)

    def twin(draw: int) -> Answering:
        seed = stream_seed(numbers.seed, "untrained", name, draw)
        return _stages(networks.untrained(network, seed), numbers, device)

    def sources() -> Iterator[tuple[str, Answering]]:
        yield f"{name}_trained", _stages(network, numbers, device)
        yield f"{name}_untrained", twin(0)

    found = extracted(
        by_space(progress(sources(), desc="networks"), stacks), domains, settings.localizer
    )
    rows = []
    for draw in range(numbers.draws):
        stage, values = list(twin(draw)(pixels[first]).items())[-1]
        space = f"{name}_untrained_{stage}"
        rows += passing_by_draw(space, draw, values, domains[first], settings.localizer.q)
    return {**found, "untrained": pd.DataFrame(rows, columns=list(UNTRAINED))}


def _stages(network: PackagedNetwork, numbers: PackageSettings, device: str) -> Answering:
    """Return how a network answers: means over fields of each stage's maps, (images, units)."""
    import torch

    from replicortex.models import layer_responses

    names = network.network.stages

    def answering(stack: np.ndarray) -> dict[str, np.ndarray]:
        found = layer_responses.responses(
            network,
            stack,
            torch.device(device),
            layers=names,
            grid=numbers.grid,
            batch=numbers.batch,
        )
        return {f"stage{n}": found[layer] for n, layer in enumerate(names, 1)}

    return answering
