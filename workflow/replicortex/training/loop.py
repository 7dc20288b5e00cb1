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
            _Training(maker(), epochs, checkpoints, precision, state).finish(progress)
            for maker in make
        ]


class _Training:
    """One run on its way: where it stands, and what it has left so far.

    `epoch` and `step` count what is done; `sums` holds, by term, the sum over the steps of this epoch.
    """

    def __init__(
        self, run: Run, epochs: int, checkpoints: list[int], precision: str, state: State | None
    ) -> None:
        """Begin at the start; a saved state is loaded later.

        Raises
        ------
        StudyError
            When the data are fewer than one batch.
        """
        self.run, self.epochs, self.checkpoints = run, epochs, checkpoints
        self.precision, self.state = precision, state
        self.length = len(run.batches)
        if self.length == 0 and epochs:
            raise StudyError(
                f"{run.name}: the training data are fewer than one batch; lower `batch`"
            )
        self.watch = Watch(run.name, run.seed, run.batches.device)
        self.trained = Trained(rows=[], checkpoints={})
        self.epoch, self.step, self.stopped = 0, 0, False
        self.sums: dict[str, torch.Tensor] = {}

    def finish(self, progress: Progress) -> Trained:
        """Take up what was saved, and train to the end."""
        if not self._resume() and 0 in self.checkpoints:
            self._keep({})
        left = range(self.epoch, self.epochs)
        for _ in progress(left, desc=self.run.name, total=len(left)):
            if self.stopped:
                break
            self._finish_steps()
            self._end_epoch()
        return self.trained

    def _resume(self) -> bool:
        """Return to the saved state, if there is one."""
        saved = self.state.load(self.run.name) if self.state else None
        if not saved:
            return False
        self.run.learner.load_state_dict(saved["learner"])
        self.trained = Trained(saved["rows"], saved["checkpoints"])
        self.epoch, self.step, self.stopped = saved["epoch"], saved["step"], saved["stopped"]
        device = self.run.batches.device
        self.sums = {name: total.to(device) for name, total in saved["sums"].items()}
        return True

    def _finish_steps(self) -> None:
        """Take the steps that this epoch still lacks."""
        draws = self.run.batches.draw(self.epoch)
        while self.step < self.length:
            self._take_step(*self.run.batches.get(draws, self.step))
            if self.step < self.length:
                self._save_if_due(f"in epoch {self.epoch + 1}, step {self.step}")

    def _take_step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Learn from one batch: images and labels on the device.

        Raises
        ------
        StudyError
            Of the learner, or for a loss that is not finite; with run, epoch and step before it.
        """
        run, epoch, step = self.run, self.epoch, self.step
        try:
            with devices.precision(run.batches.device, self.precision):
                terms = run.learner.step(images, labels, _streams(run.seed, epoch, step))
        except StudyError as error:
            raise StudyError(f"{self.watch.place(epoch, step)}: {error}") from error
        self.watch.step(terms, epoch, step)
        for name, term in terms.items():
            self.sums[name] = self.sums.get(name, 0) + term.double()
        self.step += 1

    def _end_epoch(self) -> None:
        """Note the means of the loss terms, keep a checkpoint where one is due, and save."""
        self.watch.look()
        self.run.learner.end_epoch()
        self.epoch, self.step = self.epoch + 1, 0
        means = {name: float(total / self.length) for name, total in self.sums.items()}
        self.stopped = self.run.ended is not None and self.run.ended(self.epoch, means)
        if self.epoch in self.checkpoints or self.stopped:
            self._check()
            self._keep(means)
        self.sums = {}
        if self.stopped or self.epoch == self.epochs:
            self._save()  # always: it makes a finished run reload
        else:
            self._save_if_due(f"after epoch {self.epoch}")

    def _keep(self, means: dict[str, float]) -> None:
        """Measure the network, and keep its tensors."""
        self.trained.checkpoints[self.epoch] = {
            name: tensor.detach().to("cpu", copy=True)
            for name, tensor in self.run.learner.network.state_dict().items()
        }
        self.trained.rows.append({"epoch": self.epoch, **means, **self.run.measure(self.epoch)})

    def _check(self) -> None:
        """Refuse terms and weights that are not finite, with the step that gave them."""
        self.watch.look()
        last = (self.epoch, self.step - 1) if self.step else (self.epoch - 1, self.length - 1)
        self.watch.weights(self.run.learner.network, *last)

    def _save_if_due(self, where: str) -> None:
        """Save when it is time to; when the job's time is over, stop as well."""
        if self.state is None:
            return
        late = self.state.out_of_time()
        if late or self.state.due():
            self._save()
        if late:
            raise OutOfTime(f"{self.run.name}: stopped {where}")

    def _save(self) -> None:
        """Save all that the rest of the training depends on, where there is a state."""
        if self.state is None:
            return
        self._check()
        self.state.save(
            self.run.name,
            {
                "learner": self.run.learner.state_dict(),
                "epoch": self.epoch,
                "step": self.step,
                "sums": self.sums,
                "rows": self.trained.rows,
                "checkpoints": self.trained.checkpoints,
                "stopped": self.stopped,
            },
        )


def _streams(seed: int, epoch: int, step: int) -> Callable[[str], torch.Generator]:
    """Return the step's random streams: a function of seed, purpose, epoch and step alone."""
    return lambda purpose: torch_generator(seed, purpose, epoch, step)
