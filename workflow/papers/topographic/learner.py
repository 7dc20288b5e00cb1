"""One training: a task's gradient and the topographic one, kept at a ratio."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from papers.topographic.network import Network
from papers.topographic.objectives import task_loss
from papers.topographic.sheet import Balance, TopographicLoss
from replicortex.core.errors import StudyError
from replicortex.training.dropout import dropout_factors
from replicortex.training.optimisers import Adam

if TYPE_CHECKING:
    from papers.topographic.training_settings import Settings

Validate = Callable[["Topographic"], dict[str, float]]


class Topographic:
    """Adam on task loss + lambda * topographic loss, and what is remembered from epoch to epoch.

    Parameters
    ----------
    objective
        ce, margin, supcon or simclr.
    settings
        Sections network, objective, balance and training of the condition.
    rho
        Wanted ratio of the gradients.
    seed
        Of the initial weights.
    device
        Where it learns.
    validate
        Returns "task", and "accuracy" where there is one, on images held out; None without them.
    """

    def __init__(
        self,
        objective: str,
        settings: Settings,
        rho: float,
        seed: int,
        device: torch.device,
        validate: Validate | None = None,
    ) -> None:
        self.objective, self.settings, self.validate = objective, settings, validate
        self.name = f"{objective}, rho {rho:g}, seed {seed}"
        network = Network(settings.network, objective, seed)
        self.network = network.to(device, memory_format=torch.channels_last)
        balance = settings.balance
        self.topographic = TopographicLoss(
            settings.network.side, balance.form, balance.distance, device
        )
        self.balance = Balance(
            rho,
            beta=balance.beta,
            eps=balance.eps,
            largest=balance.largest,
            restart=balance.restart,
        )
        self.optimiser = Adam(self.network.parameters(), lr=settings.training.lr)
        self.history: list[dict[str, float]] = []
        self.steps = 0  # of this epoch
        self.best: dict[str, Any] = {"score": None, "epoch": 0, "network": None}

    def step(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        streams: Callable[[str], torch.Generator],
    ) -> dict[str, torch.Tensor]:
        """Learn from one batch of views; return both losses and lambda.

        Raises
        ------
        StudyError
            When the loss or a gradient is not finite: before any weight is changed, so that the
            weights and the state saved last are good ones.
        """
        net = self.network.train()
        self.optimiser.zero_grad()
        if self.settings.training.perturb:
            images = images * (1 + self.settings.training.perturb)
        sheet = net(images)
        factors = dropout_factors(
            *sheet.shape, self.settings.network.dropout, streams("dropout"), images.device
        )
        loss = task_loss(self.objective, net.head(sheet, factors), labels, self.settings.objective)
        loss.backward()
        weight = net.sheet.weight
        topographic = self.topographic(weight)
        (pull,) = torch.autograd.grad(topographic, weight)
        task, against = self._task_norm(), float(pull.norm())
        # Norms are read anyway; a loss that is not finite makes the task's so.
        if not (math.isfinite(task) and math.isfinite(against)):
            raise StudyError(
                f"{self.name}: step {self.optimiser.steps + 1}: the loss is {float(loss.detach())}, "
                f"the norms of its gradient and of the topographic one {task} and {against}; "
                "a smaller training.lr may help. The last state saved is from before this step"
            )
        share = self.balance.weigh(task, against)
        weight.grad.add_(pull, alpha=share)
        self.optimiser.step()
        self.steps += 1
        return {
            "loss": loss.detach(),
            "topographic": topographic.detach(),
            "lambda": torch.tensor(share, device=images.device),
        }

    def _task_norm(self) -> float:
        """Norm of the task's gradient: of the sheet's weights and bias [code], or the encoder's."""
        parts = [self.network.sheet]
        if self.settings.balance.gradients == "encoder":
            parts.append(self.network.trunk)
        grads = [p.grad for part in parts for p in part.parameters() if p.grad is not None]
        return float(torch.stack([grad.norm() for grad in grads]).norm())

    def end_epoch(self) -> None:
        """Nothing follows a schedule."""

    def ended(self, epoch: int, means: dict[str, float]) -> bool:
        """Note the epoch; say whether patience has run out."""
        weight = self.network.sheet.weight.detach()
        row = {
            "epoch": epoch,
            **means,
            "steps": self.steps,
            "clamp_hits": self.balance.end_epoch(),
            "row_norm": float(weight.norm(dim=1).mean()),
            "neighbour_cosine": float(
                torch.cosine_similarity(
                    weight[self.topographic.first], weight[self.topographic.second], dim=1
                ).mean()
            ),
        }
        self.steps = 0
        bias = self.network.sheet.bias
        row["bias_sd"] = float(bias.detach().std(correction=0)) if bias is not None else 0.0
        stop = False
        if self.validate is not None:
            self.network.eval()
            found = self.validate(self)
            row |= {f"validation_{name}": value for name, value in found.items()}
            stop = self._judge(epoch, found, means)
        self.history.append(row)
        return stop

    def _judge(self, epoch: int, found: dict[str, float], means: dict[str, float]) -> bool:
        """Keep the best weights; say whether nothing has become better for too long."""
        training = self.settings.training
        if training.keep == "total":  # [paper]
            topographic = float(self.topographic(self.network.sheet.weight.detach()))
            score = -(found["task"] + means["lambda"] * topographic)
        else:  # [code]
            score = found.get("accuracy", -found["task"])
        if self.best["score"] is None or score > self.best["score"]:
            state = self.network.state_dict()
            kept = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
            self.best = {"score": score, "epoch": epoch, "network": kept}
        return training.patience > 0 and epoch - self.best["epoch"] >= training.patience

    def final(self) -> dict[str, torch.Tensor]:
        """Return the weights that are measured.

        `keep: code`: cross-entropy's best in validation accuracy, else the last; `total`: the
        lowest validation loss in total [paper].
        """
        best = self.settings.training.keep == "total" or self.objective == "ce"
        if best and self.best["network"] is not None:
            return self.best["network"]
        return {name: tensor.detach().cpu() for name, tensor in self.network.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "balance": self.balance.state_dict(),
            "history": self.history,
            "steps": self.steps,
            "best": self.best,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.balance.load_state_dict(state["balance"])
        self.history, self.best = state["history"], state["best"]
        self.steps = state["steps"]
