"""Relaxation of supervised predictive coding, with the slopes of its energy in closed form.

F = sum_l ||e_l||^2 / 2 with e_l = x_l - f_l(x_(l-1)), so that dF/dx_l = e_l - J_(l+1)^T e_(l+1), and a
weight's slope needs its own layer's error and input alone. All x_l start as the forward pass left
them: every error but the last is zero then, the label reaches one layer further down in each step, and
what it has not reached is not computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch.nn import functional as F

Weighed = tuple[torch.Tensor, torch.Tensor]  # weight and bias, or their slopes


class Forward(NamedTuple):
    """A forward pass.

    Attributes
    ----------
    values
        Of the hidden layers: (n, channels, side, side) of each block, then fc1's (n, hidden).
    scores
        (n, 10).
    fixed
        Of each block, the batch's mean and variance, (channels,).
    places
        Of each block, where in its maps each pooled value stood, as `F.max_pool2d` tells it.
    """

    values: list[torch.Tensor]
    scores: torch.Tensor
    fixed: list[Weighed]
    places: list[torch.Tensor]


class Relaxed(NamedTuple):
    """Where a relaxation ended.

    Attributes
    ----------
    values
        Of the hidden layers, as in `Forward`.
    energies
        (steps + 1, n): of each image, before each step and after the last.
    slopes
        Of each layer, those of the summed energy at `values`, for weight and bias.
    """

    values: list[torch.Tensor]
    energies: torch.Tensor
    slopes: list[Weighed]


@torch.no_grad()
def relax(
    images: torch.Tensor,
    start: Forward,
    target: torch.Tensor,
    layers: Sequence[Weighed],
    *,
    grid: int,
    steps: int,
    rate: float,
) -> Relaxed:
    """Let x_l <- x_l - rate dF/dx_l for all hidden l at once, `steps` times.

    Under autocast the layers weigh in its type; values, errors and energies stay in single precision.

    Parameters
    ----------
    images
        x_0, (n, 3, side, side).
    start
        Their forward pass through `layers`.
    target
        The clamped last layer, (n, 10).
    layers
        Weight and bias of three convolutions (BatchNorm folded in), fc1 and fc2.
    grid
        Side of the average pool in front of fc1.
    steps, rate
        How many, and how far each goes.
    """
    device = images.device.type
    kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else torch.float32
    given = [(weight.to(kind), bias.to(kind)) for weight, bias in layers]
    chain = [
        *(_Block(*layer) for layer in given[:-2]),
        _Hidden(*given[-2], grid),
        _Scores(*given[-1]),
    ]
    with torch.autocast(device, enabled=False):
        return _descend(images, start, target, chain, steps, rate)


def _descend(
    images: torch.Tensor,
    start: Forward,
    target: torch.Tensor,
    chain: Sequence[_Layer],
    steps: int,
    rate: float,
) -> Relaxed:
    """Return what `relax` does, by layers that know their own slopes."""
    values = [value.to(torch.float32, copy=True) for value in start.values]
    # What each layer is expected to be while nothing below it has moved, and what `route` needs.
    expected = [*(value.float() for value in start.values), start.scores.float()]
    kept: list[Any] = [*zip(expected, start.places, strict=False), expected[-2], None]
    errors: dict[int, torch.Tensor] = {}
    energies = []
    top = len(values)
    for step in range(steps + 1):
        reached = max(0, top - step)  # the lowest layer whose error is not zero
        energy = torch.zeros(len(images), device=images.device)
        for number in range(reached, top + 1):
            if number > reached:
                expected[number], kept[number] = chain[number].predict(values[number - 1])
            errors[number] = (values[number] if number < top else target) - expected[number]
            energy += _squares(errors[number]) / 2
        energies.append(energy)
        for number in range(reached, top + 1) if step < steps else ():
            if number < top:
                values[number].sub_(errors[number], alpha=rate)
            if number:
                below = values[number - 1]
                routed = chain[number].route(errors[number], kept[number], below)
                below.add_(chain[number].down(routed, below), alpha=rate)
    slopes = []
    for number, (layer, below) in enumerate(zip(chain, [images, *values], strict=True)):
        if number in errors:
            # The energy falls where f_l rises towards x_l.
            routed = layer.route(errors[number].neg(), kept[number], below)
            slopes.append(layer.slopes(routed, below))
        else:
            slopes.append((torch.zeros_like(layer.weight), torch.zeros_like(layer.bias)))
        slopes[-1] = layer.as_given(*(slope.float() for slope in slopes[-1]))
    return Relaxed(values, torch.stack(energies), slopes)


def _squares(error: torch.Tensor) -> torch.Tensor:
    """Return each image's sum of squares, (n,)."""
    return torch.linalg.vector_norm(_flat(error), dim=1).square()


def _flat(maps: torch.Tensor) -> torch.Tensor:
    """Return maps as (n, side * side * channels): they lie so, and nothing is copied."""
    return maps.permute(0, 2, 3, 1).flatten(1) if maps.ndim == 4 else maps


