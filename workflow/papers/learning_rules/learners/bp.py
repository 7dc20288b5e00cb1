"""Backpropagation: Adam on the exact gradient [code]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from papers.learning_rules.learners.base import (
    Learner,
    Streams,
    Terms,
    accuracy,
)
from papers.learning_rules.network import Network
from replicortex.training.dropout import dropout_factors
from replicortex.training.optimisers import Adam, Optimiser

if TYPE_CHECKING:
    from papers.learning_rules.settings.bp import BPSettings
    from papers.learning_rules.settings.network import NetworkSettings


class Gradient(Learner):
    """Descent of the cross-entropy along the gradient that the network's layers give.

    Parameters
    ----------
    network
        What is trained.
    optimiser
        Of its parameters.
    epochs
        Period of the cosine schedule.
    clip
        Largest norm of the whole gradient.
    dropout
        Share of fc1's units that is dropped.
    second_pass
        Whether a second training-mode forward pass follows each step, as in the author's code:
        it counts accuracy, and moves BatchNorm's running statistics a second time.
    """

    def __init__(
        self,
        network: Network,
        optimiser: Optimiser,
        *,
        epochs: int,
        clip: float,
        dropout: float,
        second_pass: bool,
    ) -> None:
        super().__init__(network, optimiser)
        self.epochs, self.ended = epochs, 0
        self.clip, self.dropout, self.second_pass = clip, dropout, second_pass

    def step(self, images: torch.Tensor, labels: torch.Tensor, streams: Streams) -> Terms:
        """Descend along the gradient of the cross-entropy, as `Learner.step` says."""
        stream = streams("dropout")
        self.network.train()
        self.optimiser.zero_grad()
        scores = self.network(images, self._keep(images, stream))
        loss = F.cross_entropy(scores.float(), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimiser.step()
        if self.second_pass:
            with torch.no_grad():
                scores = self.network(images, self._keep(images, stream))
        return {"loss": loss.detach(), "accuracy": accuracy(scores.detach(), labels)}

    def end_epoch(self) -> None:
        """Let the learning rate follow its cosine."""
        self.ended += 1
        self.optimiser.anneal(self.ended, self.epochs)

    def state_dict(self) -> dict[str, Any]:
        """Return the state with the place in the schedule."""
        return super().state_dict() | {"ended": self.ended}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state, the place in the schedule too."""
        super().load_state_dict(state)
        self.ended = state["ended"]

    def _keep(self, images: torch.Tensor, stream: torch.Generator) -> torch.Tensor | None:
        units = self.network.fc1.out_features
        return dropout_factors(len(images), units, self.dropout, stream, images.device)


def build(
    seed: int, network: NetworkSettings, settings: BPSettings, epochs: int, device: torch.device
) -> Gradient:
    """Return an untrained learner on `device`, its weights drawn from the seed.

    Parameters
    ----------
    network, settings
        Sections `network` and `rules.<rule>` of the configuration.
    epochs
        Of the whole training: period of the cosine schedule.
    """
    net = Network.from_settings(seed, network, settings.init, relu_first=settings.relu_first)
    net.to(device, memory_format=torch.channels_last)
    return Gradient(
        net,
        Adam(net.parameters(), lr=settings.lr, weight_decay=settings.weight_decay),
        epochs=epochs,
        clip=settings.clip,
        dropout=network.dropout if settings.dropout else 0.0,
        second_pass=settings.second_pass,
    )
