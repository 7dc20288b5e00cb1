"""Training of language models on passages."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional as F

from papers.hierarchical_ot.learner import Learner, fresh, train
from papers.hierarchical_ot.networks import for_text, letters
from papers.hierarchical_ot.passages import passages
from papers.hierarchical_ot.readout import outputs
from papers.hierarchical_ot.training_settings import LanguageSettings
from replicortex.core.progress import Progress, iter_plainly
from replicortex.core.randomness import stream_seed, torch_generator
from replicortex.training import device as devices
from replicortex.training.loop import Run
from replicortex.training.state import State


def train_language(
    *,
    text: Path,
    language: LanguageSettings,
    device: str,
    seeds: list[int],
    state: State | None = None,
    progress: Progress = iter_plainly,
) -> dict[str, list]:
    """Train each language model on passages, for each seed.

    Returns
    -------
    As `train_vision`; "test" in the history is the loss on passages held out (nats per character).
    """
    place = devices.choose(device)
    learned, held = (letters(part) for part in passages(text, language))
    held = held.to(place)

    def loss(out: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(out[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

    def make(name: str, seed: int) -> Run:
        """Return the training of one model from one seed."""
        network = fresh(lambda: for_text(language.models[name], language.context), seed, name).to(
            place
        )
        batches = Passages(learned, language.batch, stream_seed(seed, name), place)

        def measure(epoch: int) -> dict[str, float]:
            return {"test": float(loss(outputs(network, held), held))}

        return Run(f"{name}_{seed}", seed, Learner(network, language, loss), batches, measure)

    names = list(language.models)
    return train(make, names, lambda name: [language.epochs], language, seeds, state, progress)


class Passages:
    """Batches of passages in an order drawn for each epoch; a passage is its own label.

    Parameters
    ----------
    passages
        Codes of characters (passages, characters), on any device.
    batch
        Passages of a batch; fewer where there are not as many.
    seed
        Of the orders.
    device
        On which batches are given.
    """

    def __init__(self, passages: torch.Tensor, batch: int, seed: int, device: torch.device) -> None:
        self.passages, self.batch = passages.to(device), min(batch, len(passages))
        self.seed, self.device = seed, device

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.passages) // self.batch

    def draw(self, epoch: int | str) -> torch.Tensor:
        """Return the epoch's order."""
        order = torch.randperm(
            len(self.passages), generator=torch_generator(self.seed, "order", epoch)
        )
        return order.to(self.device)

    def get(self, draws: torch.Tensor, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return batch number `step`, twice."""
        chosen = self.passages[draws[step * self.batch : (step + 1) * self.batch]]
        return chosen, chosen
