"""Training of networks on images."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional as F

from papers.hierarchical_ot import pictures
from papers.hierarchical_ot.learner import Learner, fresh, train
from papers.hierarchical_ot.networks import for_images
from papers.hierarchical_ot.readout import outputs
from papers.hierarchical_ot.training_settings import VisionSettings
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed
from replicortex.training import device as devices
from replicortex.training.augment import Batches, normalise
from replicortex.training.loop import Run
from replicortex.training.state import State


def train_vision(
    *,
    images: Path,
    vision: VisionSettings,
    device: str,
    seeds: list[int],
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list]:
    """Train each network on images, for each seed.

    Returns
    -------
    "models": per seed the tensors `<network>/<epoch>/<name>`, at the last epoch, and at each
    checkpoint of the network that is followed. "history": rows of system, epoch, loss and test
    accuracy (fraction).
    """
    place = devices.choose(device)
    learned, labels = map(torch.from_numpy, pictures.training_images(images, vision.train_images))
    tested, test_labels = pictures.test_images(images, vision.stimuli)
    test_images = normalise(torch.from_numpy(tested), vision.mean, vision.sd).to(place)

    def make(name: str, seed: int) -> Run:
        """Return the training of one network from one seed."""
        network = fresh(lambda: for_images(vision.networks[name]), seed, name)
        network = network.to(place, memory_format=torch.channels_last)
        learner = Learner(network, vision, lambda out, labels: F.cross_entropy(out, labels))
        batches = Batches(
            learned,
            labels,
            batch=vision.batch,
            seed=stream_seed(seed, name),
            padding=vision.padding,
            flip=vision.flip,
            mean=vision.mean,
            sd=vision.sd,
            device=place,
        )

        def measure(epoch: int) -> dict[str, float]:
            guess = outputs(network, test_images).argmax(1).cpu().numpy()
            return {"test": float((guess == test_labels).mean())}

        return Run(f"{name}_{seed}", seed, learner, batches, measure)

    def checkpoints(name: str) -> list[int]:
        return vision.checkpoints if name == vision.followed else [vision.epochs]

    return train(make, list(vision.networks), checkpoints, vision, seeds, state, progress)
