"""Predictive coding with a clamped label (Whittington and Bogacz 2017, doi 10.1162/NECO_a_00949).

F = sum over layers of ||x_l - f_l(x_(l-1))||^2 / 2, with x_0 the image and the last layer clamped to
the label (one-hot). The hidden x_l relax down the slope of F; then each weight follows the slope of
F at the relaxed x_l, which only its own layer's error and input enter.

[assumed]: the last layer is linear; BatchNorm's batch statistics are those of the forward pass and
stay fixed while x relaxes and weights learn, so that no image's energy depends on another's.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from papers.learning_rules.learners.base import OfSettings, Streams, Terms, accuracy
from papers.learning_rules.learners.relaxation import Forward, Relaxed, Weighed, relax
from papers.learning_rules.network import BLOCKS, CLASSES, Network, norm_of
from replicortex.training.optimisers import Adam

if TYPE_CHECKING:
    from papers.learning_rules.settings.pc_supervised import SupervisedPCSettings

LONG = 10  # times the rule's own steps: next to nothing is left then


class SupervisedPC(OfSettings):
    """Relaxation under image and label, then Adam on the energy's gradient.

    Parameters
    ----------
    network
        What is trained.
    settings
        The rule's entry of the configuration.
    """

    def __init__(self, network: Network, settings: SupervisedPCSettings) -> None:
        super().__init__(network, Adam(network.parameters(), lr=settings.lr))
        self.settings = settings

    def step(self, images: torch.Tensor, labels: torch.Tensor, streams: Streams) -> Terms:
        """Relax under image and label, then learn; the energies before and after are terms too."""
        self.network.train()
        start = self.forward(images)
        layers = self.folded(start.fixed)
        relaxed = self.relax(images, start, labels, layers)
        self.optimiser.zero_grad()
        # Through BatchNorm's gains, which are folded into the layers, autograd finds the way.
        torch.autograd.backward(
            [part for layer in layers for part in layer],
            [part / len(images) for layer in relaxed.slopes for part in layer],
        )
        self.optimiser.step()
        return {
            "loss": F.cross_entropy(start.scores, labels),
            "accuracy": accuracy(start.scores, labels),
            "energy_start": relaxed.energies[0].mean(),
            "energy_end": relaxed.energies[-1].mean(),
        }

    def measure(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
        """Return "relaxed": the energy's fall in the steps, a share of the largest in `LONG` times as many.

        Below 0 where it has risen instead.
        """
        settings = self.settings.model_copy(update={"steps": LONG * self.settings.steps})
        probe = SupervisedPC(copy.deepcopy(self.network).train(), settings)
        start = probe.forward(images)
        met = probe.relax(images, start, labels, probe.folded(start.fixed)).energies.mean(1)
        return {"relaxed": float((met[0] - met[self.settings.steps]) / (met[0] - met.min()))}

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> Forward:
        """Return a training-mode pass, which moves BatchNorm's running statistics as any does."""
        net = self.network
        values, fixed, places = [], [], []
        for name in BLOCKS:
            maps = net.convolve(name, values[-1] if values else images)
            norm = getattr(net, norm_of(name))
            mean, variance = torch.batch_norm_update_stats(
                maps, norm.running_mean, norm.running_var, norm.momentum
            )
            norm.num_batches_tracked += 1
            fixed.append((mean, variance))
            maps = F.batch_norm(maps, mean, variance, norm.weight, norm.bias, eps=norm.eps)
            tops, place = F.max_pool2d(maps, 2, return_indices=True)
            values.append(F.relu(tops))
            places.append(place)
        values.append(net.hidden(values[-1]))
        return Forward(values, net.fc2(values[-1]), fixed, places)

    def relax(
        self,
        images: torch.Tensor,
        start: Forward,
        labels: torch.Tensor,
        layers: list[Weighed],
    ) -> Relaxed:
        """Return where the rule's steps lead from a forward pass, the label clamped as one-hot."""
        return relax(
            images,
            start,
            F.one_hot(labels, CLASSES).to(images.dtype),
            [(weight.detach(), bias.detach()) for weight, bias in layers],
            grid=self.network.grid,
            steps=self.settings.steps,
            rate=self.settings.rate,
        )

    def folded(self, fixed: list[Weighed]) -> list[Weighed]:
        """Return weight and bias of each of the five layers, BatchNorm folded into the convolutions.

        Differentiable in the network's parameters.

        Parameters
        ----------
        fixed
            Each block's batch mean and variance, (channels,).
        """
        net = self.network
        found = []
        for name, (mean, variance) in zip(BLOCKS, fixed, strict=True):
            norm = getattr(net, norm_of(name))
            slope = norm.weight / torch.sqrt(variance + norm.eps)
            weight = getattr(net, name).weight * slope[:, None, None, None]
            found.append((weight, norm.bias - mean * slope))
        return found + [(layer.weight, layer.bias) for layer in (net.fc1, net.fc2)]


build = SupervisedPC.build
