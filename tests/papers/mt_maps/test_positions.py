"""Positions: where they start, what swaps do, and the fast swaps against the plain ones."""

import numpy as np
import pytest

from papers.mt_maps import positions as place
from papers.mt_maps import swaps
from replicortex.core.errors import StudyError

pytestmark = pytest.mark.numbers


def made(units=60, stimuli=40, seed=0):
    rng = np.random.default_rng(seed)
    responses = rng.normal(size=(stimuli, 4)) @ rng.normal(size=(4, units))
    responses += 0.3 * rng.normal(size=responses.shape)
    trials = np.stack([rng.integers(0, units, 300), rng.integers(0, units - 1, 300)], 1)
    trials[:, 1] += trials[:, 1] >= trials[:, 0]
    return rng.uniform(0, 2, (units, 2)), responses, trials


@pytest.mark.parametrize("seed", range(4))
def test_fast_swaps_are_the_plain_ones(seed):
    positions, responses, trials = made(seed=seed)
    alike, near = place.correlations(responses), place.nearness(positions)
    order, _ = swaps.swap(alike, near, trials)
    assert np.array_equal(order, swaps.swap_plainly(alike, near, trials))
    assert (order != np.arange(60)).sum() > 30
    assert sorted(order) == list(range(60))


def test_no_swap_raises_the_loss_of_the_neighbourhood():
    positions, responses, trials = made()
    alike, near = place.correlations(responses), place.nearness(positions)
    losses = []
    for end in range(0, 301, 20):
        order, _ = swaps.swap(alike, near, trials[:end])
        losses.append(place.spatial_loss(alike, near[np.ix_(order, order)]))
    assert all(np.diff(losses) <= 1e-12)
    assert losses[-1] < losses[0] - 0.05


@pytest.mark.parametrize("seed", range(3))
def test_losses_of_a_neighbourhood_are_those_of_all_pairs(seed):
    """The second follows from what the swaps add; here it is taken anew, pair by pair."""
    positions, responses, trials = made(seed=seed)
    order, losses = swaps.swap_neighbourhood(place.scaled(responses), positions, trials)
    alike = np.corrcoef(responses.T)
    pairs = np.triu_indices(60, 1)
    for found, at in zip(losses, (positions, positions[order]), strict=True):
        near = 1 / (1 + np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1)))
        expected = (1 - np.corrcoef(alike[pairs], near[pairs])[0, 1]) / 2
        assert found == pytest.approx(expected, abs=1e-12)
    assert losses[1] < losses[0] - 0.05
    assert place.spatial_loss(alike, near) == pytest.approx(losses[1], abs=1e-12)


def test_units_that_answer_alike_are_not_exchanged_by_rounding():
    positions, responses, trials = made()
    responses[:, 30:] = responses[:, :30] * np.linspace(0.3, 3, 30) + 0.1
    alike, near = place.correlations(responses), place.nearness(positions)
    twins = np.stack([np.arange(30), np.arange(30, 60)], 1)
    assert np.ptp(alike[:30] - alike[30:]) > 0, "rounding has parted them"
    assert np.array_equal(swaps.swap(alike, near, twins)[0], np.arange(60))
    nudged = alike * (1 + 1e-16 * np.random.default_rng(0).integers(-3, 4, alike.shape))
    found = [swaps.swap(one, near, trials)[0] for one in (alike, (nudged + nudged.T) / 2)]
    assert np.array_equal(*found)


def test_flat_responses_and_equal_places_have_no_loss():
    near = place.nearness(np.random.default_rng(0).uniform(0, 2, (30, 2)))
    flat = np.full_like(near, 0.3)
    assert place.spatial_loss(flat, near) == place.spatial_loss(near, flat) == 0.5


def test_correlations_are_numpys_and_silent_units_get_zero():
    responses = made()[1]
    assert place.correlations(responses) == pytest.approx(np.corrcoef(responses.T))
    responses[:, 3] = 2
    found = place.correlations(responses)
    assert np.isfinite(found).all()
    assert not found[3].any()


