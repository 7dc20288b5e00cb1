"""Training of several networks on one loss, for several seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch

from papers.hierarchical_ot.training_settings import Training
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress
from replicortex.core.randomness import stream_seed
from replicortex.training.loop import Run, fit
from replicortex.training.optimisers import Adam
from replicortex.training.state import State


def train(
    make: Callable[[str, int], Run],
    names: list[str],
    checkpoints: Callable[[str], list[int]],
    training: Training,
    seeds: list[int],
    state: State | None,
    progress: Progress,
) -> dict[str, list]:
    """Train each network for each seed, one after the other.

    Parameters
    ----------
    make
        Name and seed -> a run.
    names
        Of the networks.
    checkpoints
        Name -> epochs at which it is kept; the last epoch is one.
    training
        Its epochs and precision.

    Returns
    -------
    "models": per seed the tensors `<network>/<epoch>/<name>`. "history": per seed rows of system,
    epoch, loss and what the run measures.
    """
    arrays: dict[int, dict[str, torch.Tensor]] = {seed: {} for seed in seeds}
    rows: dict[int, list[dict[str, Any]]] = {seed: [] for seed in seeds}
    for name in names:
        found = fit(
            [lambda n=name, s=seed: make(n, s) for seed in seeds],
            epochs=training.epochs,
            checkpoints=checkpoints(name),
            precision=training.precision,
            state=state,
            progress=progress,
        )
        for seed, trained in zip(seeds, found, strict=True):
            rows[seed] += [{"system": name, **row} for row in trained.rows]
            for epoch, tensors in trained.checkpoints.items():
                arrays[seed] |= {f"{name}/{epoch}/{key}": t for key, t in tensors.items()}
    return {
        "models": [Tensors(arrays[seed], {"seed": seed}) for seed in seeds],
        "history": [pd.DataFrame(rows[seed]).assign(seed=seed) for seed in seeds],
    }


def fresh(build: Callable[[], torch.nn.Module], seed: int, name: str) -> torch.nn.Module:
    """Return a network whose weights are drawn from a stream of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "weights", name))
        return build()


class Learner:
    """Adam with a cosine schedule by epoch, on one loss.

    Parameters
    ----------
    network
        Its second output is what the loss sees.
    training
        Its lr at first, and its epochs, at whose end the cosine is at 0.
    loss
        (outputs, labels) -> a number.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        training: Training,
        loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> None:
        self.network, self.loss = network, loss
        self.optimiser = Adam(network.parameters(), lr=training.lr)
        self.epoch, self.epochs = 0, training.epochs

    def step(
        self,
        inputs: torch.Tensor,
        labels: torch.Tensor,
        streams: Callable[[str], torch.Generator],
    ) -> dict[str, torch.Tensor]:
        """Learn from one batch; return its loss.

        Parameters
        ----------
        inputs, labels
            As the network and the loss take them.
        streams
            Not used: nothing is drawn here.
        """
        self.network.train()
        self.optimiser.zero_grad()
        loss = self.loss(self.network(inputs)[1], labels)
        loss.backward()
        self.optimiser.step()
        return {"loss": loss.detach()}

    def end_epoch(self) -> None:
        """Follow the schedule."""
        self.epoch += 1
        self.optimiser.anneal(self.epoch, self.epochs)

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch = state["epoch"]