class _Layer(Protocol):
    """One layer's prediction f_l, and the ways on which an error leaves it."""

    weight: torch.Tensor
    bias: torch.Tensor

    def predict(self, below: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """Return f_l(x_(l-1)), and what `route` needs."""

    def route(self, error: torch.Tensor, kept: Any, below: torch.Tensor) -> torch.Tensor:
        """Return an error as it stands at the weighted sum, behind ReLU and pooling."""

    def down(self, routed: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
        """Return it as it reaches the layer below."""

    def slopes(self, routed: torch.Tensor, below: torch.Tensor) -> Weighed:
        """Return it as it reaches weight and bias, summed over images."""

    def as_given(self, weight: torch.Tensor, bias: torch.Tensor) -> Weighed:
        """Return slopes in the layout of the weight that was given."""


class _Block:
    """Convolution (3x3, padding 1), max-pool by 2, ReLU."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        last = torch.channels_last
        self.weight, self.bias = weight.contiguous(memory_format=last), bias
        # A transposed convolution is one with the kernels turned.
        self.turned = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=last)

    def predict(self, below: torch.Tensor) -> tuple[torch.Tensor, Any]:
        maps = F.conv2d(below.to(self.weight.dtype), self.weight, self.bias, padding=1)
        tops, places = F.max_pool2d(maps, 2, return_indices=True)
        out = F.relu(tops).float()
        return out, (out, places)

    def route(self, error: torch.Tensor, kept: Any, below: torch.Tensor) -> torch.Tensor:
        out, places = kept
        open_ = torch.ops.aten.threshold_backward(error, out, 0)
        # As max_unpool2d, which torch refuses among deterministic algorithms; no place comes twice.
        maps = open_.new_zeros((*open_.shape[:2], *below.shape[-2:])).flatten(2)
        maps = maps.scatter_(2, places.flatten(2), open_.flatten(2))
        return maps.unflatten(2, below.shape[-2:]).to(self.weight.dtype)

    def down(self, routed: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
        return F.conv2d(routed, self.turned, padding=1).float()

    def slopes(self, routed: torch.Tensor, below: torch.Tensor) -> Weighed:
        given = below.to(self.weight.dtype)
        slope = torch.nn.grad.conv2d_weight(given, self.weight.shape, routed, padding=1)
        return slope, routed.sum((0, 2, 3))

    def as_given(self, weight: torch.Tensor, bias: torch.Tensor) -> Weighed:
        return weight, bias


class _Hidden:
    """Average pool to a grid, fc1, ReLU. Inputs come place by place, the channels of each together."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, grid: int) -> None:
        self.shape, self.grid = (len(weight), -1, grid, grid), grid
        self.weight, self.bias = weight.view(self.shape).permute(0, 2, 3, 1).flatten(1), bias

    def predict(self, below: torch.Tensor) -> tuple[torch.Tensor, Any]:
        out = F.relu(F.linear(self._inputs(below), self.weight, self.bias)).float()
        return out, out

    def route(self, error: torch.Tensor, kept: Any, below: torch.Tensor) -> torch.Tensor:
        return torch.ops.aten.threshold_backward(error, kept, 0).to(self.weight.dtype)

    def down(self, routed: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
        flat = (routed @ self.weight).float()
        maps = flat.view(len(flat), self.grid, self.grid, -1).permute(0, 3, 1, 2)
        if below.shape[-2:] == maps.shape[-2:]:
            return maps
        return torch.ops.aten._adaptive_avg_pool2d_backward(maps, below)

    def slopes(self, routed: torch.Tensor, below: torch.Tensor) -> Weighed:
        return routed.T @ self._inputs(below), routed.sum(0)

    def as_given(self, weight: torch.Tensor, bias: torch.Tensor) -> Weighed:
        wide = weight.view(len(weight), self.grid, self.grid, -1)
        return wide.permute(0, 3, 1, 2).flatten(1), bias

    def _inputs(self, below: torch.Tensor) -> torch.Tensor:
        if below.shape[-2:] != (self.grid, self.grid):
            below = F.adaptive_avg_pool2d(below, self.grid)
        return _flat(below).to(self.weight.dtype)


class _Scores:
    """fc2, linear."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.weight, self.bias = weight, bias

    def predict(self, below: torch.Tensor) -> tuple[torch.Tensor, Any]:
        return F.linear(below.to(self.weight.dtype), self.weight, self.bias).float(), None

    def route(self, error: torch.Tensor, kept: Any, below: torch.Tensor) -> torch.Tensor:
        return error.to(self.weight.dtype)

    def down(self, routed: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
        return (routed @ self.weight).float()

    def slopes(self, routed: torch.Tensor, below: torch.Tensor) -> Weighed:
        return routed.T @ below.to(self.weight.dtype), routed.sum(0)

    def as_given(self, weight: torch.Tensor, bias: torch.Tensor) -> Weighed:
        return weight, bias
