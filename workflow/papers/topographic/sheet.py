"""The topographic loss: neighbours on a square sheet are to have like afferent weights."""

from __future__ import annotations

import torch

from replicortex.analysis import grid
from replicortex.core.errors import StudyError


def neighbour_pairs(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both ends of every undirected Moore pair, int64; 930 pairs at side 16, no wrap."""
    first, second = grid.neighbour_pairs(side, "moore")
    return torch.from_numpy(first), torch.from_numpy(second)


def neighbour_counts(side: int) -> torch.Tensor:
    """Return the number of Moore neighbours of each unit: 3 in corners, 5 on edges, 8 inside."""
    first, second = neighbour_pairs(side)
    return torch.bincount(torch.cat([first, second]), minlength=side**2)


class TopographicLoss:
    """Distance of neighbouring afferent vectors.

    Parameters
    ----------
    side
        Units along an edge of the sheet.
    form
        "pairs": mean over undirected pairs [code]; "units": paper's eq. 1, the sum over units of the
        mean over their neighbours, which weighs pairs at edges and corners more.
    distance
        "l2", not squared [paper, code]; "squared"; "cosine": 1 - cosine.
    device
        Where the weights are.

    Raises
    ------
    StudyError
        When form or distance is unknown.
    """

    def __init__(self, side: int, form: str, distance: str, device: torch.device) -> None:
        if form not in ("pairs", "units"):
            raise StudyError(f"balance.form: '{form}' is unknown; valid are pairs, units")
        if distance not in ("l2", "squared", "cosine"):
            raise StudyError(
                f"balance.distance: '{distance}' is unknown; valid are l2, squared, cosine"
            )
        first, second = neighbour_pairs(side)
        self.first, self.second = first.to(device), second.to(device)
        self.distance = distance
        if form == "pairs":
            share = torch.full((len(first),), 1 / len(first))
        else:
            inverse = 1 / neighbour_counts(side).float()
            share = inverse[first] + inverse[second]
        self.share = share.to(device)

    def distances(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the distance of each pair of rows of (units, inputs)."""
        one, other = weight[self.first], weight[self.second]
        if self.distance == "cosine":
            return 1 - torch.cosine_similarity(one, other, dim=1)
        squares = (one - other).square().sum(1)
        # The root's slope is infinite at 0, where equal rows stand.
        return squares if self.distance == "squared" else squares.clamp(min=1e-24).sqrt()

    def __call__(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the loss of the weights (units, inputs)."""
        return (self.distances(weight) * self.share).sum()


class Balance:
    """The weight of the topographic loss: a running mean that keeps gradients at a ratio.

    lambda* = rho |g_task| / (|g_topo| + eps), held within [0, largest];
    lambda <- (1 - beta) lambda + beta lambda*, begun anew with each epoch's first lambda* [code].

    Parameters
    ----------
    rho
        Wanted ratio of the gradients' norms; 0 switches the topographic loss off.
    beta, eps, largest
        As above.
    restart
        Whether the mean begins anew with each epoch.
    """

    def __init__(
        self, rho: float, *, beta: float, eps: float, largest: float, restart: bool
    ) -> None:
        self.rho, self.beta, self.eps = rho, beta, eps
        self.largest, self.restart = largest, restart
        self.value: float | None = None
        self.hits = 0

    def weigh(self, task: float, topographic: float) -> float:
        """Return lambda for this step, given both gradients' norms."""
        if self.rho == 0:
            return 0.0
        wanted = self.rho * task / (topographic + self.eps)
        if wanted > self.largest:
            self.hits += 1
            wanted = self.largest
        if self.value is None:
            self.value = wanted
        else:
            self.value += self.beta * (wanted - self.value)
        return self.value

    def end_epoch(self) -> int:
        """Return how often the bound was hit in this epoch; begin the next."""
        hits, self.hits = self.hits, 0
        if self.restart:
            self.value = None
        return hits

    def state_dict(self) -> dict[str, float | int | None]:
        """Return what the next step depends on."""
        return {"value": self.value, "hits": self.hits}

    def load_state_dict(self, state: dict) -> None:
        """Take up a saved state."""
        self.value, self.hits = state["value"], state["hits"]
