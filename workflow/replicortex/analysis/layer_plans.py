"""Controls of the plan between layers, and measures of its structure (arXiv 2510.01706).

Every plan is (L, M), its masses sum to 1, each row carries 1/L. Reconstruction correlation rewards
averaging over layers, so that a score means little without these controls beside it.
"""

from __future__ import annotations

import numpy as np

from replicortex.core.errors import StudyError

TIED = 1e-9  # relative: masses are sums of a few fractions


def uniform(layers: tuple[int, int]) -> np.ndarray:
    """Return the plan without any alignment: 1 / (L M) everywhere."""
    return np.full(layers, 1 / (layers[0] * layers[1]))


def staircase(layers: tuple[int, int]) -> np.ndarray:
    """Return the plan that couples layers by relative depth alone: overlaps of equal intervals."""
    ends = [np.linspace(0, 1, count + 1) for count in layers]
    low = np.maximum(ends[0][:-1, None], ends[1][None, :-1])
    high = np.minimum(ends[0][1:, None], ends[1][None, 1:])
    overlaps: np.ndarray = np.clip(high - low, 0, None)
    return overlaps


def single_best(plan: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return the hardened plan (Single-Best): each source layer keeps its heaviest target.

    Where L divides M a plan gives each source layer M / L targets of equal mass: of the heaviest, up
    to rounding, it keeps the one of the lowest cost.

    Parameters
    ----------
    plan, cost
        (L, M): masses, and what they cost.
    """
    heaviest = plan.max(axis=1, keepdims=True)
    tied = plan >= heaviest * (1 - TIED)
    return _one_of_each(plan.shape, np.where(tied, cost, np.inf).argmin(axis=1))


def greedy(cost: np.ndarray, k: int = 1) -> np.ndarray:
    """Return the plan by independent choice: each source layer's k cheapest targets, equal shares.

    k = 1 is Pairwise-Best.
    """
    if not 1 <= k <= cost.shape[1]:
        raise StudyError(f"greedy: k is {k}, 1 to {cost.shape[1]} target layers expected")
    plan = np.zeros(cost.shape)
    chosen = np.argsort(cost, axis=1, kind="stable")[:, :k]
    np.put_along_axis(plan, chosen, 1 / (k * len(cost)), axis=1)
    return plan


def softmax(cost: np.ndarray, temperature: float) -> np.ndarray:
    """Return the plan with shares exp(-cost / temperature) within each row."""
    shares: np.ndarray = np.exp(-(cost - cost.min(axis=1, keepdims=True)) / temperature)
    plan: np.ndarray = shares / shares.sum(axis=1, keepdims=True) / len(cost)
    return plan


def shuffled(plan: np.ndarray, draws: int, *, rng: np.random.Generator) -> np.ndarray:
    """Return plans whose rows are permuted at random (Perm-P), (draws, L, M)."""
    return np.stack([plan[rng.permutation(len(plan))] for _ in range(draws)])


def _one_of_each(shape: tuple[int, int], chosen: np.ndarray) -> np.ndarray:
    plan = np.zeros(shape)
    plan[np.arange(shape[0]), chosen] = 1 / shape[0]
    return plan


def depth_correlation(plan: np.ndarray) -> float:
    """Return Pearson's r between relative source and target depth, pairs weighted by mass.

    NaN when all mass lies at one depth of either system.
    """
    plan = plan / plan.sum()
    rows, columns = (np.linspace(0, 1, count) for count in plan.shape)
    x = rows - plan.sum(axis=1) @ rows
    y = columns - plan.sum(axis=0) @ columns
    spread = (plan.sum(axis=1) @ x**2) * (plan.sum(axis=0) @ y**2)
    return float(x @ plan @ y / np.sqrt(spread)) if spread > 1e-15 else float("nan")


def trace(plan: np.ndarray) -> float:
    """Return the share of mass between layers of equal number; 1/L is expected by chance."""
    if plan.shape[0] != plan.shape[1]:
        raise StudyError(f"trace: {plan.shape[0]} x {plan.shape[1]} layers, equal counts expected")
    return float(np.trace(plan) / plan.sum())


def hubness(plan: np.ndarray) -> float:
    """Return how many distinct targets the rows' heaviest entries name, over min(L, M)."""
    targets: set[int] = set(plan.argmax(axis=1).tolist())
    return len(targets) / int(min(plan.shape))