def test_loss_of_a_perfect_and_of_a_reversed_layout():
    near = place.nearness(np.random.default_rng(0).uniform(0, 2, (30, 2)))
    assert place.spatial_loss(near, near) == pytest.approx(0)
    assert place.spatial_loss(-near, near) == pytest.approx(1)
    assert place.spatial_loss(np.ones_like(near), near) == 0.5


# Layers of the paper: channels, grid, side (mm), overlap, and units
LAYERS = [
    (64, 56, 2.4, 0.1, 200_704),
    (128, 28, 34.35, 0.2, 100_352),
    (256, 14, 7.07, 0.4, 50_176),
    (512, 7, 7.48, 0.8, 25_088),
]


@pytest.mark.parametrize(("channels", "grid", "side", "overlap", "units"), LAYERS)
def test_layers_have_their_units_and_lie_retinotopically(channels, grid, side, overlap, units):
    start = place.retinotopic(channels, grid, side, overlap, np.random.default_rng(0))
    assert start.shape == (units, 2)
    assert start.min() >= 0
    assert start.max() <= side
    column = np.tile(np.arange(grid), channels * grid)
    row = np.tile(np.repeat(np.arange(grid), grid), channels)
    floor = 0.9 if overlap < 0.8 else 0.7
    assert np.corrcoef(start[:, 0], column)[0, 1] > floor
    assert np.corrcoef(start[:, 1], row)[0, 1] > floor


def test_mt_tiles_are_0_80_mm_wide():
    start = place.retinotopic(2000, 14, 7.07, 0.4, np.random.default_rng(0))
    corner = start.reshape(2000, 14, 14, 2)[:, 0, 0]
    assert np.ptp(corner, axis=0) == pytest.approx(0.80, abs=0.01)


def test_jitter_keeps_the_extent():
    start = place.retinotopic(10, 8, 7.07, 0.4, np.random.default_rng(0))
    moved = place.jitter(start, 0.3, np.random.default_rng(1))
    assert moved.min(0) == pytest.approx(start.min(0))
    assert moved.max(0) == pytest.approx(start.max(0))
    assert 0.1 < (moved - start).std() < 0.4
    assert place.jitter(start, 0, np.random.default_rng(1)) == pytest.approx(start)


def test_optimising_lowers_the_loss_keeps_the_places_and_retinotopy():
    rng = np.random.default_rng(0)
    start = place.retinotopic(16, 8, 7.07, 0.4, rng)
    tuning = np.repeat(rng.normal(size=(40, 16)), 64, axis=1)
    found = swaps.optimise(start, tuning, rng, width=2.1, neighbourhoods=40, trials=200, most=256)
    assert (found.after <= found.before + 1e-12).all()
    assert found.after[-10:].mean() < found.before[:10].mean() - 0.02
    assert sorted(map(tuple, found.positions)) == sorted(map(tuple, start))
    column = np.tile(np.arange(8), 16 * 8)
    assert np.corrcoef(found.positions[:, 0], column)[0, 1] > 0.7
    assert found.swapped > 0


def test_positions_of_another_layer_and_empty_windows_are_refused():
    rng = np.random.default_rng(0)
    sizes = {"width": 1.0, "neighbourhoods": 3, "trials": 5}
    with pytest.raises(StudyError, match=r"\(10, 2\) found, \(12, 2\) expected"):
        swaps.optimise(rng.uniform(0, 7, (10, 2)), rng.normal(size=(5, 12)), rng, **sizes)
    with pytest.raises(StudyError, match="no window"):
        swaps.optimise(rng.uniform(0, 70, (12, 2)), rng.normal(size=(5, 12)), rng, **sizes)
    with pytest.raises(StudyError, match="overlap"):
        place.retinotopic(4, 8, 7.0, 1.0, rng)
