"""What every learning rule has: a network, an optimiser for part of it, and a state to save."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import torch
from torch.nn import functional as F

from papers.learning_rules.network import BLOCKS, Network
from replicortex.training.optimisers import Adam, Optimiser

if TYPE_CHECKING:
    from papers.learning_rules.settings.network import NetworkSettings
    from papers.learning_rules.settings.rule import LocalSettings, RuleSettings

L = TypeVar("L", bound="LocalSettings")
Terms = dict[str, torch.Tensor]
Streams = Callable[[str], torch.Generator]


class Learner:
    """A network that learns by `step`; rules differ in nothing else that the loop can see.

    Parameters
    ----------
    network
        What is trained.
    optimiser
        Of all or some of its parameters.
    """

    def __init__(self, network: Network, optimiser: Optimiser) -> None:
        self.network, self.optimiser = network, optimiser

    def step(self, images: torch.Tensor, labels: torch.Tensor, streams: Streams) -> Terms:
        """Learn from one batch.

        Parameters
        ----------
        images
            float32 (n, 3, side, side), normalised.
        labels
            int64 (n,).
        streams
            Gives a CPU generator per purpose; the same purpose gives the same draws in one step.

        Returns
        -------
        Scalars: at least "loss" (cross-entropy, mean over the batch) and "accuracy" (fraction).
        """
        raise NotImplementedError

    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """Return class scores (n, 10) as at test time: running statistics, no dropout."""
        return self.network(images)

    def measure(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
        """Return what a rule tells of itself at a checkpoint, on a few test images; changes nothing."""
        return {}

    def end_epoch(self) -> None:
        """Let the learning rate follow its schedule, where the rule has one."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])


class OfSettings(Learner):
    """A learner that is made of a network and its rule's settings alone."""

    kind_of_network: ClassVar[type[Network]] = Network

    @classmethod
    def build(
        cls,
        seed: int,
        network: NetworkSettings,
        settings: RuleSettings,
        epochs: int,
        device: torch.device,
    ) -> Self:
        """Return an untrained learner on `device`, its weights drawn from the seed.

        Parameters
        ----------
        network, settings
            Sections `network` and `rules.<rule>` of the configuration.
        epochs
            Of the whole training; such a rule has no schedule.
        """
        net: torch.nn.Module = cls.untrained(seed, network, settings)
        return cls(net.to(device, memory_format=torch.channels_last), settings)

    @classmethod
    def untrained(cls, seed: int, network: NetworkSettings, settings: RuleSettings) -> Network:
        """Return the network from which the rule starts."""
        return cls.kind_of_network.from_settings(seed, network, settings.init)


class LocalLearner(OfSettings, Generic[L]):
    """A learner that changes the convolutions itself; Adam moves the linear layers.

    Parameters
    ----------
    network
        What is trained; its convolutions take no gradient.
    settings
        The rule's entry of the configuration.
    others
        Parameters that Adam moves too.
    """

    def __init__(
        self,
        network: Network,
        settings: L,
        others: Iterable[torch.nn.Parameter] = (),
    ) -> None:
        trained = [*network.fc1.parameters(), *network.fc2.parameters(), *others]
        super().__init__(network, Adam(trained, lr=settings.lr_readout))
        self.settings = settings
        for name in BLOCKS:
            getattr(network, name).requires_grad_(False)


def accuracy(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the fraction of labels that have the highest score."""
    return (scores.argmax(1) == labels).float().mean()


def train_readout(
    learner: Learner, maps: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """One optimiser step of the linear layers on the last block's output; loss and scores."""
    learner.optimiser.zero_grad()
    scores = learner.network.readout(maps)
    loss = F.cross_entropy(scores.float(), labels)
    loss.backward()
    learner.optimiser.step()
    return loss.detach(), scores.detach()
