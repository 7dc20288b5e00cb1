"""Predictive coding with a clamped label (Whittington and Bogacz 2017, doi 10.1162/NECO_a_00949).

F = sum over layers of ||x_l - f_l(x_(l-1))||^2 / 2, with x_0 the image and the last layer clamped to
the label (one-hot). The hidden x_l relax down the slope of F; then each weight follows the slope of
F at the relaxed x_l, which only its own layer's error and input enter.

[assumed]: the last layer is linear; BatchNorm's batch statistics are those of the forward pass and
stay fixed while x relaxes and weights learn, so that no image's energy depends on another's.
"""

from __future__ import annotations

import copy

import torch
from torch.nn import functional as F

from papers.learning_rules.learners.base import OfSettings, Streams, Terms, accuracy
from papers.learning_rules.network import BLOCKS, CLASSES, Network, norm_of, pooled
from papers.learning_rules.settings.pc_supervised import SupervisedPCSettings
from replicortex.training.optimisers import Adam

LONG = 10  # times the rule's own steps: next to nothing is left then
Fixed = dict[str, tuple[torch.Tensor, torch.Tensor]]


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
        target = F.one_hot(labels, CLASSES).to(images.dtype)
        values, scores, fixed = self.forward(images)
        values, fall = self.relax(images, values, target, fixed)
        self.optimiser.zero_grad()
        energy = self.energies(images, values, target, fixed).mean()
        energy.backward()
        self.optimiser.step()
        return {
            "loss": F.cross_entropy(scores, labels),
            "accuracy": accuracy(scores, labels),
            "energy_start": fall[0].mean(),
            "energy_end": fall[-1].mean(),
        }

    def measure(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
        """Return "relaxed": the energy's fall in the steps, a share of the largest in `LONG` times as many.

        Below 0 where it has risen instead.
        """
        settings = self.settings.model_copy(update={"steps": LONG * self.settings.steps})
        probe = SupervisedPC(copy.deepcopy(self.network).train(), settings)
        target = F.one_hot(labels, CLASSES).to(images.dtype)
        values, _, fixed = probe.forward(images)
        met = probe.relax(images, values, target, fixed)[1].mean(1)
        return {"relaxed": float((met[0] - met[self.settings.steps]) / (met[0] - met.min()))}

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor, Fixed]:
        """Return every hidden layer's value, class scores, and each block's batch statistics.

        Moves BatchNorm's running statistics as any training-mode pass does.
        """
        net = self.network
        values, fixed = [], {}
        for name in BLOCKS:
            maps = net.convolve(name, values[-1] if values else images)
            norm = getattr(net, norm_of(name))
            mean, variance = torch.batch_norm_update_stats(
                maps, norm.running_mean, norm.running_var, norm.momentum
            )
            norm.num_batches_tracked += 1
            fixed[name] = (mean, variance)
            maps = F.batch_norm(maps, mean, variance, norm.weight, norm.bias, eps=norm.eps)
            values.append(pooled(maps))
        values.append(net.hidden(values[-1]))
        return values, net.fc2(values[-1]), fixed

    def relax(
        self,
        images: torch.Tensor,
        values: list[torch.Tensor],
        target: torch.Tensor,
        fixed: Fixed,
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Return the values after descent of the energy, and the energies (steps + 1, n) met.

        x_l <- x_l - rate dF/dx_l for all l at once.
        """
        layers = self._folded(fixed)
        with torch.no_grad():
            # The image is clamped: what it predicts of the first block stays the same.
            bottom = predict(BLOCKS[0], images, layers[0], self.network.grid)
        energies = []
        for _ in range(self.settings.steps):
            values = [value.detach().requires_grad_() for value in values]
            energy = energy_of(bottom, values, target, layers, self.network.grid)
            slopes = torch.autograd.grad(energy.sum(), values)
            energies.append(energy.detach())
            with torch.no_grad():
                values = [
                    value.sub(slope, alpha=self.settings.rate)
                    for value, slope in zip(values, slopes, strict=True)
                ]
        with torch.no_grad():
            energies.append(energy_of(bottom, values, target, layers, self.network.grid))
        return [value.detach() for value in values], torch.stack(energies)

    def energies(
        self,
        images: torch.Tensor,
        values: list[torch.Tensor],
        target: torch.Tensor,
        fixed: Fixed,
    ) -> torch.Tensor:
        """Return each image's energy (n,), differentiable in the network's parameters.

        Parameters
        ----------
        images, values, target
            (n, 3, side, side); the hidden layers' values as `forward` returns them; one-hot (n, 10).
        fixed
            Each block's batch mean and variance, (channels,).
        """
        layers = self._folded(fixed, learn=True)
        bottom = predict(BLOCKS[0], images, layers[0], self.network.grid)
        return energy_of(bottom, values, target, layers, self.network.grid)

    def _folded(self, fixed: Fixed, learn: bool = False) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return weight and bias of each of the five layers, BatchNorm folded into the convolutions.

        Parameters
        ----------
        fixed
            Each block's batch mean and variance, (channels,).
        learn
            Whether gradients reach the parameters.
        """
        net = self.network
        found = []
        for name in BLOCKS:
            norm = getattr(net, norm_of(name))
            mean, variance = fixed[name]
            slope = norm.weight / torch.sqrt(variance + norm.eps)
            weight = getattr(net, name).weight * slope[:, None, None, None]
            found.append((weight, norm.bias - mean * slope))
        found += [(layer.weight, layer.bias) for layer in (net.fc1, net.fc2)]
        return found if learn else [(w.detach(), b.detach()) for w, b in found]


def predict(
    name: str, below: torch.Tensor, layer: tuple[torch.Tensor, torch.Tensor], grid: int
) -> torch.Tensor:
    """Return f_l(x_(l-1)), what the layer below predicts of this one.

    Parameters
    ----------
    name
        Of the layer that is predicted.
    below
        Values of the layer below, (n, channels, side, side) or (n, units).
    layer
        Its weight and bias, BatchNorm folded in.
    grid
        Side of the pool in front of fc1.
    """
    if name in BLOCKS:
        return pooled(F.conv2d(below, *layer, padding=1))
    if name == "fc1":
        if below.shape[-2:] != (grid, grid):
            below = F.adaptive_avg_pool2d(below, grid)
        return F.relu(F.linear(below.flatten(1), *layer))
    return F.linear(below, *layer)


def energy_of(
    bottom: torch.Tensor,
    values: list[torch.Tensor],
    target: torch.Tensor,
    layers: list[tuple[torch.Tensor, torch.Tensor]],
    grid: int,
) -> torch.Tensor:
    """Return sum_l ||x_l - f_l(x_(l-1))||^2 / 2 of each image, (n,).

    Parameters
    ----------
    bottom
        f_1(x_0).
    values
        x_1 (n, channels, side, side) to x_4 (n, hidden).
    target
        The clamped last layer, (n, 10).
    layers
        Weight and bias of each of the five layers.
    grid
        Side of the pool in front of fc1.
    """
    names = (*BLOCKS, "fc1", "fc2")
    total = torch.zeros(len(target), device=target.device)
    for number, (name, value) in enumerate(zip(names, [*values, target], strict=True)):
        expected = (
            bottom if number == 0 else predict(name, values[number - 1], layers[number], grid)
        )
        total = total + (value - expected).flatten(1).square().sum(1) / 2
    return total


build = SupervisedPC.build
