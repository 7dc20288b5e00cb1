"""Rates of every network to the battery of stimuli, and what its embedding knows of pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from papers.mt_maps import rates, tiles
from papers.mt_maps.battery import Family, battery
from papers.mt_maps.clips import ClipPairs
from papers.mt_maps.network import Network
from papers.mt_maps.stimulus_settings import ProbeSettings, StimulusSettings
from papers.mt_maps.stores import stores
from papers.mt_maps.training_settings import PairSettings, Settings
from replicortex.core.files import Tensors, read_tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.data.frames import Store
from replicortex.training import device as devices

BATCH = 32
# Families of which every unit of the map layer is kept; of others, channels are.
OF_UNITS = ("gratings", "dots", "blank")


def respond(
    *,
    models: list[Path],
    stimuli: StimulusSettings,
    pictures: str | None,
    probe: ProbeSettings,
    device: str,
    shards: list[Path] | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list[Tensors]]:
    """Return responses of each network.

    Parameters
    ----------
    models
        Files that `train` wrote.
    stimuli
        Section of the configuration.
    pictures
        Source of the still pictures that are moved; None leaves them out.
    probe
        Pairs and repeats of the matching of embeddings.
    device
        "cpu" or "cuda".
    shards
        Decoded sources: for the pictures, and for pairs of clips.

    Returns
    -------
    "responses": for each network "channels/<layer>/<family>" (channels, conditions, directions, 2
    halves), means over the sheet of units; "units/<family>" (units, conditions, directions, 2) of
    the map layer; positions as in the model. Described as the model, with "families" (conditions and
    directions) and "embedding": matching, alignment, uniformity, participation.
    """
    place = devices.choose(device)
    found = stores(shards or [])
    batteries: dict[tuple, list[Family]] = {}
    made = []
    for path in progress(models, desc="responses", total=len(models)):
        arrays, described = read_tensors(path)
        settings = Settings.model_validate(described["settings"])
        clips = settings.clips
        size = (clips.frames, clips.size)
        if size not in batteries:
            batteries[size] = battery(stimuli, *size, found.get(pictures or ""))
        embedding: dict[str, float] = {}
        if described["network"] == "reference":
            side = tiles.grids(settings.network, clips.size)[settings.map_layer][1]
            answers = rates.of_reference(settings.motion_energy, settings.map_layer, side)
        else:
            network = Network(settings.network, described["seed"])
            weights = {
                name.removeprefix("network/"): torch.from_numpy(value)
                for name, value in arrays.items()
                if name.startswith("network/")
            }
            network.load_state_dict(weights)
            answers = rates.of_network(network, list(settings.layers), clips, place)
            embedding = embedded(
                network, found[described["source"]], clips, probe, described["seed"], place
            )
        out = {
            name: value for name, value in arrays.items() if name.startswith(("places/", "start/"))
        }
        for family in batteries[size]:
            out |= measured(family, answers, settings.map_layer)
        families = {
            family.name: {
                "conditions": family.conditions,
                "directions": [round(float(d), 9) for d in np.rad2deg(family.directions)],
            }
            for family in batteries[size]
        }
        made.append(Tensors(out, {**described, "families": families, "embedding": embedding}))
    return {"responses": made}


def measured(family: Family, answers: rates.Rates, map_layer: str) -> dict[str, np.ndarray]:
    """Return mean rates over the repeats of each half.

    Parameters
    ----------
    family
        What is shown.
    answers
        Returns rates by layer, (n, channels, rows, columns).
    map_layer
        The layer whose units are kept one by one, for the families of OF_UNITS.

    Returns
    -------
    "channels/<layer>/<family>" and "units/<family>", float32 (channels or units, conditions,
    directions, 2 halves).
    """
    shape = (len(family.conditions), len(family.directions), 2)
    totals: dict[str, np.ndarray] = {}
    counts = np.zeros(shape)
    for index, clips in family.batches(BATCH):
        where = tuple(index.T)
        np.add.at(counts, where, 1)
        for layer, rate in answers(clips).items():
            kept = {f"channels/{layer}/{family.name}": rate.mean((2, 3))}
            if layer == map_layer and family.name in OF_UNITS:
                kept[f"units/{family.name}"] = rate.reshape(len(rate), -1)
            for name, values in kept.items():
                if name not in totals:
                    totals[name] = np.zeros((*shape, values.shape[1]))
                np.add.at(totals[name], where, values)
    return {
        name: np.moveaxis(total / np.maximum(counts, 1)[..., None], -1, 0).astype(np.float32)
        for name, total in totals.items()
    }


@torch.no_grad()
def embedded(
    network: Network,
    store: Store,
    clips: PairSettings,
    probe: ProbeSettings,
    seed: int,
    device: torch.device,
) -> dict[str, float]:
    """Return what embeddings of fresh pairs know.

    Parameters
    ----------
    network
        As trained.
    store, clips
        What it was trained on, and how its clips are cut.
    probe
        Pairs and repeats; fewer pairs where there are fewer videos.
    seed, device
        Of the pairs, from a stream that no training draws from; where the network runs.

    Returns
    -------
    matching: share of clips whose nearest clip of the other view is their partner; chance: 1 / pairs;
    alignment: mean squared distance of partners; uniformity: log mean exp(-2 squared distance) of all
    others (Wang and Isola 2020, on the unit sphere); participation: (sum l)^2 / sum l^2 of the
    eigenvalues of the embeddings' covariance.
    """
    network = network.to(device).eval()
    pairs = min(probe.pairs, len(store.videos))
    probed = clips.model_copy(update={"batch": pairs, "steps": probe.repeats})
    batches = ClipPairs(store, probed, seed, device)
    draws = batches.draw("probe")
    matched, aligned, spread, all_ = [], [], [], []
    for step in range(len(batches)):
        views, _ = batches.get(draws, step)
        one, other = (
            torch.nn.functional.normalize(network(view)[0].double(), dim=1) for view in views
        )
        near = one @ other.T
        partner = torch.arange(pairs, device=device)
        matched.append((near.argmax(1) == partner).double().mean())
        aligned.append((one - other).square().sum(1).mean())
        apart = torch.pdist(one).square()
        spread.append(torch.exp(-2 * apart).mean())
        all_ += [one, other]
    values = torch.linalg.eigvalsh(torch.cov(torch.cat(all_).T)).clamp(min=0)
    return {
        "matching": float(torch.stack(matched).mean()),
        "chance": 1 / pairs,
        "alignment": float(torch.stack(aligned).mean()),
        "uniformity": float(torch.stack(spread).mean().log()),
        "participation": float(values.sum() ** 2 / values.square().sum()),
    }
