"""One training: MoCo's loss on pairs of clips and the spatial loss on sheets of units."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from papers.mt_maps import positions
from papers.mt_maps.network import Network
from papers.mt_maps.spatial import spatial_loss
from papers.mt_maps.training_settings import Settings
from replicortex.core.errors import StudyError
from replicortex.training.moco import Queue, follow, info_nce
from replicortex.training.optimisers import SGD, Adam

TRIES = 20  # for a window with enough units


class MoCo:
    """task weight x InfoNCE + alpha x sum over layers of the spatial loss.

    Parameters
    ----------
    name
        Of the training, for messages.
    network
        Where it starts; it is changed.
    settings
        Sections of the arm.
    alpha
        Weight of the spatial loss of each layer.
    places
        Positions (units, 2) in mm by layer, frozen; none are needed when alpha is 0.
    steps
        In all, for the schedule of the rate.
    """

    def __init__(
        self,
        name: str,
        network: Network,
        settings: Settings,
        alpha: float,
        places: dict[str, np.ndarray],
        steps: int,
        device: torch.device,
    ) -> None:
        self.name, self.settings, self.alpha, self.steps = name, settings, alpha, steps
        self.network = network.to(device, memory_format=torch.channels_last_3d)
        self.key = copy.deepcopy(self.network).requires_grad_(False)
        task, training = settings.task, settings.training
        self.queue = Queue(task.queue, settings.network.embedding, str(device))
        optimiser = {"sgd": SGD, "adam": Adam}[training.optimiser]
        extra = {"momentum": training.momentum} if training.optimiser == "sgd" else {}
        self.optimiser = optimiser(
            self.network.parameters(),
            lr=training.lr,
            weight_decay=training.weight_decay,
            **extra,
        )
        self.places = places if alpha else {}
        self.history: list[dict[str, float]] = []

    def step(
        self,
        views: torch.Tensor,
        items: torch.Tensor,
        streams: Callable[[str], torch.Generator],
    ) -> dict[str, torch.Tensor]:
        """Learn from one batch of pairs.

        Parameters
        ----------
        views
            (2, n, channels, frames, side, side), normalised.
        items
            (n,) what makes two clips a pair: those of one item are no negatives of each other.
        streams
            Returns the random stream of a purpose.

        Returns
        -------
        "loss"; "task", InfoNCE in nats, where it has a weight; "spatial <layer>", 0 to 1.

        Raises
        ------
        StudyError
            When the loss is not finite: before any weight is changed.
        """
        task = self.settings.task
        net = self.network.train()
        self.optimiser.anneal(self.optimiser.steps, self.steps)
        self.optimiser.zero_grad()
        queries, rates = net(views[0], list(self.places))
        terms: dict[str, torch.Tensor] = {}
        loss = queries.new_zeros((), dtype=torch.float32)
        keys = None
        if task.weight:
            with torch.no_grad():
                follow(self.key, net, task.momentum)
                keys, _ = self.key.train()(views[1])
            contrast = info_nce(queries, keys, items, self.queue, task.temperature)
            terms["task"] = contrast.detach()
            loss = loss + task.weight * contrast
        for layer, rate in rates.items():
            term = self._spatial(layer, rate, streams(f"window {layer}"))
            terms[f"spatial {layer}"] = term.detach()
            loss = loss + self.alpha * term
        loss.backward()
        norm = torch.stack([p.grad.norm() for p in net.parameters() if p.grad is not None]).norm()
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(norm))):
            raise StudyError(
                f"{self.name}: step {self.optimiser.steps + 1}: the loss is {value} and the norm "
                f"of its gradient {float(norm)}; a smaller training.lr may help. The last state "
                "saved is from before this step"
            )
        self.optimiser.step()
        if keys is not None:
            self.queue.push(torch.nn.functional.normalize(keys.float(), dim=1), items)
        return {"loss": loss.detach(), **terms}

    def _spatial(self, layer: str, rate: torch.Tensor, stream: torch.Generator) -> torch.Tensor:
        """Return the spatial loss of one random window of a layer.

        Parameters
        ----------
        rate
            (n, channels, rows, columns) of its units.

        Raises
        ------
        StudyError
            When no window of TRIES has enough units.
        """
        numbers, sheet = self.settings.spatial, self.settings.layers[layer]
        rng = np.random.default_rng(int(torch.randint(2**62, (), generator=stream)))
        place = self.places[layer]
        for _ in range(TRIES):
            units = positions.neighbourhood(place, sheet.width, numbers.most, rng)
            if len(units) >= numbers.fewest:
                break
        else:
            raise StudyError(
                f"{self.name}: {layer} has no window of {sheet.width} mm with "
                f"{numbers.fewest} units; widen layers.{layer}.width"
            )
        chosen = torch.from_numpy(units).to(rate.device)
        near = torch.from_numpy(place[units]).to(rate.device)
        return spatial_loss(rate.flatten(1)[:, chosen], near, numbers.form)

    def end_epoch(self) -> None:
        """Nothing follows a schedule of epochs."""

    def ended(self, epoch: int, means: dict[str, float]) -> bool:
        """Note the epoch; nothing ends a training early."""
        self.history.append({"epoch": epoch, **means})
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "network": self.network.state_dict(),
            "key": self.key.state_dict(),
            "queue": self.queue.state(),
            "optimiser": self.optimiser.state_dict(),
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self.network.load_state_dict(state["network"])
        self.key.load_state_dict(state["key"])
        self.queue.restore(state["queue"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.history = state["history"]
