"""Neighbours on a square grid against libpysal's."""

import numpy as np
import pytest
from libpysal.weights import lat2W

from replicortex.analysis.grid import grid_weights, neighbour_pairs
from replicortex.core.errors import StudyError


@pytest.mark.parametrize("side", [2, 3, 7])
@pytest.mark.parametrize("neighbours", ["rook", "moore"])
def test_neighbours_are_those_of_libpysal(side, neighbours):
    expected = lat2W(side, side, rook=neighbours == "rook").full()[0]
    if neighbours == "moore":  # libpysal means the queen's: edges and corners
        assert expected.sum(1).max() == min(8, side**2 - 1)
    np.testing.assert_array_equal(grid_weights(side, neighbours), expected)
    first, second = neighbour_pairs(side, neighbours)
    assert len(first) == expected.sum() / 2
    assert first.dtype == second.dtype == np.int64


def test_a_lone_unit_has_no_neighbour():
    assert len(neighbour_pairs(1, "moore")[0]) == 0


def test_other_neighbours_are_told():
    with pytest.raises(StudyError, match="'queen' is unknown; valid are rook, moore"):
        neighbour_pairs(4, "queen")
