"""Moran's I against esda, closed forms and invariances."""

import numpy as np
import pytest

from replicortex.analysis.grid import grid_weights
from replicortex.analysis.moran import morans_i
from replicortex.core.errors import StudyError
from replicortex.core.randomness import generator

pytestmark = pytest.mark.numbers


@pytest.mark.parametrize("neighbours", ["rook", "moore"])
def test_esda_gives_the_same(neighbours):
    esda = pytest.importorskip("esda")
    from libpysal.weights import lat2W

    maps = generator(0, "maps").normal(size=(5, 144)).cumsum(1)
    lattice = lat2W(12, 12, rook=neighbours == "rook")
    ours = morans_i(maps, grid_weights(12, neighbours))
    theirs = [esda.Moran(m, lattice, transformation="B", permutations=0).I for m in maps]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_papers_grid_has_960_directed_pairs():
    assert grid_weights(16).sum() == 960
    assert grid_weights(16, "moore").sum() == 2 * 930
    assert sorted(set(grid_weights(16, "moore").sum(1))) == [3, 5, 8]


def test_a_checkerboard_is_minus_one_and_random_maps_average_to_theirs():
    board = (np.indices((16, 16)).sum(0) % 2).ravel()[None] * 2.0 - 1
    assert morans_i(board, grid_weights(16))[0] == pytest.approx(-1, abs=1e-12)
    maps = generator(1, "maps").normal(size=(4000, 256))
    found = morans_i(maps, grid_weights(16))
    assert found.mean() == pytest.approx(-1 / 255, abs=4 * found.std() / 4000**0.5)


def test_scale_and_shift_change_nothing_and_a_constant_map_gives_zero():
    maps = generator(2, "maps").normal(size=(3, 64))
    weights = grid_weights(8)
    np.testing.assert_allclose(morans_i(7 * maps + 3, weights), morans_i(maps, weights), atol=1e-12)
    assert morans_i(np.full((1, 64), 0.1), weights)[0] == 0


def test_what_is_not_finite_or_unknown_is_refused():
    with pytest.raises(StudyError, match="not finite"):
        morans_i(np.array([[1.0, np.nan, 2.0, 3.0]]), grid_weights(2))
    with pytest.raises(StudyError, match="'queen' is unknown"):
        grid_weights(4, "queen")
