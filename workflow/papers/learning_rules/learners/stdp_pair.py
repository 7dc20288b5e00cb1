"""Pair rule of spike timing with the stated sign, and winner-take-all: wholly local.

dw = A+ exp(-dt / tau) for dt = t_post - t_pre > 0, -A- exp(dt / tau) for dt < 0 (Song et al. 2000),
between units that code strength by latency, of which per place one wins and per map and image one
learns (Kheradpisheh et al. 2018). What neither paper says for this network is [assumed]: README.md.
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
from papers.learning_rules.network import BLOCKS, Network, norm_of

if TYPE_CHECKING:
    from papers.learning_rules.settings.stdp_pair import PairSTDPSettings


def window(dt: torch.Tensor, *, plus: float, minus: float, tau: float) -> torch.Tensor:
    """Return the weight change for dt = t_post - t_pre (ms): plus for dt > 0, minus for dt < 0."""
    height = torch.where(dt > 0, plus, -minus) * (dt != 0)
    return height * torch.exp(-dt.abs() / tau)


def latency(strength: torch.Tensor, span: float) -> torch.Tensor:
    """Return when each unit spikes (ms): the strongest of its image at 0, the weakest near `span`.

    Parameters
    ----------
    strength
        (n, channels, height, width), not negative; units at 0 stay silent (infinity).
    span
        Length of the code, ms.
    """
    strongest = strength.amax((1, 2, 3), keepdim=True).clamp(min=torch.finfo(strength.dtype).tiny)
    times = span * (1 - strength / strongest)
    return times.masked_fill(strength <= 0, torch.inf)


def winners(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return for each image and map the place of its winner (flat), and whether it has one.

    At a place the strongest map silences the others; in a map the strongest place so left wins.

    Parameters
    ----------
    maps
        (n, channels, height, width); values at or below 0 do not spike.
    """
    best = maps.amax(1, keepdim=True)
    left = torch.where((maps == best) & (maps > 0), maps, 0).flatten(2)
    strongest, place = left.max(2)
    return place, strongest > 0


class PairTiming(LocalLearner["PairSTDPSettings"]):
    """A forward pass in which winners learn from the spike times of their inputs; Adam on fc1, fc2.

    Each filter keeps its initial norm, in place of bounds for single weights [assumed].

    Parameters
    ----------
    network
        What is trained.
    settings
        The rule's entry of the configuration.
    """

    def __init__(self, network: Network, settings: PairSTDPSettings) -> None:
        super().__init__(network, settings)
        for name in BLOCKS:
            getattr(network, norm_of(name)).requires_grad_(False)
        self.norms = {name: norms_of(getattr(network, name).weight) for name in BLOCKS}

    def step(self, images: torch.Tensor, labels: torch.Tensor, streams: Streams) -> Terms:
        """Change each block by its winners on the way up, then train the readout."""
        net = self.network.train()
        with torch.no_grad():
            below = images
            for name in BLOCKS:
                maps = net.convolve(name, below)
                # The maps of this step come from the weights before it.
                change = self.change(name, below, maps)
                below = net.finish(name, maps)
                weight = getattr(net, name).weight
                weight.add_(change, alpha=self.settings.lr_weights)
                weight.mul_(self.norms[name] / norms_of(weight))
        loss, scores = train_readout(self, below, labels)
        return {"loss": loss, "accuracy": accuracy(scores, labels)}

    def change(self, name: str, below: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        """Return the mean change of one convolution over images, in the shape of its weight.

        A winner spikes at the mean latency of its excitatory drive, weighted by its share: inputs
        that came before are potentiated, later ones depressed, silent ones left [assumed].
        """
        settings = self.settings
        weight = getattr(self.network, name).weight
        place, wins = winners(maps)
        strength = below.clamp(min=0)
        times = latency(strength, settings.window)
        image, unit = wins.nonzero(as_tuple=True)
        at = place[image, unit]
        width = maps.shape[-1]
        drive = patches(strength, image, at // width, at % width)
        when = patches(times, image, at // width, at % width, outside=torch.inf)
        share = drive * weight[unit].clamp(min=0)
        spoke = when.isfinite()
        total = share.sum((1, 2, 3), keepdim=True)
        post = (share * when.masked_fill(~spoke, 0)).sum((1, 2, 3), keepdim=True) / total
        moves = window(
            post - when,
            plus=settings.amplitude_plus,
            minus=settings.amplitude_plus * settings.ratio,
            tau=settings.tau,
        )
        moves = torch.where(spoke & (total > 0), moves, 0)
        return torch.zeros_like(weight).index_add_(0, unit, moves) / len(below)


def norms_of(weight: torch.Tensor) -> torch.Tensor:
    """Return each filter's Euclidean norm, (filters, 1, 1, 1)."""
    return torch.linalg.vector_norm(weight, dim=(1, 2, 3), keepdim=True)


def patches(
    maps: torch.Tensor,
    image: torch.Tensor,
    row: torch.Tensor,
    column: torch.Tensor,
    outside: float = 0.0,
) -> torch.Tensor:
    """Return the 3x3 neighbourhoods of chosen places, (chosen, channels, 3, 3).

    Parameters
    ----------
    maps
        (n, channels, height, width).
    image, row, column
        Of each chosen place.
    outside
        Value beyond the edge.
    """
    padded = F.pad(maps, (1, 1, 1, 1), value=outside).permute(0, 2, 3, 1)
    near = torch.arange(3, device=maps.device)
    rows = (row[:, None] + near)[:, :, None]
    columns = (column[:, None] + near)[:, None, :]
    return padded[image[:, None, None], rows, columns].permute(0, 3, 1, 2)


build = PairTiming.build
