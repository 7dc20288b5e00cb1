"""Peers of benchmarks/training.py: the same network and step as users of other code would run them.

`loader` is torch's DataLoader with torchvision's transforms, image by image. `whole_epochs` makes
batches as airbench (KellerJordan/cifar10-airbench, airbench/utils.py) and hlb-CIFAR10 do: images are
normalised and padded once, each epoch is cropped and mirrored as a whole, channels last; with torch's
fused Adam. `PlainPC` is predictive coding with a clamped label by autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

Batch = tuple[torch.Tensor, torch.Tensor]


def network(dropout: float) -> nn.Sequential:
    """Return the network of the learning rules, layer by layer."""

    def block(inner: int, outer: int) -> nn.Sequential:
        conv = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outer), nn.ReLU(), nn.MaxPool2d(2))

    return nn.Sequential(
        block(3, 32),
        block(32, 64),
        block(64, 128),
        nn.Flatten(),
        nn.Linear(2048, 512),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(512, 10),
    )


def step(
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    clip: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take one step of backpropagation and the author's second pass; loss, and how many were right."""
    optimiser.zero_grad()
    loss = F.cross_entropy(net(images), labels)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), clip)
    optimiser.step()
    with torch.no_grad():
        return loss.detach(), (net(images).argmax(1) == labels).sum()


def loader(
    images: np.ndarray, labels: np.ndarray, training: dict[str, Any]
) -> Callable[[], Iterator[Batch]]:
    """Return what gives an epoch's batches: DataLoader and torchvision's transforms on PIL images.

    Parameters
    ----------
    images, labels
        uint8 (n, 32, 32, 3) and (n,).
    training
        batch, crop_padding, mean and sd.
    """
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    transform = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.RandomCrop(32, padding=training["crop_padding"]),
            transforms.ToTensor(),
            transforms.Normalize(training["mean"], training["sd"]),
        ]
    )

    class Pictures(Dataset):
        def __init__(self) -> None:
            self.pictures = [Image.fromarray(image) for image in images]

        def __len__(self) -> int:
            return len(labels)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return transform(self.pictures[index]), int(labels[index])

    # One thread of computation for each contestant: no workers beside it.
    batches = DataLoader(Pictures(), batch_size=training["batch"], shuffle=True, drop_last=True)
    return lambda: iter(batches)


def whole_epochs(
    images: np.ndarray, labels: np.ndarray, training: dict[str, Any]
) -> Callable[[], Iterator[Batch]]:
    """Return what gives an epoch's batches; parameters as `loader`."""
    pad, size = training["crop_padding"], training["batch"]
    mean, sd = (torch.tensor(training[name])[:, None, None] for name in ("mean", "sd"))
    # Black beyond the edge, as in the study: airbench mirrors there.
    padded = F.pad(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255, (pad,) * 4)
    padded = ((padded - mean) / sd).contiguous(memory_format=torch.channels_last)
    answers = torch.from_numpy(labels)
    count, side = len(images), images.shape[1]

    def epoch() -> Iterator[Batch]:
        shifts = torch.randint(0, 2 * pad + 1, (2, count))
        rows = torch.empty(count, 3, side, side + 2 * pad).contiguous(
            memory_format=torch.channels_last
        )
        out = torch.empty(count, 3, side, side).contiguous(memory_format=torch.channels_last)
        for shift in range(2 * pad + 1):
            chosen = shifts[0] == shift
            rows[chosen] = padded[chosen, :, shift : shift + side]
        for shift in range(2 * pad + 1):
            chosen = shifts[1] == shift
            out[chosen] = rows[chosen, :, :, shift : shift + side]
        out = torch.where((torch.rand(count) < 0.5)[:, None, None, None], out.flip(-1), out)
        order = torch.randperm(count)
        for start in range(0, count - size + 1, size):
            chosen = order[start : start + size]
            yield out[chosen], answers[chosen]

    return epoch


class PlainPC:
    """Predictive coding with a clamped label, each slope by autograd.

    Parameters
    ----------
    net
        The learning rules' own network.
    settings
        steps, rate and lr of the rule.
    """

    def __init__(self, net: nn.Module, settings: Any) -> None:
        self.net, self.settings = net.train(), settings
        self.optimiser = torch.optim.Adam(net.parameters(), lr=settings.lr)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Relax, learn, and return the mean energies (steps + 1,)."""
        net = self.net
        with torch.no_grad():
            values, fixed = [], []
            for number in (1, 2, 3):
                conv, norm = getattr(net, f"conv{number}"), getattr(net, f"bn{number}")
                maps = conv(values[-1] if values else images)
                fixed.append((maps.mean((0, 2, 3)), maps.var((0, 2, 3), correction=0)))
                values.append(F.max_pool2d(F.relu(norm(maps)), 2))
            values.append(F.relu(net.fc1(values[-1].flatten(1))))
        target = F.one_hot(labels, 10).float()
        met = []
        for _ in range(self.settings.steps):
            values = [value.requires_grad_() for value in values]
            energy = self.energy(images, values, target, fixed)
            met.append(energy.detach() / len(images))
            slopes = torch.autograd.grad(energy, values)
            values = [
                (value - self.settings.rate * slope).detach()
                for value, slope in zip(values, slopes, strict=True)
            ]
        self.optimiser.zero_grad()
        energy = self.energy(images, values, target, fixed) / len(images)
        energy.backward()
        self.optimiser.step()
        return torch.stack([*met, energy.detach()])

    def energy(
        self,
        images: torch.Tensor,
        values: list[torch.Tensor],
        target: torch.Tensor,
        fixed: list[Batch],
    ) -> torch.Tensor:
        """Return half the sum of squared errors."""
        net, below, total = self.net, images, torch.zeros(())
        for number, value in enumerate(values[:-1]):
            conv, norm = getattr(net, f"conv{number + 1}"), getattr(net, f"bn{number + 1}")
            maps = F.batch_norm(conv(below), *fixed[number], norm.weight, norm.bias, eps=norm.eps)
            total = total + (value - F.max_pool2d(F.relu(maps), 2)).square().sum() / 2
            below = value
        total = total + (values[-1] - F.relu(net.fc1(below.flatten(1)))).square().sum() / 2
        return total + (target - net.fc2(values[-1])).square().sum() / 2
