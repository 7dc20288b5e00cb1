"""Train networks whose units become features: with labels, or by Barlow Twins without."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from papers.sparse_positive.network import CLASSES, Network, barlow
from papers.sparse_positive.training_settings import Barlow, Learning, TrainingSettings
from papers.sparse_positive.views import apply, parameters, ramp
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.data import cifar
from replicortex.training import device as devices
from replicortex.training.augment import normalise, subset
from replicortex.training.loop import Run, fit
from replicortex.training.optimisers import Adam
from replicortex.training.state import State
from replicortex.training.views import Views

VIEWS = {"supervised": 1, "barlow": 2}
PROBED_BATCH = 500
PROBE_PENALTY = 1.0  # of the ridge read-out, per image


class Learner:
    """Adam on one objective, with a warm-up and a half cosine of the learning rate."""

    def __init__(self, learning: Learning, seed: int, device: torch.device) -> None:
        self.learning, self.epoch = learning, 0
        self.name = f"{learning.objective}, seed {seed}"
        network = Network(learning.network, learning.objective, seed)
        self.network = network.to(device, memory_format=torch.channels_last)
        own = learning.numbers
        self.optimiser = Adam(self.network.parameters(), lr=own.lr, weight_decay=own.weight_decay)
        self._pace()

    def _pace(self) -> None:
        own = self.learning.numbers
        self.optimiser.lr = own.lr * ramp(self.epoch, own.epochs, self.learning.warm_up)

    def step(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        streams: Callable[[str], torch.Generator],
    ) -> dict[str, torch.Tensor]:
        """Learn from one batch of views; return the loss, and accuracy where there are labels.

        Raises
        ------
        StudyError
            When the loss is not finite, before any weight is changed.
        """
        self.network.train()
        self.optimiser.zero_grad()
        out = self.network(images)
        terms = {}
        if isinstance(self.learning.numbers, Barlow):
            loss = barlow(out, self.learning.numbers.off_diagonal)
        else:
            loss = F.cross_entropy(out, labels)
            terms["train_accuracy"] = (out.detach().argmax(1) == labels).float().mean()
        if not math.isfinite(float(loss.detach())):
            raise StudyError(
                f"{self.name}: step {self.optimiser.steps + 1}: the loss is {float(loss.detach())}; "
                "a smaller lr may help. The last state saved is from before this step"
            )
        loss.backward()
        self.optimiser.step()
        return {"loss": loss.detach(), **terms}

    def end_epoch(self) -> None:
        """Set the next epoch's learning rate."""
        self.epoch += 1
        self._pace()

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch = state["epoch"]


def views(
    images: torch.Tensor,
    labels: torch.Tensor,
    learning: Learning,
    seed: int,
    device: torch.device,
) -> Views:
    """Return the training batches of an objective: both views of an image for Barlow Twins.

    Parameters
    ----------
    images, labels
        uint8 (n, side, side, 3), and (n,).
    learning
        How views are drawn, and the size of a batch.
    seed
        Of the order of the images, and of the views.
    """
    return Views(
        images,
        labels,
        batch=learning.batch,
        seed=seed,
        views=VIEWS[learning.objective],
        draw=lambda count, side, stream: parameters(count, learning.numbers.views, stream),
        apply=apply,
        mean=learning.mean,
        sd=learning.sd,
        device=device,
    )


def train(
    *,
    images: Path,
    learning: Learning,
    device: str,
    seeds: list[int],
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list]:
    """Train one objective for each seed.

    Parameters
    ----------
    images
        Manifest of a CIFAR-10 data set.
    learning
        The objective and its numbers, data and loop.
    device
        "cpu" or "cuda".

    Returns
    -------
    "model": per seed, tensors "initial/..." and "final/...", with objective, seed and network.
    "history": per seed, one row per checkpoint: epoch, loss, train_accuracy (supervised), and
    probe: accuracy of a ridge read-out of the trunk's pooled features on test images.

    Raises
    ------
    StudyError
        When a GPU is asked for and absent, or there are fewer images than asked for.
    """
    place = devices.choose(device)
    pixels, labels, _ = cifar.read(images, "train")
    chosen = subset(len(pixels), learning.images, 0).numpy()
    learned = torch.from_numpy(pixels[chosen]), torch.from_numpy(labels[chosen])
    tested, answers, _ = cifar.read(images, "test")
    for count, what in (
        (len(chosen), "are learned from"),
        (len(tested), "the data set has to test"),
    ):
        if learning.probed > count:
            raise StudyError(
                f"training.probed: {learning.probed} images are asked for, {count} {what}"
            )
    mixed = np.random.default_rng(0).permutation(len(tested))[: learning.probed]
    probe = (
        (pixels[chosen[: learning.probed]], labels[chosen[: learning.probed]]),
        (tested[mixed], answers[mixed]),
    )
    objective, epochs = learning.objective, learning.numbers.epochs

    def make(seed: int) -> Run:
        learner = Learner(learning, seed, place)
        return Run(
            name=f"{objective}_seed{seed}",
            seed=seed,
            learner=learner,
            batches=views(*learned, learning, seed, place),
            measure=lambda epoch: {"probe": probed(learner.network, probe, learning, place)},
        )

    trained = fit(
        [lambda seed=seed: make(seed) for seed in seeds],
        epochs=epochs,
        checkpoints=[0, epochs],
        precision=learning.precision,
        state=state,
        progress=progress,
    )
    models, histories = [], []
    for seed, one in zip(seeds, trained, strict=True):
        tensors = {
            f"{moment}/{name}": tensor
            for moment, epoch in (("initial", 0), ("final", epochs))
            for name, tensor in one.checkpoints[epoch].items()
        }
        metadata = {"objective": objective, "seed": seed, "network": learning.network.model_dump()}
        models.append(Tensors(tensors, metadata))
        histories.append(pd.DataFrame(one.rows).assign(objective=objective, seed=seed))
    return {"model": models, "history": histories}


@torch.no_grad()
def probed(
    network: Network,
    parts: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    training: TrainingSettings,
    device: torch.device,
) -> float:
    """Return the accuracy on the second part of a ridge read-out of the first one's features.

    Each part: images uint8 (n, side, side, 3) and labels (n,). Features are the trunk's, pooled and
    standardised by the first part.
    """
    was = network.training
    network.eval()
    features = []
    for pixels, _ in parts:
        blocks = [
            network.trunk(
                normalise(
                    torch.from_numpy(pixels[start : start + PROBED_BATCH]).to(device),
                    training.mean,
                    training.sd,
                )
            )
            for start in range(0, len(pixels), PROBED_BATCH)
        ]
        features.append(torch.cat(blocks).double().cpu().numpy())
    network.train(was)
    mean, sd = features[0].mean(0), features[0].std(0)
    X, T = ((f - mean) / np.where(sd > 0, sd, 1) for f in features)
    goal = np.eye(CLASSES)[parts[0][1]]
    gram = X.T @ X + PROBE_PENALTY * np.eye(X.shape[1])
    weights = np.linalg.solve(gram, X.T @ (goal - goal.mean(0)))
    return float(((T @ weights + goal.mean(0)).argmax(1) == parts[1][1]).mean())
