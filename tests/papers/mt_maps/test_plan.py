"""What the rules make: names, counts and packs of jobs at each scale."""

import pytest

from papers.mt_maps.plan import FIGURES, plan
from replicortex.core.arrays import arrays
from replicortex.core.config import paper_numbers


@pytest.fixture
def planned(root):
    """Return the plan of one scale, with paths in place of installed datasets."""

    def of(scale, change=None):
        numbers = paper_numbers("mt_maps", scale, change or {}, root)
        named = {source["dataset"] for source in numbers["sources"].values()}
        return plan(numbers | {"manifests": {name: f"data/{name}.json" for name in named}})

    return of


def test_the_demo_trains_in_two_jobs_and_draws_in_one(planned):
    made = planned("demo")
    assert list(made.trainings) == ["clips_0", "controls_0"]
    assert list(made.decodings) == ["clips_0", "stills_0"]
    assert [drawing.rule for drawing in made.drawings] == ["draw_0"]
    assert made.drawings[0].figures == list(FIGURES)
    assert set(made.drawings[0].tables) == {
        *("measures", "channels", "fits", "curves", "history", "maps"),
    }
    assert len(made.units) == len(set(made.units)) == 23
    assert {name: one.units for name, one in made.measurings.items()} == {"seeds_0": made.units}


def test_full_has_a_job_a_seed_a_part_and_a_figure(planned):
    made = planned("full")
    assert [name for name in made.trainings if name.startswith("clips_")] == [
        f"clips_{seed}" for seed in range(5)
    ]
    assert len(made.trainings) == 80 and len(made.units) == 180
    assert len(made.decodings) == 100 + 1 + 20
    last = made.decodings["clips_99"]
    assert (last.part["number"], last.part["parts"]) == (99, 100)
    assert last.part["fewest"] == 16 and last.said == "clips, part 100 of 100"
    assert last.dataset == {"dataset": "data/ucf101.json"}
    assert made.decodings["noise_0"].dataset == {}
    assert [drawing.rule for drawing in made.drawings] == [f"draw_{name}" for name in FIGURES]
    assert all("videos" not in drawing.tables for drawing in made.drawings)


def test_a_training_sees_its_source_and_answers_to_the_moved_pictures_too(planned):
    made = planned("small")
    training = made.trainings["clips_0"]
    assert training.seen == {"shards": ["<results>/frames/clips_0.safetensors"]}
    assert training.presented == {
        "shards": [f"<results>/frames/{name}_0.safetensors" for name in ("clips", "stills")]
    }
    by_hand = made.trainings["motion_energy_0"]
    assert by_hand.seen == {}
    assert by_hand.presented == {"shards": ["<results>/frames/stills_0.safetensors"]}
    assert all(arm.keys().isdisjoint({"seeds", "job"}) for arm in training.told["arms"])


def test_full_measures_a_network_a_job_and_small_a_block_of_seeds(planned):
    full, small = planned("full"), planned("small")
    assert [one.units for one in full.measurings.values()] == [[unit] for unit in full.units]
    (array,) = arrays({name: one.units for name, one in full.measurings.items()})
    assert (array.name, array.units) == ("", ["{condition}/seed{seed}"])
    assert list(small.measurings) == ["seeds_0", "seeds_1", "seeds_2"]
    assert sorted(u for one in small.measurings.values() for u in one.units) == sorted(small.units)


def test_each_network_is_measured_on_the_next_seeds_positions_too(planned):
    made = planned("full")
    (one,) = made.measurings["clips_continue_alpha0p25_seed4"].others
    assert one == "<results>/models/clips/continue_alpha0.25/seed0.safetensors"
    (one,) = made.measurings["clips_continue_alpha0p25_seed2"].others
    assert one == "<results>/models/clips/continue_alpha0.25/seed3.safetensors"
    alone = planned("demo").measurings["seeds_0"]
    others = dict(zip(alone.units, alone.others, strict=True))
    by_hand = "motion_energy/reference/seed0"
    assert others[by_hand] == f"<results>/models/{by_hand}.safetensors"


def test_another_size_of_packs_moves_networks_between_jobs_and_nothing_else(planned):
    one, two = planned("full"), planned("full", {"seeds_per_job": 2})
    assert len(two.trainings) < len(one.trainings)
    assert sorted(one.units) == sorted(two.units)
    told = {name.rpartition("_")[0]: training.told for name, training in one.trainings.items()}
    for name, training in two.trainings.items():
        assert training.told == told[name.rpartition("_")[0]]
