"""The six steps: contrast alone, positions, swaps, freeze, joint training from there or anew."""

from __future__ import annotations

import copy
import hashlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from papers.mt_maps import placing, rates, tiles
from papers.mt_maps.clips import ClipPairs
from papers.mt_maps.conditions import pretraining, shares, whole
from papers.mt_maps.learner import MoCo
from papers.mt_maps.network import Network, settle
from papers.mt_maps.stores import stores
from papers.mt_maps.training_settings import ArmNetwork, ToldArm, TrainedArm
from replicortex.core.files import Tensors, canonical_json
from replicortex.core.progress import Progress, iter_plainly
from replicortex.data.frames import Store
from replicortex.training import device as devices
from replicortex.training.loop import Run, fit
from replicortex.training.state import State

SETTLED = 4  # batches that give an untrained network its BatchNorm statistics


def train(
    *,
    arms: list[ToldArm],
    shared: dict[str, Any],
    device: str,
    seeds: list[int],
    shards: list[Path] | None = None,
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list]:
    """Train the networks of each arm for each seed.

    Parameters
    ----------
    arms, shared
        As `conditions.told_once` returns them: each arm, and the settings of all.
    device
        "cpu" or "cuda".
    seeds
        One for each network to make, in the order of `conditions.units`.
    shards
        Decoded sources; none for the reference alone.
    state, progress
        Where to save and resume; wraps the loop over epochs.

    Returns
    -------
    "model": weights (network/...), positions as frozen (places/<layer>) and before swaps
    (start/<layer>), described by arm, source, network, alpha, seed, settings and swaps. "history":
    one row per epoch of the joint training, or of the pre-training for `pretrained`.

    Raises
    ------
    StudyError
        When a GPU is asked for and absent, or no two videos can be used.
    """
    found = stores(shards or [])
    job = Job(found, devices.choose(device), state, progress)
    models, histories = [], []
    counts = [len(arm.networks) for arm in arms]
    for told, own in zip(arms, shares(counts, seeds), strict=True):
        arm = TrainedArm(**{**told.model_dump(), "settings": whole(shared, told.settings)})
        for seed in own:
            for network in arm.networks:
                model, history = job.make(arm, network, seed)
                models.append(model)
                names = {"arm": arm.arm, "network": network.name, "seed": seed}
                histories.append(history.assign(**names))
    return {"model": models, "history": histories}


