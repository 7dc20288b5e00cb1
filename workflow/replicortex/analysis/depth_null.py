"""Depth correlations of plans without correspondence: the target's stimuli are permuted.

Layers keep their widths, their units and how alike the layers of one system are; only which stimulus is
which is lost. All this alone can order a plan by depth: layers of 3, 9, 27 and 81 units against eight
such layers of other stimuli have a depth correlation of .8. Plans under random costs do not know it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def depth_null(plans: Iterable[np.ndarray]) -> DepthNull:
    """Return what depth correlations are when the target's stimuli are permuted.

    Parameters
    ----------
    plans
        Plans between layers, one for each of `orders`, 39 or more.

    Raises
    ------
    StudyError
        When there are fewer plans, or one has no depth: a system has one layer.
    """
    found = np.array([depth_correlation(plan) for plan in plans])
    if len(found) < FEWEST_DRAWS:
        raise StudyError(f"depth null: {len(found)} draws, {FEWEST_DRAWS} or more expected")
    if np.isnan(found).any():
        raise StudyError("depth null: a plan has no depth: one layer, or all mass on one")
    rank = int(np.ceil(LEVEL * (len(found) + 1)))
    return DepthNull(float(found.mean()), float(np.sort(found)[rank - 1]))


def orders(held_out: np.ndarray, draws: int, *, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield random orders of the target's stimuli, (stimuli,) each, one for all its layers.

    Parameters
    ----------
    held_out
        Boolean, (stimuli,): stimuli to train on and held out are each permuted among themselves.
    """
    for _ in range(draws):
        order = np.arange(len(held_out))
        for part in (held_out, ~held_out):
            order[part] = rng.permutation(order[part])
        yield order
