"""Train one learning rule on CIFAR-10, for one or several seeds.

What all rules share; a rule's own learner comes from its module of `trainings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import torch

from papers.learning_rules.learners.base import Learner
from papers.learning_rules.network import LAYERS, fill_norms, norm_buffers
from papers.learning_rules.settings.network import NetworkSettings
from papers.learning_rules.settings.rule import RuleSettings
from papers.learning_rules.settings.training import TrainingSettings
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import torch_generator
from replicortex.data import cifar
from replicortex.training import device as devices
from replicortex.training.augment import Batches, normalise, subset
from replicortex.training.loop import Run, Trained, fit
from replicortex.training.state import State

Images = tuple[np.ndarray, np.ndarray]
S = TypeVar("S", bound=RuleSettings)
# Of a seed, sections `network` and `rules.<rule>`, epochs and a device.
Build = Callable[[int, NetworkSettings, S, int, torch.device], Learner]
FIXED_SUBSET_SEED = 42  # [code, paper 1]: one subset for all seeds
TEST_SEED = 0  # of the choice of test images
TEST_BATCH = 500  # images per forward pass when accuracy is measured
PROBED = 16  # test images on which a rule tells of itself
OWN = ("relaxed",)  # what rules tell: columns of the history, empty where a rule tells nothing


@dataclass(frozen=True)
class Setup(Generic[S]):
    """What the trainings of all seeds share."""

    build: Build[S]
    settings: S
    network: NetworkSettings
    training: TrainingSettings
    device: torch.device

    def learner(self, seed: int) -> Learner:
        """Return the untrained learner of a seed."""
        return self.build(seed, self.network, self.settings, self.training.epochs, self.device)

    def batches(self, seed: int, train: Images) -> Batches:
        """Return the augmented batches of a seed's own subset, or of the fixed one [code].

        `train` holds images uint8 (n, 32, 32, 3) and labels (n,).
        """
        training = self.training
        drawn_by = seed if training.subset == "per_seed" else FIXED_SUBSET_SEED
        chosen = subset(len(train[0]), training.images, drawn_by)
        return Batches(
            torch.from_numpy(train[0])[chosen],
            torch.from_numpy(train[1])[chosen],
            batch=training.batch,
            seed=seed,
            padding=training.crop_padding,
            flip=training.flip,
            mean=training.mean,
            sd=training.sd,
            device=self.device,
        )


def train(
    kind: type[S],
    build: Build[S],
    *,
    images: Path,
    rule: str,
    settings: Mapping[str, Any],
    network: NetworkSettings,
    training: TrainingSettings,
    device: str,
    seeds: list[int],
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list]:
    """Train one rule.

    Parameters
    ----------
    kind, build
        What the rule's settings become, and what makes an untrained learner of them.
    images
        Manifest of a CIFAR-10 data set.
    rule
        Its name in results.
    settings, network, training
        Sections `rules.<rule>`, `network` and `training` of the configuration.
    device
        "cpu" or "cuda".
    seeds
        Trainings to make; how they are packed changes none of them.
    state
        Where to save and resume.
    progress
        Wraps the loop over epochs.

    Returns
    -------
    "model": per seed, tensors "epoch{e}/{name}" of each checkpoint and "filled/{name}", BatchNorm's
    statistics filled without learning. "history": per seed, a table with one row per checkpoint:
    loss (cross-entropy) and accuracies (fractions; loss and train_accuracy are means over the epoch
    that ended there, and empty at epoch 0), displacement ||W - W0|| / ||W0|| per layer,
    and of supervised predictive coding how far it relaxes (`SupervisedPC.measure`).

    Raises
    ------
    StudyError
        When a GPU is asked for and absent (before data are read), or more images are asked for than
        there are.
    """
    place = devices.choose(device)
    return train_arrays(
        build,
        train=cifar.read(images, "train")[:2],
        test=cifar.read(images, "test")[:2],
        rule=rule,
        settings=kind.model_validate(settings),
        network=network,
        training=training,
        device=place,
        seeds=seeds,
        state=state,
        progress=progress,
    )


def train_arrays(
    build: Build[S],
    *,
    train: Images,
    test: Images,
    rule: str,
    settings: S,
    network: NetworkSettings,
    training: TrainingSettings,
    device: torch.device,
    seeds: list[int],
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list]:
    """Train one rule on arrays; returns and raises as `train`.

    Parameters
    ----------
    build, rule, network, training, seeds, state, progress
        As in `train`.
    train, test
        Images uint8 (n, 32, 32, 3) and labels (n,).
    settings
        The rule's own.
    """
    if training.test_images > len(test[0]):
        raise StudyError(
            f"training.test_images: {training.test_images} are asked for, "
            f"the data set has {len(test[0])} test images"
        )
    setup = Setup(build, settings, network, training, device)
    # At random, for data sets are stored class by class; the same ones for all seeds and rules.
    mixed = torch.randperm(len(test[0]), generator=torch_generator(TEST_SEED, "test images"))
    chosen = mixed[: training.test_images].numpy()
    tested = tuple(torch.from_numpy(part[chosen]).to(device) for part in test)
    makers = [partial(_make, setup, seed, f"{rule}_seed_{seed}", train, tested) for seed in seeds]
    trained = fit(
        makers,
        epochs=training.epochs,
        checkpoints=training.checkpoints,
        precision=training.precision,
        state=state,
        progress=progress,
    )
    models, histories = [], []
    for seed, done in zip(seeds, trained, strict=True):
        arrays = {
            f"epoch{epoch}/{name}": tensor
            for epoch, kept in done.checkpoints.items()
            for name, tensor in kept.items()
        }
        filled = _filled(setup, seed, train)
        arrays |= {f"filled/{name}": tensor for name, tensor in filled.items()}
        metadata = {
            "rule": rule,
            "seed": seed,
            "settings": settings.model_dump(),
            "network": network.model_dump(),
            "normalisation": {"mean": training.mean, "sd": training.sd},
            "checkpoints": training.checkpoints,
        }
        models.append(Tensors(arrays, metadata))
        histories.append(_history(rule, seed, done))
    return {"model": models, "history": histories}


def _make(
    setup: Setup[Any],
    seed: int,
    name: str,
    train: Images,
    test: tuple[torch.Tensor, torch.Tensor],
) -> Run:
    """Return one training, which measures accuracy and displacement at each checkpoint.

    Parameters
    ----------
    name
        Of its saved state.
    train
        Images uint8 (n, 32, 32, 3) and labels (n,); the seed's subset is drawn from them.
    test
        The same as tensors on the device, all of them measured.
    """
    learner, training = setup.learner(seed), setup.training
    start = _weights(learner)

    def measure(_: int) -> dict[str, float]:
        moved = {
            f"displacement_{layer}": float((weight - start[layer]).norm() / start[layer].norm())
            for layer, weight in _weights(learner).items()
        }
        right = test_accuracy(learner, *test, mean=training.mean, sd=training.sd)
        few, answers = (part[:PROBED] for part in test)
        probed = learner.measure(normalise(few, training.mean, training.sd), answers)
        return {"test_accuracy": right, **moved, **probed}

    return Run(
        name=name,
        seed=seed,
        learner=learner,
        batches=setup.batches(seed, train),
        measure=measure,
    )


def _weights(learner: Learner) -> dict[str, torch.Tensor]:
    return {
        layer: getattr(learner.network, layer).weight.detach().to(torch.float64, copy=True)
        for layer in (*LAYERS, "fc2")
    }


@torch.inference_mode()
def test_accuracy(
    learner: Learner,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    mean: list[float],
    sd: list[float],
) -> float:
    """Return the fraction of images classified correctly, with BatchNorm's running statistics.

    Parameters
    ----------
    images, labels
        uint8 (n, 32, 32, 3) and int64 (n,).
    mean, sd
        Of each colour, in [0, 1].
    """
    learner.network.eval()
    right = sum(
        int((learner.scores(normalise(part, mean, sd)).argmax(1) == answer).sum())
        for part, answer in zip(images.split(TEST_BATCH), labels.split(TEST_BATCH), strict=True)
    )
    return right / len(images)


def _filled(setup: Setup[Any], seed: int, train: Images) -> dict[str, torch.Tensor]:
    """Return BatchNorm's statistics of the untrained network over augmented training batches.

    By name, (channels,) each: what filling does without learning.
    """
    learner, batches = setup.learner(seed), setup.batches(seed, train)

    def passes() -> Iterator[torch.Tensor]:
        for number in range(setup.training.fill_batches):
            epoch, step = divmod(number, len(batches))
            if step == 0:
                draws = batches.draw(f"fill {epoch}")
            yield batches.get(draws, step)[0]

    fill_norms(learner.network, passes())
    return {name: buffer.cpu() for name, buffer in norm_buffers(learner.network).items()}


def _history(rule: str, seed: int, done: Trained) -> pd.DataFrame:
    table = pd.DataFrame(done.rows).rename(columns={"accuracy": "train_accuracy"})
    columns = ["rule", "seed", "epoch", "loss", "train_accuracy", "test_accuracy"]
    columns += [*(f"displacement_{layer}" for layer in (*LAYERS, "fc2")), *OWN]
    return table.assign(rule=rule, seed=seed).reindex(columns=columns)
