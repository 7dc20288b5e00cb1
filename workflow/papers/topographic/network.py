"""An encoder that ends in a topographic sheet, and the heads of the four objectives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from replicortex.core.randomness import torch_generator
from replicortex.models.resnet import ResNet

if TYPE_CHECKING:
    from papers.topographic.training_settings import NetworkSettings

CLASSES = 10


def linear(inputs: int, outputs: int, stream: torch.Generator, bias: bool = True) -> nn.Linear:
    """Return a linear layer drawn as PyTorch draws it, U(-1/sqrt(inputs), 1/sqrt(inputs))."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    bound = 1 / math.sqrt(inputs)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=stream)
    return layer


class Network(nn.Module):
    """Trunk, sheet, and head.

    Attributes
    ----------
    trunk
        A ResNet, or the identity on features that nothing trains.
    sheet
        Linear layer whose rows are the afferent weights of the units, row by row of the sheet. Under
        the contrastive objectives and the margin loss BatchNorm follows it, which takes any shift
        away: its bias has no gradient, and stays where it starts.
    head
        "classifier" for cross-entropy: dropout on the sheet's output, then linear [code: no ReLU];
        "projection" for the others: BatchNorm, ReLU, dropout, linear.

    Parameters
    ----------
    numbers
        Section `network` of the configuration.
    objective
        ce, margin, supcon or simclr.
    seed
        Of the initial weights; each part draws from its own stream, so the trunks and sheets of
        equal seed start equal whatever the objective.
    """

    def __init__(self, numbers: NetworkSettings, objective: str, seed: int) -> None:
        super().__init__()
        if numbers.trunk == "resnet":
            self.trunk: nn.Module = ResNet(
                numbers.width, numbers.blocks, torch_generator(seed, "trunk")
            )
            inputs = self.trunk.features
        else:
            self.trunk, inputs = nn.Identity(), numbers.frozen.size
        units = numbers.side**2
        self.sheet = linear(inputs, units, torch_generator(seed, "sheet"), numbers.bias)
        if numbers.bias and numbers.bias_start == "zero":
            # Drawn and then set, so that the weights start as in the other arms.
            nn.init.zeros_(self.sheet.bias)
        self.classifies = objective == "ce"
        stream = torch_generator(seed, "head")
        if self.classifies:
            self.classifier = linear(units, CLASSES, stream)
        else:
            self.norm = nn.BatchNorm1d(units)
            self.projection = linear(units, numbers.projection, stream)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the sheet's output (n, units), bias included, before any nonlinearity."""
        return self.sheet(self.trunk(inputs))

    def head(self, sheet: torch.Tensor, factors: torch.Tensor | None = None) -> torch.Tensor:
        """Return class scores (n, 10), or unit vectors (n, projection).

        Parameters
        ----------
        sheet
            Output of the sheet.
        factors
            Dropout's, (n, units); None outside training.
        """
        if not self.classifies:
            sheet = F.relu(self.norm(sheet))
        if factors is not None:
            sheet = sheet * factors
        if self.classifies:
            return self.classifier(sheet)
        return F.normalize(self.projection(sheet).float(), dim=1)