class Job:
    """What the networks of one process share: stores, pre-trainings and positions made so far."""

    def __init__(
        self,
        found: dict[str, Store],
        device: torch.device,
        state: State | None,
        progress: Progress,
    ) -> None:
        self.stores, self.device, self.state, self.progress = found, device, state, progress
        self.pretrained: dict[str, tuple[Network, pd.DataFrame]] = {}
        self.placed: dict[str, tuple[dict, dict, dict]] = {}

    def make(self, arm: TrainedArm, network: ArmNetwork, seed: int) -> tuple[Tensors, pd.DataFrame]:
        """Return one network as a file, and its history.

        Parameters
        ----------
        arm, network
            What is trained; networks of one arm, and arms that agree in it, share their pre-training.
        seed
            Of weights, clips and positions.

        Returns
        -------
        See `train`; the history has no row where nothing is trained.
        """
        settings, start = arm.settings, network.start
        history = pd.DataFrame({"epoch": []}, dtype=int)
        if start == "reference":
            net = None
            places, started, swaps = self._places(arm, net, "reference", seed)
        elif start == "random":
            net = self._settled(arm, seed)
            places, started, swaps = self._places(arm, net, "random", seed)
        else:
            net, history = self._pretrain(arm, seed)
            places, started, swaps = self._places(arm, net, "pretrained", seed)
        if start in ("continue", "restart"):
            net = copy.deepcopy(net) if start == "continue" else Network(settings.network, seed)
            training = settings.training
            epochs = training.continue_epochs if start == "continue" else training.restart_epochs
            name = f"{arm.arm}_{network.name}_seed{seed}"
            net, history = self._fit(
                name, arm, net, network.alpha, places, epochs, settings.task.weight, seed
            )
        arrays = {f"places/{layer}": at.astype(np.float32) for layer, at in places.items()}
        arrays |= {f"start/{layer}": at.astype(np.float32) for layer, at in started.items()}
        if net is not None:
            arrays |= {f"network/{name}": value.cpu() for name, value in net.state_dict().items()}
        described = {
            "arm": arm.arm,
            "source": arm.source,
            "network": start,
            "name": network.name,
            "alpha": network.alpha,
            "seed": seed,
            "settings": settings.model_dump(),
            "swaps": swaps,
        }
        return Tensors(arrays, described), history

    def _batches(self, arm: TrainedArm, seed: int) -> ClipPairs:
        return ClipPairs(self.stores[arm.source], arm.settings.clips, seed, self.device)

    def _settled(self, arm: TrainedArm, seed: int) -> Network:
        """Return an untrained network whose BatchNorm has seen some clips."""
        net = Network(arm.settings.network, seed).to(self.device)
        batches = self._batches(arm, seed)
        draws = batches.draw("settle")
        settle(net, [batches.get(draws, k)[0][0] for k in range(min(SETTLED, len(batches)))])
        return net

    def _pretrain(self, arm: TrainedArm, seed: int) -> tuple[Network, pd.DataFrame]:
        """Step 1: contrast alone."""
        settings = arm.settings
        key = _key(pretraining(arm.source, settings.model_dump()), seed)
        if key not in self.pretrained:
            self.pretrained[key] = self._fit(
                f"pretrained_{key}",
                arm,
                Network(settings.network, seed),
                0.0,
                {},
                settings.training.pretrain_epochs,
                1.0,
                seed,
            )
        net, history = self.pretrained[key]
        return copy.deepcopy(net), history

    def _fit(
        self,
        name: str,
        arm: TrainedArm,
        net: Network,
        alpha: float,
        places: dict[str, np.ndarray],
        epochs: int,
        weight: float,
        seed: int,
    ) -> tuple[Network, pd.DataFrame]:
        """Train a network, or take up its saved state.

        Parameters
        ----------
        name
            Of the saved state, unique in the job.
        net
            Where it starts; it is changed.
        alpha, weight
            Of the spatial loss and of the task.
        places
            (units, 2) mm by layer.

        Returns
        -------
        The network, and a row per epoch: epoch, loss and its terms, means over steps.
        """
        settings = arm.settings
        task = settings.task.model_copy(update={"weight": weight})
        settings = settings.model_copy(update={"task": task})
        batches = self._batches(arm, seed)
        made: list[MoCo] = []

        def maker() -> Run:
            steps = epochs * len(batches)
            learner = MoCo(name, net, settings, alpha, places, steps, self.device)
            made.append(learner)
            return Run(name, seed, learner, batches, lambda epoch: {}, learner.ended)

        fit(
            [maker],
            epochs=epochs,
            checkpoints=[],
            precision=settings.training.precision,
            state=self.state,
            progress=self.progress,
        )
        return made[0].network, pd.DataFrame(made[0].history)

    def _places(
        self, arm: TrainedArm, net: Network | None, kind: str, seed: int
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict]:
        """Steps 2 to 4: positions of all layers (for the reference of the map layer alone).

        Parameters
        ----------
        net
            On whose rates units are swapped; None for units made by hand.
        kind
            How the network came about: networks of one kind, arm and seed share their positions.

        Returns
        -------
        (units, 2) mm by layer, as frozen and before swaps; what swaps did (`placing.place`).
        """
        settings = arm.settings
        clips = settings.clips
        key = _key({"kind": kind, "source": arm.source, **settings.model_dump()}, seed)
        if key in self.placed:
            return self.placed[key]
        grids = tiles.grids(settings.network, clips.size)
        finest = grids["layer1.0"][1]
        layers = settings.layers
        if net is None:
            layer = settings.map_layer
            layers = {layer: layers[layer]}
            count = len(rates.motion_energy.channels(settings.motion_energy))
            grids = {layer: (count, grids[layer][1])}
            answers = rates.of_reference(settings.motion_energy, layer, grids[layer][1])
        else:
            answers = rates.of_network(copy.deepcopy(net), list(layers), clips, self.device)
        started = placing.starts(layers, grids, settings.placing.jitter, seed, finest)
        saved = self._saved(f"places_{key}")
        if saved is None:
            places, swaps = placing.place(started, answers, settings, seed)
            self._save(f"places_{key}", places, swaps)
        else:
            places, swaps = saved
        self.placed[key] = places, started, swaps
        return self.placed[key]

    def _saved(self, name: str) -> tuple[dict[str, np.ndarray], dict] | None:
        with self.state or nullcontext():
            found = self.state.load(name) if self.state else None
        if found is None:
            return None
        return {layer: at.numpy() for layer, at in found["places"].items()}, found["swaps"]

    def _save(self, name: str, places: dict[str, np.ndarray], swaps: dict) -> None:
        if self.state:
            with self.state:
                kept = {layer: torch.from_numpy(at) for layer, at in places.items()}
                self.state.save(name, {"places": kept, "swaps": swaps})


def _key(what: dict[str, Any], seed: int) -> str:
    digest = hashlib.sha256(canonical_json(what).encode()).hexdigest()
    return f"{digest[:10]}_seed{seed}"
