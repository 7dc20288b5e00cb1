"""Momentum contrast (He et al. 2020, arXiv 1911.05722): InfoNCE with a queue and a slow key encoder."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.nn import functional as F

from replicortex.core.errors import StudyError


class Queue:
    """The last keys, first in, first out, with the item (video, image) that each came from.

    It grows from empty: a queue that starts with random keys makes the first losses look good.

    Parameters
    ----------
    size
        Keys at most.
    width
        Numbers per key.
    """

    def __init__(self, size: int, width: int, device: str = "cpu") -> None:
        if size < 1 or width < 1:
            raise StudyError(f"queue: {size} keys of {width} numbers; both must be at least 1")
        self.keys = torch.zeros(size, width, device=device)
        self.items = torch.full((size,), -1, dtype=torch.int64, device=device)
        self.filled = 0
        self.next = 0

    def push(self, keys: torch.Tensor, items: torch.Tensor) -> None:
        """Take keys (n, width) and their items (n,), in place of the oldest."""
        size = len(self.keys)
        if len(keys) > size:
            raise StudyError(f"queue: a batch of {len(keys)} keys is more than its {size} places")
        place = (self.next + torch.arange(len(keys), device=self.keys.device)) % size
        self.keys[place] = keys.detach().to(self.keys.dtype)
        self.items[place] = items.to(self.items.device)
        self.filled = min(size, self.filled + len(keys))
        self.next = (self.next + len(keys)) % size

    def held(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the keys (filled, width) and items (filled,) that are held."""
        return self.keys[: self.filled], self.items[: self.filled]

    def state(self) -> dict[str, torch.Tensor]:
        """Return everything that a resumed training needs."""
        counts = torch.tensor([self.filled, self.next])
        return {"keys": self.keys.clone(), "items": self.items.clone(), "counts": counts}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Take up a state that `state` returned.

        Raises
        ------
        StudyError
            When it is of a queue of another size.
        """
        if state["keys"].shape != self.keys.shape:
            raise StudyError(
                f"queue: a state of {tuple(state['keys'].shape)} found, "
                f"{tuple(self.keys.shape)} expected"
            )
        self.keys.copy_(state["keys"])
        self.items.copy_(state["items"])
        self.filled, self.next = (int(x) for x in state["counts"])


def info_nce(
    queries: torch.Tensor,
    keys: torch.Tensor,
    items: torch.Tensor,
    queue: Queue,
    temperature: float,
    *,
    in_batch: bool = True,
) -> torch.Tensor:
    """Mean of -log(e^(q.k+ / T) / (e^(q.k+ / T) + sum_j e^(q.k_j / T))), natural logarithm.

    arXiv 1911.05722, eq. 1. Negatives are the queue's keys and, if `in_batch`, the other keys of the
    batch; keys of the query's own item are no negatives.

    Parameters
    ----------
    queries, keys
        (n, d), in the same order; normalised here. No gradient reaches the keys.
    items
        (n,) the video of each; views of one video share it.
    temperature
        T.

    Raises
    ------
    StudyError
        When a query has no negative at all.
    """
    queries = F.normalize(queries.float(), dim=1)
    keys = F.normalize(keys.detach().float(), dim=1)
    positive = (queries * keys).sum(1, keepdim=True)
    others, sources = queue.held()
    if in_batch:
        others, sources = torch.cat([others, keys]), torch.cat([sources, items])
    own = items[:, None] == sources[None, :]
    if bool(own.all(1).any()):
        raise StudyError("InfoNCE: a video has no negative in batch and queue; it needs two videos")
    negative = (queries @ others.to(queries.dtype).T).masked_fill(own, -torch.inf)
    logits = torch.cat([positive, negative], dim=1) / temperature
    return (torch.logsumexp(logits, 1) - logits[:, 0]).mean()


@torch.no_grad()
def follow(key: torch.nn.Module, query: torch.nn.Module, momentum: float) -> None:
    """Move the key encoder: k <- m k + (1 - m) q for parameters; buffers (BatchNorm) are copied.

    Raises
    ------
    StudyError
        When the two differ in their parameters.
    """
    _match(key.named_parameters(), query.named_parameters())
    for slow, fast in zip(key.parameters(), query.parameters(), strict=True):
        slow.lerp_(fast, 1 - momentum)
    for own, other in zip(key.buffers(), query.buffers(), strict=True):
        own.copy_(other)


def _match(
    key: Iterable[tuple[str, torch.Tensor]], query: Iterable[tuple[str, torch.Tensor]]
) -> None:
    """Check that two networks have the same parameters.

    Raises
    ------
    StudyError
        Naming the first that differs in shape or is absent.
    """
    slow = {name: tuple(value.shape) for name, value in key}
    fast = {name: tuple(value.shape) for name, value in query}
    for name in sorted(slow.keys() | fast.keys()):
        if slow.get(name) != fast.get(name):
            raise StudyError(
                f"momentum encoder: {name} is {slow.get(name)} in the key encoder and "
                f"{fast.get(name)} in the query encoder"
            )
