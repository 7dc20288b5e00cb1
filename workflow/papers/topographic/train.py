"""Train networks of one or several conditions, each for one or several seeds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from papers.topographic import images as pictures
from papers.topographic.features import FeatureViews, read_features
from papers.topographic.images import Labelled
from papers.topographic.learner import Topographic
from papers.topographic.objectives import VIEWS, task_loss
from papers.topographic.training_settings import Condition, Settings, Split, Trunk
from replicortex.core.files import Tensors
from replicortex.core.progress import Progress, iter_plainly
from replicortex.training import device as devices
from replicortex.training.loop import Run, fit
from replicortex.training.state import State
from replicortex.training.views import Parameters, Views, apply, draw

VALIDATED_BATCH = 500
VALIDATION_SEED = 0  # of the views on which validation looks, the same in every epoch


def train(
    *,
    conditions: list[Condition],
    split: Split,
    device: str,
    seeds: list[int],
    images: Path | None = None,
    features: Path | None = None,
    lite0: Path | None = None,
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list]:
    """Train each condition for each seed.

    Parameters
    ----------
    conditions
        Arm, objective, rho and settings of each.
    split
        Section `split` of the configuration.
    device
        "cpu" or "cuda".
    seeds
        One for each network to make: all seeds of the first condition, then of the second, ...
    images
        Manifest of a CIFAR-10 data set, for a trunk that learns.
    features, lite0
        Files of `frozen.freeze` and of `lite0.extract`, for trunks that do not learn.
    state, progress
        Where to save and resume; wraps the loop over epochs.

    Returns
    -------
    "model": tensors of the network, with arm, objective, rho, seed and settings. "history": one row
    per epoch: loss, topographic, lambda (means over steps), steps, clamp_hits, row_norm,
    neighbour_cosine,
    bias_sd, and validation_task and validation_accuracy where there are validation images.

    Raises
    ------
    StudyError
        When a GPU is asked for and absent, or images are too few.
    """
    place = devices.choose(device)

    @cache
    def parts(trunk: Trunk, centred: bool) -> dict[str, Labelled]:
        file = {"resnet": None, "frozen": features, "lite0": lite0}[trunk]
        return read_parts(split, images, file, centred)

    each = len(seeds) // len(conditions)
    learners: list[Topographic] = []

    def make(condition: Condition, seed: int) -> Run:
        network = condition.settings.network
        shown = parts(network.trunk, network.centred)
        learner = _learner(condition, seed, shown["validation"], place)
        learners.append(learner)
        name = f"{condition.arm}_{condition.objective}_rho{condition.rho:g}_seed{seed}"
        views = VIEWS[condition.objective]
        return Run(
            name=name,
            seed=seed,
            learner=learner,
            batches=batches(shown["train"], condition.settings, seed, views, place),
            measure=lambda epoch: {},
            ended=learner.ended,
        )

    models, histories = [], []
    for number, condition in enumerate(conditions):
        own = seeds[number * each : (number + 1) * each]
        # All conditions of a job share its state: the folder is entered once for each.
        fit(
            [lambda s=seed, c=condition: make(c, s) for seed in own],
            epochs=epochs_of(condition),
            checkpoints=[],
            precision=condition.settings.training.precision,
            state=state,
            progress=progress,
        )
        for seed, learner in zip(own, learners[-len(own) :], strict=True):
            models.append(Tensors(learner.final(), {**condition.model_dump(), "seed": seed}))
            table = pd.DataFrame(learner.history)
            names = {"arm": condition.arm, "objective": condition.objective}
            histories.append(table.assign(**names, rho=condition.rho, seed=seed))
        learners.clear()
    return {"model": models, "history": histories}


def epochs_of(condition: Condition) -> int:
    """Return the most epochs of a condition."""
    return condition.settings.objective.epochs


def read_parts(
    split: Split, images: Path | None, features: Path | None, centred: bool = True
) -> dict[str, Labelled]:
    """Return "train", "validation" and "test": images, or frozen features."""
    if features is None:
        return pictures.read(images, split)
    arrays = read_features(features, centred)
    parts = {}
    for name in ("train", "validation", "test"):
        labels = arrays[f"{name}/labels"]
        empty = np.zeros((0, arrays["train/features"].shape[1]), np.float32)
        parts[name] = Labelled(arrays.get(f"{name}/features", empty), labels)
    return parts


def batches(
    part: Labelled, settings: Settings, seed: int, views: int, device: torch.device
) -> Views | FeatureViews:
    """Return the training batches of a condition."""
    training, network = settings.training, settings.network
    given = torch.from_numpy(part.images), torch.from_numpy(part.labels)
    common = {"batch": training.batch, "seed": seed, "views": views, "device": device}
    if network.trunk != "resnet":
        return FeatureViews(*given, noise=network.frozen.noise, **common)
    numbers = settings.objective.views.model_dump()
    return Views(
        *given,
        draw=lambda count, side, stream: vars(draw(count, side, numbers, stream)),
        apply=lambda images, drawn: apply(images, Parameters(**drawn)),
        mean=training.mean,
        sd=training.sd,
        **common,
    )


def _learner(
    condition: Condition, seed: int, validation: Labelled, device: torch.device
) -> Topographic:
    """Return the learner of a condition and seed; without validation images it is not validated."""
    objective, settings = condition.objective, condition.settings
    validate = None
    if len(validation.labels):
        validation_batches = _validation_views(objective, settings, validation, device)

        def validate(learner: Topographic) -> dict[str, float]:
            return _validated(learner, validation_batches)

    return Topographic(objective, settings, condition.rho, seed, device, validate)


ValidationBatches = list[tuple[torch.Tensor, torch.Tensor]]


def _validation_views(
    objective: str, settings: Settings, part: Labelled, device: torch.device
) -> ValidationBatches:
    """Return batches of validation images: as they are for CE, else mild views [code]."""
    views = settings.training.validation_views
    if objective == "ce":
        views = views.model_copy(update={"scale": [1.0, 1.0], "flip": 0.0})
    size = min(VALIDATED_BATCH, len(part.labels))
    changes = {
        "objective": settings.objective.model_copy(update={"views": views}),
        "training": settings.training.model_copy(update={"batch": size}),
    }
    own = settings.model_copy(update=changes)
    made = batches(part, own, VALIDATION_SEED, VIEWS[objective], device)
    draws = made.draw("validation")
    return [made.get(draws, step) for step in range(len(made))]


@torch.no_grad()
def _validated(learner: Topographic, validation_batches: ValidationBatches) -> dict[str, float]:
    """Return "task", the mean loss over batches of views and labels; under CE "accuracy" too, a fraction."""
    losses, right, seen = [], 0, 0
    for views, labels in validation_batches:
        out = learner.network.head(learner.network(views))
        numbers = learner.settings.objective
        losses.append(float(task_loss(learner.objective, out, labels, numbers)))
        if learner.objective == "ce":
            right += int((out.argmax(1) == labels).sum())
            seen += len(labels)
    found = {"task": float(np.mean(losses))}
    return found | {"accuracy": right / seen} if seen else found
