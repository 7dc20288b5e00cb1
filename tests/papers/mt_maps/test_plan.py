"""What the rules make: names, counts and packs of jobs at each scale."""

import pytest

from papers.mt_maps.plan import FIGURES, plan
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
    assert all(arm.keys().isdisjoint({"seeds", "job"}) for arm in training.arms)


def test_another_size_of_packs_moves_networks_between_jobs_and_nothing_else(planned):
    one, two = planned("full"), planned("full", {"seeds_per_job": 2})
    assert len(two.trainings) < len(one.trainings)
    assert sorted(one.units) == sorted(two.units)
    arms = {name.rpartition("_")[0]: training.arms for name, training in one.trainings.items()}
    for name, training in two.trainings.items():
        assert training.arms == arms[name.rpartition("_")[0]]
