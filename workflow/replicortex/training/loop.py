"""The one training loop: it owns order, saving, resuming, progress and units; rules own a step.

One epoch is one pass over the images; losses and accuracies (fractions) are means over an epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from replicortex.core.errors import StudyError
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import torch_generator
from replicortex.training import device as devices
from replicortex.training.augment import Batches
from replicortex.training.finite import Watch
from replicortex.training.state import OutOfTime, State


class Learner(Protocol):
    """What the loop asks of a learning rule."""

    network: torch.nn.Module

    def step(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        streams: Callable[[str], torch.Generator],
    ) -> dict[str, torch.Tensor]:
        """Learn from one batch; return scalar terms."""

    def end_epoch(self) -> None:
        """Say that an epoch has ended."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""


@dataclass
class Run:
    """One training: a learner, its data, and what is measured of it.

    Attributes
    ----------
    name
        Of the saved state; unique in a pack.
    seed
        Of the streams that steps draw from.
    learner, batches
        What learns, and from what.
    measure
        Called at each checkpoint with the epoch; returns one row of plain numbers. Must leave the
        learner and every random stream as they were.
    ended
        Called after each epoch with its number and its mean terms; says whether the training stops
        there, which then is its last checkpoint. What it remembers belongs to the learner's state.
    """

    name: str
    seed: int
    learner: Learner
    batches: Batches
    measure: Callable[[int], dict[str, float]]
    ended: Callable[[int, dict[str, float]], bool] | None = None


@dataclass
class Trained:
    """What a run leaves: rows of its history, and the network's tensors at each checkpoint."""

    rows: list[dict[str, float]]
    checkpoints: dict[int, dict[str, torch.Tensor]]


def fit(
    make: list[Callable[[], Run]],
    *,
    epochs: int,
    checkpoints: list[int],
    precision: str,
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> list[Trained]:
    """Train several runs in one process, one after the other.

    Each run draws from streams of its own, so the others change nothing in it.

    Parameters
    ----------
    make
        One maker per run: a run's memory is taken when its turn comes, and freed after it.
    epochs
        Passes over the images.
    checkpoints
        Epochs at which the network is kept and measured; 0 is before training.
    precision
        "fp32" or "bf16".
    state
        Where whole states are saved and found again; None to keep nothing.
    progress
        Wraps the loop over epochs.

    Raises
    ------
    OutOfTime
        When the state's deadline has come; everything is saved then.
    StudyError
        When a term or the weights are no longer finite (with training, seed, epoch and step), or a
        step refuses; neither is saved.
    """
    with state or nullcontext():
        return [
            _fit_one(maker(), epochs, checkpoints, precision, state, progress) for maker in make
        ]


def _fit_one(
    run: Run,
    epochs: int,
    checkpoints: list[int],
    precision: str,
    state: State | None,
    progress: Progress,
) -> Trained:
    trained = Trained(rows=[], checkpoints={})
    epoch, step = 0, 0
    sums: dict[str, torch.Tensor] = {}
    stopped = False
    watch = Watch(run.name, run.seed, run.batches.device)

    def check() -> None:
        watch.look()
        before = (epoch, step - 1) if step else (epoch - 1, length - 1)
        watch.weights(run.learner.network, *before)

    def save() -> None:
        check()
        state.save(
            run.name,
            {
                "learner": run.learner.state_dict(),
                "epoch": epoch,
                "step": step,
                "sums": sums,
                "rows": trained.rows,
                "checkpoints": trained.checkpoints,
                "stopped": stopped,
            },
        )

    length = len(run.batches)
    if length == 0 and epochs:
        raise StudyError(f"{run.name}: the training data are fewer than one batch; lower `batch`")
    saved = state.load(run.name) if state else None
    if saved:
        run.learner.load_state_dict(saved["learner"])
        trained = Trained(saved["rows"], saved["checkpoints"])
        epoch, step, stopped = saved["epoch"], saved["step"], saved["stopped"]
        sums = {name: total.to(run.batches.device) for name, total in saved["sums"].items()}
    elif 0 in checkpoints:
        _keep(run, 0, {}, trained)

    for _ in progress(range(epoch, epochs), desc=run.name, total=epochs - epoch):
        if stopped:
            break
        draws = run.batches.draw(epoch)
        while step < length:
            images, labels = run.batches.get(draws, step)
            try:
                with devices.precision(run.batches.device, precision):
                    terms = run.learner.step(images, labels, _streams(run.seed, epoch, step))
            except StudyError as error:
                raise StudyError(f"{watch.place(epoch, step)}: {error}") from error
            watch.step(terms, epoch, step)
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.double()
            step += 1
            if state and step < length:
                late = state.out_of_time()
                if late or state.due():
                    save()
                if late:
                    raise OutOfTime(f"{run.name}: stopped in epoch {epoch + 1}, step {step}")
        watch.look()
        run.learner.end_epoch()
        epoch += 1
        step = 0
        means = {name: float(total / length) for name, total in sums.items()}
        stopped = run.ended is not None and run.ended(epoch, means)
        if epoch in checkpoints or stopped:
            check()
            _keep(run, epoch, means, trained)
        sums = {}
        if state:
            last = stopped or epoch == epochs
            late = state.out_of_time() and not last
            # The last epoch's state is saved always: it makes a finished run reload.
            if late or state.due() or last:
                save()
            if late:
                raise OutOfTime(f"{run.name}: stopped after epoch {epoch}")
    return trained


def _keep(run: Run, epoch: int, means: dict[str, float], trained: Trained) -> None:
    trained.checkpoints[epoch] = {
        name: tensor.detach().to("cpu", copy=True)
        for name, tensor in run.learner.network.state_dict().items()
    }
    trained.rows.append({"epoch": epoch, **means, **run.measure(epoch)})


def _streams(seed: int, epoch: int, step: int) -> Callable[[str], torch.Generator]:
    """Return the step's random streams: a function of seed, purpose, epoch and step alone."""
    return lambda purpose: torch_generator(seed, purpose, epoch, step)
