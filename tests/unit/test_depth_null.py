"""The null of depth correlations: layers without correspondence, and layers with a known one."""

import numpy as np
import pytest

from replicortex.analysis.depth_null import depth_null, orders
from replicortex.analysis.hot import hot, split
from replicortex.analysis.layer_plans import depth_correlation
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers

HELD = split(60, 0.2, seed=0)
SHALLOW, DEEP = (3, 9, 27, 81), (3, 3, 9, 9, 27, 27, 81, 81)  # widths that grow, as a network's do


def noise(seed, widths):
    rng = generator(seed, "layers", *widths)
    return [rng.normal(size=(60, width)) for width in widths]


def drifting(seed, widths):
    """Layers of which neighbours are alike, from latents that all seeds share."""
    latents = generator(9, "latents").normal(size=(11, 60, 5))
    rng = generator(seed, "units")
    places = np.linspace(0, 8, len(widths)).round().astype(int)
    return [
        latents[k : k + 3].sum(0) @ rng.normal(size=(5, n)) + 0.3 * rng.normal(size=(60, n))
        for k, n in zip(places, widths, strict=True)
    ]


def matched(source, target, seed=0):
    """Return the depth correlation of two systems, and its null."""
    null = depth_null(
        hot(source, [y[order] for y in target], held_out=HELD).outer
        for order in orders(HELD, 39, rng=generator(seed, "null"))
    )
    return depth_correlation(hot(source, target, held_out=HELD).outer), null


def test_layers_without_correspondence_lie_within_the_null():
    """Their widths alone order the plan: random costs of 4 x 8 layers end at .73 (97.5 %)."""
    found = [matched(noise(2 * s, SHALLOW), noise(2 * s + 1, DEEP), s) for s in range(10)]
    depths = np.array([depth for depth, _ in found])
    assert (depths > 0.73).sum() >= 7
    assert sum(depth > null.limit for depth, null in found) <= 1
    # Each lies above its null's mean as often as below.
    beyond = depths - [null.mean for _, null in found]
    assert abs(beyond.mean()) < 3 * beyond.std(ddof=1) / np.sqrt(10)


def test_layers_that_correspond_lie_above_the_null():
    widths = (12,) * 8
    depth, null = matched(drifting(0, widths[::2]), drifting(1, widths))
    assert depth > null.limit and depth > null.mean + 0.5


@pytest.mark.parametrize("draws, rank", [(39, 39), (99, 98), (199, 195)])
def test_the_limit_is_that_of_a_permutation_test(draws, rank):
    """One in forty at most, the plan itself counted among the draws."""
    plans = generator(0, "plans").random((draws, 3, 4))
    values = [depth_correlation(plan) for plan in plans]
    null = depth_null(plans)
    assert null.limit == np.sort(values)[rank - 1]
    assert null.mean == pytest.approx(np.mean(values))
    assert (draws + 1 - rank) / (draws + 1) <= 0.025


def test_held_out_stimuli_stay_held_out():
    drawn = list(orders(HELD, 3, rng=generator(0, "order")))
    for order in drawn:
        assert sorted(order) == list(range(60)) and (order != np.arange(60)).sum() > 40
        np.testing.assert_array_equal(HELD[order], HELD)
    assert len(drawn) == 3 and (drawn[0] != drawn[1]).any()


def test_what_has_no_null_is_told():
    with pytest.raises(StudyError, match="38 draws, 39 or more"):
        depth_null([np.eye(3)] * 38)
    with pytest.raises(StudyError, match="no depth: one layer"):
        depth_null([np.ones((1, 4))] * 39)
