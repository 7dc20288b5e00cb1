"""A network of ImageNet and its untrained twins against brains, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

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
from replicortex.models import layer_responses
from replicortex.training import device as devices

TRAINED, UNTRAINED = "trained", "untrained"
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
    "reference": rho, mean over people, of the trained network (`twin` is empty: it is one network) and of
    each twin, by block. Beside the blocks: "best", the highest of all; "best_late", of the later half;
    "mean_early", the mean over the first half (the shorter, where blocks are odd).
    "reference_intervals": 95 % percentile intervals over resampled stimuli and people: of the trained
    network, of the mean over twins, and of the one less the other. The best block is chosen anew in each
    network and resample.

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
    chosen = upper(brains.mask)
    fields = {"global": 1, "grid": grid, "full": None}
    seeds = [
        stream_seed(reference.seed, UNTRAINED, reference.network, twin)
        for twin in range(reference.twins)
    ]

    def vectors(number: int) -> Iterator[np.ndarray]:
        """Yield the pairs of each RDM, layout by layout and block by block; number 0 is the trained one."""
        network = trained if not number else networks.untrained(trained, seeds[number - 1])
        for pooling in reference.poolings:
            answers = layer_responses.responses(
                network,
                shown,
                place,
                layers=blocks,
                grid=fields[pooling],
                side=reference.px,
                batch=reference.batch,
            )
            for block in blocks:
                what = f"{reference.network}, {number or TRAINED}: {pooling}, {block}"
                features = answers[block].astype(np.float64)
                yield upper(correlation_distance(features, what))[chosen]

    numbers = progress(range(1 + reference.twins), desc="networks")
    rdms = np.stack([vector for number in numbers for vector in vectors(number)])
    axes = (1 + reference.twins, len(reference.poolings), len(blocks))
    rho = mean_rho(rdms, brains).reshape(*axes, -1)
    draws = resampled_rho(rdms, brains, scores).reshape(scores.bootstrap_draws, *axes, -1)
    return {
        "reference": _table(rho, blocks, reference, brains),
        "reference_intervals": _intervals(rho, draws, blocks, reference, brains),
    }


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
    parts = []
    for number, values in enumerate(rho):
        part = _cells(with_summaries(values), [*blocks, *SUMMARIES], settings.poolings, brains)
        part.insert(0, "twin", number - 1 if number else pd.NA)
        part.insert(0, "source", UNTRAINED if number else TRAINED)
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
    """Return intervals of rho (1 + twins, poolings, blocks, rois) from its draws (draws, 1 + twins, ...)."""
    layers = [*blocks, *SUMMARIES]
    every, drawn = with_summaries(rho), with_summaries(draws)
    quantities = {
        TRAINED: (every[0], drawn[:, 0]),
        UNTRAINED: (every[1:].mean(axis=0), drawn[:, 1:].mean(axis=1)),
    }
    quantities["trained_minus_untrained"] = tuple(
        one - other for one, other in zip(*quantities.values(), strict=True)
    )
    parts = []
    for quantity, (value, resampled) in quantities.items():
        lower, upper_end = percentile_interval(resampled)
        part = _cells(value, layers, settings.poolings, brains).rename(columns={"rho": "estimate"})
        part.insert(0, "quantity", quantity)
        parts.append(part.assign(lower=lower.ravel(), upper=upper_end.ravel()))
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "network", settings.network)
    return table.assign(draws=len(draws), twins=settings.twins)
