"""A training whose loss or weights are no numbers stops, and says at which step it began."""

from __future__ import annotations

import torch

from replicortex.core.errors import StudyError

EVERY = 50  # steps between two looks on a GPU, where each look waits for all that was queued


class Watch:
    """Looks at the terms of each step of one training.

    On a CPU a fault is told at its step. On a GPU the first one is noted there without waiting, and
    told at the next look: after `EVERY` steps, at an epoch's end, and before anything is kept.

    Parameters
    ----------
    name, seed
        Of the training, for the sentence.
    device
        Where it runs.
    """

    def __init__(self, name: str, seed: int, device: torch.device) -> None:
        self.name, self.seed = name, seed
        self.every = 1 if device.type == "cpu" else EVERY
        self.epoch, self.terms = 0, [""]
        # The first fault: step * terms + term, and its value; -1 for none.
        self.first = torch.full((), -1, dtype=torch.int64, device=device)
        self.value = torch.zeros((), dtype=torch.float64, device=device)

    def step(self, terms: dict[str, torch.Tensor], epoch: int, step: int) -> None:
        """Note a step's scalar terms.

        Raises
        ------
        StudyError
            As `look`.
        """
        self.terms, self.epoch = list(terms), epoch
        values = torch.stack([term.detach().double().reshape(()) for term in terms.values()])
        bad = ~values.isfinite()
        begins = bad.any() & (self.first < 0)
        worst = bad.to(torch.int64).argmax()
        self.value = torch.where(begins, values[worst], self.value)
        self.first = torch.where(begins, step * len(terms) + worst, self.first)
        if (step + 1) % self.every == 0:
            self.look()

    def look(self) -> None:
        """Tell what was noted.

        Raises
        ------
        StudyError
            With training, seed, epoch and step.
        """
        first = int(self.first)
        if first < 0:
            return
        step, term = divmod(first, len(self.terms))
        raise StudyError(
            f"{self.place(self.epoch, step)}: {self.terms[term]} is {float(self.value)}; a smaller "
            "learning rate may help. The last state saved is from before this step"
        )

    def place(self, epoch: int, step: int) -> str:
        """Return training, seed, epoch and step in words; both counts begin at 0."""
        return f"{self.name}, seed {self.seed}: epoch {epoch + 1}, step {step + 1}"

    def weights(self, network: torch.nn.Module, epoch: int, step: int) -> None:
        """Look at all weights and statistics, before they are kept as those after a step.

        Raises
        ------
        StudyError
            When one is not finite: a last step can ruin weights after a loss that was a number.
        """
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                raise StudyError(
                    f"{self.place(epoch, step)}: '{name}' of the network is no longer finite; a "
                    "smaller learning rate may help. Nothing of this step was saved"
                )
