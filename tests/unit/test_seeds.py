"""Seeds: packs that stay, and the seed that a file's name tells."""

import pytest

from replicortex.core.seeds import packs, seeds_of


def test_packs_are_blocks_that_one_more_item_never_moves():
    assert packs("abcde", 2) == [["a", "b"], ["c", "d"], ["e"]]
    assert packs("abcdef", 2)[:2] == packs("abcde", 2)[:2]
    assert packs([], 3) == []


@pytest.mark.parametrize(
    ("paths", "seeds"),
    [
        (["models/bp/seed42.safetensors", "models/bp/seed7.safetensors"], [42, 7]),
        (["seed1/a_seed2.csv"], [2]),
        (["results/seed3/metrics/scores.csv"], []),
        (["metrics/{rule}/seed0_best.csv", "metrics/{rule}/seed0.csv"], [0, 0]),
        (["models/seeds.csv", "models/reseed3.csv", "models/seed3x.csv", "models/seed.csv"], []),
    ],
)
def test_a_files_name_tells_its_seed(paths, seeds):
    assert seeds_of({"table": paths}) == seeds


def test_all_outputs_name_the_same_seeds_in_the_same_order():
    one = ["a/seed1.csv", "a/seed2.csv"]
    assert seeds_of({"a": one, "b": ["b/seed1.npz", "b/seed2.npz"]}) == [1, 2]
    for other in (["b/seed2.npz", "b/seed1.npz"], ["b/seed1.npz"], ["b/all.npz"]):
        with pytest.raises(ValueError, match="output 'b' has files of seeds"):
            seeds_of({"a": one, "b": other})
