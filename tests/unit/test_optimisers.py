"""Optimisers against torch.optim."""

from typing import Any

import pytest
import torch

from replicortex.training.optimisers import SGD, Adam, Optimiser

pytestmark = pytest.mark.numbers


def problem(seed: int = 0) -> tuple[list[torch.Tensor], Any]:
    stream = torch.Generator().manual_seed(seed)
    parameters = [
        torch.randn(shape, generator=stream).requires_grad_() for shape in ((3, 4), (5,), (2,))
    ]
    target = torch.randn(4, generator=stream)

    def loss(step: int) -> torch.Tensor:
        first, second, _ = parameters
        return ((first @ target).square().sum() * (step + 1) + second.sin().sum()) / 3

    return parameters, loss


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["adam", "sgd", "momentum"])
def test_steps_and_schedule_equal_torchs(kind: str, weight_decay: float) -> None:
    ours, loss = problem()
    theirs, their_loss = problem()
    more = {"momentum": 0.9} if kind == "momentum" else {}
    make, their_make = (Adam, torch.optim.Adam) if kind == "adam" else (SGD, torch.optim.SGD)
    optimiser = make(ours, lr=0.05, weight_decay=weight_decay, **more)
    expected = their_make(theirs, lr=0.05, weight_decay=weight_decay, **more)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(expected, 6)
    for epoch in range(6):
        for step in range(4):
            for one, value in ((optimiser, loss), (expected, their_loss)):
                one.zero_grad()
                value(step).backward()
                one.step()
        optimiser.anneal(epoch + 1, 6)
        schedule.step()
        assert optimiser.lr == pytest.approx(expected.param_groups[0]["lr"], abs=1e-12)
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    # The third parameter has no gradient.
    assert torch.equal(ours[2], problem()[0][2])


@pytest.mark.parametrize("late", [False, True])
def test_adam_pairs_values_by_place_however_they_lie_in_memory(late: bool) -> None:
    """Gradients with channels first, weights with channels last; or weights moved after the start."""
    stream = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, 3, 3, generator=stream)
    slope = torch.randn(4, 3, 3, 3, generator=stream)
    ours, theirs = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    last = weight.contiguous(memory_format=torch.channels_last).clone()
    if not late:
        ours.data = last
    optimiser, expected = Adam([ours], lr=0.1), torch.optim.Adam([theirs], lr=0.1)
    ours.data = last
    for step in (1, 2):
        ours.grad, theirs.grad = slope / step, slope / step
        optimiser.step()
        expected.step()
    torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [Adam, SGD])
def test_a_loaded_state_goes_on_as_the_saved_one(make: type[Optimiser]) -> None:
    more = {"momentum": 0.9} if make is SGD else {}
    ours, loss = problem()
    optimiser = make(ours, lr=0.05, **more)

    def go(which: Optimiser, value: Any, steps: range) -> None:
        for step in steps:
            which.zero_grad()
            value(step).backward()
            which.step()

    go(optimiser, loss, range(3))
    optimiser.anneal(1, 3)
    other, other_loss = problem(seed=9)
    resumed = make(other, lr=0.05, **more)
    resumed.load_state_dict(optimiser.state_dict())
    with torch.no_grad():
        for parameter, value in zip(other, ours, strict=True):
            parameter.copy_(value)
    # The two losses differ by their target: share it.
    go(resumed, lambda s: other[0].square().sum() * (s + 1) + other[1].sin().sum(), range(3, 6))
    go(optimiser, lambda s: ours[0].square().sum() * (s + 1) + ours[1].sin().sum(), range(3, 6))
    del other_loss
    assert all(torch.equal(a, b) for a, b in zip(ours, other, strict=True))
