"""Depth correlations of plans without correspondence: the target's stimuli are permuted.

Layers keep their widths, their units and how alike the layers of one system are; only which stimulus is
which is lost. All this alone can order a plan by depth: layers of 3, 9, 27 and 81 units against eight
such layers of other stimuli have a depth correlation of .8. Plans under random costs do not know it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from replicortex.analysis.layer_plans import depth_correlation
from replicortex.core.errors import StudyError

LEVEL = 0.975
FEWEST_DRAWS = 39  # of which the highest is the limit


class DepthNull(NamedTuple):
    """Depth correlations without correspondence: their mean, and the limit at 97.5 %.

    A plan without correspondence lies above the limit in at most 2.5 % of cases, whatever the number of
    draws (a permutation test: the limit is an order statistic of the draws).
    """

    mean: float
    limit: float


def depth_null(
    plan_of: Callable[[np.ndarray], np.ndarray],
    held_out: np.ndarray,
    draws: int,
    *,
    rng: np.random.Generator,
) -> DepthNull:
    """Return what depth correlations are when the target's stimuli are permuted.

    Parameters
    ----------
    plan_of
        From an order of the target's stimuli, (stimuli,), to the plan between layers.
    held_out
        Boolean, (stimuli,): stimuli to train on and held out are each permuted among themselves.
    draws
        Of orders, 39 or more.

    Raises
    ------
    StudyError
        When fewer draws are asked for, or a plan has no depth: a system has one layer.
    """
    if draws < FEWEST_DRAWS:
        raise StudyError(f"depth null: {draws} draws, {FEWEST_DRAWS} or more expected")
    found = np.array([depth_correlation(plan_of(permuted(held_out, rng))) for _ in range(draws)])
    if np.isnan(found).any():
        raise StudyError("depth null: a plan has no depth: one layer, or all mass on one")
    rank = int(np.ceil(LEVEL * (draws + 1)))
    return DepthNull(float(found.mean()), float(np.sort(found)[rank - 1]))


def permuted(held_out: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a random order of stimuli, (stimuli,), that leaves the held-out ones held out."""
    order = np.arange(len(held_out))
    for part in (held_out, ~held_out):
        order[part] = rng.permutation(order[part])
    return order
