"""A network of ImageNet and its untrained twins against brains, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from papers.learning_rules import resize
from papers.learning_rules import stimuli as sources
from papers.learning_rules.scores import (
    Brain,
    mean_rho,
    read_brain,
    resampled_rho,
    same_stimuli,
)
from papers.learning_rules.settings.reference import ReferenceSettings
from papers.learning_rules.settings.scores import Resampling
from replicortex.analysis.bootstrap import percentile_interval
from replicortex.analysis.rdm import correlation_distance, upper
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed
from replicortex.data import networks
from replicortex.data.networks import PackagedNetwork
from replicortex.models.layer_responses import reduced
from replicortex.training import device as devices

TRAINED, UNTRAINED, FILLED = "trained", "untrained", "filled"
DIFFERENCES = ((TRAINED, UNTRAINED), (FILLED, UNTRAINED), (TRAINED, FILLED))
SUMMARIES = ("best", "best_late", "mean_early")  # of blocks, beside each


def compare(
    *,
    stimuli: str,
    images: Path,
    weights: Path,
    brain: Path,
    reference: ReferenceSettings,
    grid: int,
    scores: Resampling,
    device: str,
    events: Path | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, pd.DataFrame]:
    """Return rho of each block of a network, trained and untrained, with each region.

    Stimuli are resized and cropped as for the learning rules' networks, to the size that this network
    was trained with; layouts, RDMs, rho, and resamples are theirs too.

    Parameters
    ----------
    stimuli
        "objects92" or "things".
    images, events
        Manifests of the stimuli; events for things only.
    weights
        Manifest of the dataset with the network's package.
    brain
        File that `brain` wrote.
    reference
        Section `reference`, less the dataset's name.
    grid
        Fields along a side of a map in the layout "grid".
    scores
        Of section `scores`: draws and seed of the bootstrap.
    device
        "cpu" or "cuda".
    progress
        Wraps the loop over networks.

    Returns
    -------
    "reference": rho, mean over people, by block: of the trained network (`twin` is empty: it is one network),
    of each untrained twin, and of each "filled" one: BatchNorm has statistics of the stimuli, no weight is
    changed. Beside the blocks: "best", the highest of all; "best_late", of the later half; "mean_early", the
    mean over the first half (the shorter, where blocks are odd).
    "reference_intervals": 95 % percentile intervals over resampled stimuli and people: of the trained
    network, of the mean over twins, of that over filled ones, and of `DIFFERENCES`. The best block is chosen
    anew in each network and resample.

    Raises
    ------
    StudyError
        When the stimuli are not the brain's, the weights are another network's, or a block answers a
        stimulus alike in all units or has every pair equally far apart.
    """
    brains = read_brain(brain)
    names, pictures = sources.images(stimuli, images=images, events=events)
    same_stimuli(str(images), names, brains.names)
    shown = resize.stack(pictures, reference.px, "native", reference.px)
    place = devices.choose(device)
    trained = networks.read(weights, reference.network)
    blocks = [layer for layer in trained.layers if layer.startswith("block")]
    fields = {"global": 1, "grid": grid, "full": None}
    poolings = {name: fields[name] for name in reference.poolings}
    chosen = upper(brains.mask)
    vectors = []
    for source, twin in progress(_networks(reference), desc="networks"):
        network = _network(trained, source, twin, reference, shown)
        network.network.to(place)
        for where, features in _answers(network, shown, blocks, poolings, reference, place):
            what = f"{reference.network}, {source} {twin}: {where}"
            vectors.append(upper(correlation_distance(features, what))[chosen])
    rdms = np.stack(vectors)
    axes = (1 + 2 * reference.twins, len(poolings), len(blocks), len(brains.rois))
    rho = mean_rho(rdms, brains).reshape(axes)
    draws = resampled_rho(rdms, brains, scores).reshape(-1, *axes)
    return {
        "reference": _table(rho, blocks, reference, brains),
        "reference_intervals": _intervals(rho, draws, blocks, reference, brains),
    }


def _networks(settings: ReferenceSettings) -> list[tuple[str, int]]:
    """Return source and number of each network: the trained one, its twins, the same with statistics."""
    twins = range(settings.twins)
    return [(TRAINED, 0), *((source, twin) for source in (UNTRAINED, FILLED) for twin in twins)]


def _network(
    trained: PackagedNetwork,
    source: str,
    twin: int,
    settings: ReferenceSettings,
    shown: np.ndarray,
) -> PackagedNetwork:
    """Return a network: as published, drawn anew, or with statistics of what it is shown."""
    if source == TRAINED:
        return trained
    seed = stream_seed(settings.seed, UNTRAINED, settings.network, twin)
    network = networks.untrained(trained, seed)
    if source == UNTRAINED:
        return network
    starts = range(0, len(shown), settings.fill_batch)
    batches = (shown[at : at + settings.fill_batch] for at in starts)
    return networks.filled(network, batches, settings.px)


@torch.inference_mode()
def _answers(
    network: PackagedNetwork,
    shown: np.ndarray,
    blocks: list[str],
    poolings: Mapping[str, int | None],
    settings: ReferenceSettings,
    place: torch.device,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield "{pooling}/{block}" and features (stimuli, units), float64; one pass gives every layout."""
    parts: dict[str, list[np.ndarray]] = {
        f"{pooling}/{block}": [] for pooling in poolings for block in blocks
    }
    for at in range(0, len(shown), settings.batch):
        images = network.prepared(shown[at : at + settings.batch], settings.px).to(place)
        for layer, maps in network.network.walk(images):
            for pooling, grid in poolings.items() if layer in blocks else ():
                parts[f"{pooling}/{layer}"].append(reduced(maps, grid).cpu().numpy())
    for where, features in parts.items():
        yield where, np.concatenate(features).astype(np.float64)


