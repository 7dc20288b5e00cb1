"""Adam and SGD in torch's form, and the cosine schedule.

The first optimiser made by torch.optim imports torch's compiler, which takes seconds of each job.
These are the same rules, tested against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch


class Optimiser:
    """Changes parameters along their gradients.

    Parameters
    ----------
    parameters
        What is changed; those without a gradient are left alone.
    lr
        Learning rate at first.
    weight_decay
        Factor of the parameter that is added to its gradient (not decoupled).
    """

    def __init__(
        self, parameters: Iterable[torch.Tensor], *, lr: float, weight_decay: float = 0.0
    ) -> None:
        self.parameters = list(parameters)
        self.lr, self.start, self.weight_decay = lr, lr, weight_decay
        self.steps = 0
        self.moments: list[list[torch.Tensor]] = []

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change all parameters once."""
        self.steps += 1
        for parameter, moments in zip(self.parameters, self.moments, strict=True):
            if parameter.grad is not None:
                slope = parameter.grad
                if self.weight_decay:
                    slope = slope.add(parameter, alpha=self.weight_decay)
                self._change(parameter, slope, moments)

    def _change(
        self, parameter: torch.Tensor, slope: torch.Tensor, moments: list[torch.Tensor]
    ) -> None:
        raise NotImplementedError

    def anneal(self, epoch: int, epochs: int) -> None:
        """Set the learning rate to start * (1 + cos(pi epoch / epochs)) / 2."""
        self.lr = self.start * (1 + math.cos(math.pi * epoch / epochs)) / 2

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on, besides the parameters."""
        return {"lr": self.lr, "steps": self.steps, "moments": self.moments}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state that `state_dict` returned."""
        self.lr, self.steps = state["lr"], state["steps"]
        for ours, saved in zip(self.moments, state["moments"], strict=True):
            for moment, value in zip(ours, saved, strict=True):
                moment.copy_(value)


class Adam(Optimiser):
    """Kingma and Ba 2015, arXiv 1412.6980, with betas 0.9 and 0.999, eps 1e-8."""

    BETAS = (0.9, 0.999)
    EPS = 1e-8

    def __init__(
        self, parameters: Iterable[torch.Tensor], *, lr: float, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, lr=lr, weight_decay=weight_decay)
        self.moments = [
            [torch.zeros_like(parameter), torch.zeros_like(parameter)]
            for parameter in self.parameters
        ]

    @torch.no_grad()
    def step(self) -> None:
        """Change all parameters once, in one pass over each: torch.optim's fused kernel."""
        self.steps += 1
        for parameter, moments in zip(self.parameters, self.moments, strict=True):
            moments[:] = (_laid(moment, parameter) for moment in moments)
        moved = [
            (parameter, _laid(parameter.grad, parameter), *moments)
            for parameter, moments in zip(self.parameters, self.moments, strict=True)
            if parameter.grad is not None
        ]
        if not moved:
            return
        parameters, slopes, first, second = (list(part) for part in zip(*moved, strict=True))
        count = torch.full((), float(self.steps), device=parameters[0].device)
        torch._fused_adam_(
            parameters,
            slopes,
            first,
            second,
            [],
            [count] * len(parameters),
            lr=self.lr,
            beta1=self.BETAS[0],
            beta2=self.BETAS[1],
            weight_decay=self.weight_decay,
            eps=self.EPS,
            amsgrad=False,
            maximize=False,
        )


def _laid(part: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return a tensor that lies in memory as another does: the kernel pairs values as they lie."""
    return part if part.stride() == like.stride() else torch.empty_like(like).copy_(part)


class SGD(Optimiser):
    """Descent with momentum: v <- momentum v + slope; parameter <- parameter - lr v.

    Parameters
    ----------
    momentum
        Share of the last change that is kept; else as `Optimiser`.
    """

    def __init__(
        self,
        parameters: Iterable[torch.Tensor],
        *,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, weight_decay=weight_decay)
        self.momentum = momentum
        self.moments = [[torch.zeros_like(parameter)] for parameter in self.parameters]

    def _change(
        self, parameter: torch.Tensor, slope: torch.Tensor, moments: list[torch.Tensor]
    ) -> None:
        (velocity,) = moments
        velocity.mul_(self.momentum).add_(slope)
        parameter.add_(velocity, alpha=-self.lr)
