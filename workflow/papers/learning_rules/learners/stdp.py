"""Spike timing as coded: one spike time per channel, one value for all nine kernel positions.

[code]: the window's sign is the opposite of the text's: a post- after a presynaptic spike depresses.
`sign: stated` is the text's window. Adam moves fc1, fc2 and BatchNorm's gains and offsets, so that
backpropagation reaches the blocks through those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from papers.learning_rules.learners.base import (
    LocalLearner,
    Streams,
    Terms,
    accuracy,
    train_readout,
)
from papers.learning_rules.network import BLOCKS, VARIANTS, Network, norm_of

if TYPE_CHECKING:
    from papers.learning_rules.settings.network import NetworkSettings
    from papers.learning_rules.settings.stdp import STDPSettings


def window(dt: torch.Tensor, *, amplitude: float, tau: float, sign: str) -> torch.Tensor:
    """Return the weight change for dt = t_post - t_pre, both in time steps.

    Parameters
    ----------
    dt
        Any shape.
    amplitude, tau
        Height and decay (time steps) of the window.
    sign
        "coded": A exp(-max(dt, 0) / tau) - A exp(min(dt, 0) / tau), which is depression for dt > 0,
        0 at 0. "stated": A exp(-dt / tau) for dt > 0, -A exp(dt / tau) for dt < 0, 0 at 0.
    """
    if sign == "coded":
        late, early = dt.clamp(min=0), dt.clamp(max=0)
        return amplitude * (torch.exp(-late / tau) - torch.exp(early / tau))
    if sign == "stated":
        return amplitude * torch.sign(dt) * torch.exp(-dt.abs() / tau)
    raise ValueError(f"sign: '{sign}' is unknown; valid are coded, stated")


def first_spikes(drive: torch.Tensor, steps: int, stream: torch.Generator) -> torch.Tensor:
    """Return the step of each unit's first spike, int64; `steps` + 1 where it stays silent.

    Parameters
    ----------
    drive
        (n, units); a unit spikes in each step with probability sigmoid(drive) / steps.
    steps
        Time steps.
    stream
        CPU generator: a GPU sees the same draws.
    """
    draws = torch.rand(*drive.shape, steps, generator=stream).to(drive.device)
    spikes = draws < (torch.sigmoid(drive.float()) / steps)[..., None]
    silent = torch.full((), steps + 1, device=drive.device)
    return torch.where(spikes.any(-1), spikes.int().argmax(-1), silent)


def pair_change(before: torch.Tensor, after: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Return the mean over images of table[t_pre, t_post] for each pair, (post units, pre units).

    Parameters
    ----------
    before, after
        Spike times (n, pre units) and (n, post units).
    table
        Weight change for each pair of spike times.
    """
    # A product of one-hot codes: the exponentials are taken once per pair of times, not of units.
    hot = F.one_hot(before, len(table)).to(table.dtype)
    weights = table[:, after].permute(1, 2, 0)
    return torch.einsum("not,nit->oi", weights, hot) / len(before)


class SpikeTiming(LocalLearner["STDPSettings"]):
    """A forward pass that changes the convolutions by spike times; then Adam on the rest.

    Parameters
    ----------
    network
        What is trained.
    settings
        The rule's entry of the configuration.
    """

    @classmethod
    def untrained(cls, seed: int, network: NetworkSettings, settings: STDPSettings) -> Network:
        """Return the network from which the rule starts, its weights within their clip."""
        net = Network.from_settings(seed, network, settings.init, **VARIANTS["stdp"])
        with torch.no_grad():
            # The first step would clip them: that is no learning, and displacement counts from here.
            for name in BLOCKS:
                getattr(net, name).weight.clamp_(-settings.clip_weight, settings.clip_weight)
        return net

    def __init__(self, network: Network, settings: STDPSettings) -> None:
        norms = (getattr(network, norm_of(name)) for name in BLOCKS)
        super().__init__(network, settings, (p for norm in norms for p in norm.parameters()))
        times = torch.arange(settings.steps + 2, device=network.fc1.weight.device)
        self.table = window(
            times[None, :] - times[:, None],
            amplitude=settings.amplitude,
            tau=settings.tau,
            sign=settings.sign,
        )

    def step(self, images: torch.Tensor, labels: torch.Tensor, streams: Streams) -> Terms:
        """Change each block by its spikes on the way up, then train the rest, as `Learner.step` says."""
        net = self.network.train()
        stream = streams("spikes")
        with torch.no_grad():
            below = images
            for name in BLOCKS:
                maps = net.convolve(name, below)
                self.change_weights(name, below, maps, stream)
                below = net.finish(name, maps)
        loss, scores = train_readout(self, net.blocks(images)[-1], labels)
        return {"loss": loss, "accuracy": accuracy(scores, labels)}

    def change_weights(
        self, name: str, below: torch.Tensor, maps: torch.Tensor, stream: torch.Generator
    ) -> None:
        """Change one convolution by the spike times of its input and output channels [code].

        Parameters
        ----------
        below, maps
            The block's input and its convolution, (n, channels, height, width); a channel's mean over
            space is its drive.
        stream
            Of the spikes.
        """
        settings = self.settings
        times = [first_spikes(part.mean((2, 3)), settings.steps, stream) for part in (below, maps)]
        change = pair_change(*times, self.table)
        change.clamp_(-settings.clip_update, settings.clip_update)
        weight = getattr(self.network, name).weight
        weight.add_(change[:, :, None, None], alpha=settings.lr_weights)
        weight.clamp_(-settings.clip_weight, settings.clip_weight)


build = SpikeTiming.build