def with_summaries(rho: np.ndarray) -> np.ndarray:
    """Return rho of blocks and then of `SUMMARIES`: (..., blocks, rois) -> (..., blocks + 3, rois)."""
    half = rho.shape[-2] // 2
    early, late = rho[..., :half, :], rho[..., half:, :]
    parts = (rho.max(axis=-2), late.max(axis=-2), early.mean(axis=-2))
    return np.concatenate([rho, np.stack(parts, axis=-2)], axis=-2)


def _cells(
    values: np.ndarray, layers: list[str], poolings: list[str], brains: Brain
) -> pd.DataFrame:
    """Return one row a cell of values (poolings, layers, rois), in "rho"."""
    index = pd.MultiIndex.from_product(
        [poolings, layers, list(brains.rois)], names=["pooling", "layer", "roi"]
    )
    return pd.DataFrame({"rho": values.ravel()}, index=index).reset_index()


def _table(
    rho: np.ndarray, blocks: list[str], settings: ReferenceSettings, brains: Brain
) -> pd.DataFrame:
    """Return the rows of rho (networks, ...), the source and the twin of each beside them."""
    parts = []
    for (source, twin), values in zip(_networks(settings), rho, strict=True):
        part = _cells(with_summaries(values), [*blocks, *SUMMARIES], settings.poolings, brains)
        part.insert(0, "twin", pd.NA if source == TRAINED else twin)
        part.insert(0, "source", source)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True).astype({"twin": "Int64"})
    table.insert(0, "network", settings.network)
    return table


def _intervals(
    rho: np.ndarray,
    draws: np.ndarray,
    blocks: list[str],
    settings: ReferenceSettings,
    brains: Brain,
) -> pd.DataFrame:
    """Return intervals of rho (networks, poolings, blocks, rois) from its draws (draws, networks, ...)."""
    layers = [*blocks, *SUMMARIES]
    # Beside each draw the estimate, first: what is done with one is done with all.
    every = with_summaries(np.concatenate([rho[None], draws]))
    last = 1 + settings.twins
    of = {
        TRAINED: every[:, 0],
        UNTRAINED: every[:, 1:last].mean(axis=1),
        FILLED: every[:, last:].mean(axis=1),
    }
    quantities = of | {f"{a}_minus_{b}": of[a] - of[b] for a, b in DIFFERENCES}
    parts = []
    for quantity, values in quantities.items():
        lower, higher = percentile_interval(values[1:])
        part = _cells(values[0], layers, settings.poolings, brains).rename(
            columns={"rho": "estimate"}
        )
        part.insert(0, "quantity", quantity)
        parts.append(part.assign(lower=lower.ravel(), upper=higher.ravel()))
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "network", settings.network)
    return table.assign(draws=len(draws), twins=settings.twins)
