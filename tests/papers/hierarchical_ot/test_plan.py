"""What the rules make of the paper's numbers: jobs of seeds and pairs, what each reads."""

import pytest

from papers.hierarchical_ot.plan import FIXED, plan
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError


class Manifests(dict):
    """A path for whatever dataset is asked for."""

    def __missing__(self, name):
        return f"m/{name}"


@pytest.fixture
def planned(root):
    def of(scale, changes=None):
        numbers = paper_numbers("hierarchical_ot", scale, changes or {}, root)
        return numbers, plan({**numbers, "manifests": Manifests()})

    return of


@pytest.mark.parametrize("scale", ["demo", "small", "full"])
def test_every_pair_is_matched_once(planned, scale):
    numbers, made = planned(scale)
    fixed = [name for one in made.fixed_pairs for name in one.pairs]
    pairs = [name for name, pair in numbers["pairs"].items() if pair]
    assert sorted([*made.trained_pairs, *fixed]) == sorted(pairs)
    assert all(len(one.pairs) <= numbers["pairs_per_job"] for one in made.fixed_pairs)
    trained = [unit for units in made.jobs.values() for unit in units]
    assert trained == [f"seed{seed}" for seed in numbers["seeds"]]
    scores = made.parts("scores", numbers["seeds"])
    assert len(scores) == len(numbers["seeds"]) + len(made.fixed_pairs) + 1


def test_files_are_those_of_the_systems_of_a_job(planned):
    _, full = planned("full")
    files = {name: one.files for one in full.fixed_pairs for name in one.pairs}
    dinov2 = "<results>/activations/published/dinov2_{}.safetensors"
    assert files["nsd_1_2"] == [FIXED]
    assert files["nsd_to_dinov2"] == [FIXED, dinov2.format("l")]
    assert files["dinov2_s_g"] == [dinov2.format("s"), dinov2.format("g")]
    assert full.published["mae_h"].weights == "m/vision_models"
    assert full.published["llama_1b"].weights == "m/language_models"


def test_what_is_null_is_left_out(planned):
    _, small = planned("small", {"resnets": None, "pairs": {"resnet_20_56": None}})
    assert small.betas == {} and small.published == {} and set(small.others) == {"tiny"}
    assert set(planned("demo")[1].betas) == {"betas"}


def test_jobs_are_given_what_they_read_and_no_more(planned):
    _, made = planned("demo")
    assert set(made.sections["brain"]) == {"subjects", "repeats"}
    assert {"lr", "batch", "precision"}.isdisjoint(made.sections["vision"])
    assert "shares" not in made.matching and "splits" in made.matching


def test_published_models_are_shown_what_is_there_at_the_scale(planned):
    lite = {"network": "efficientnet_lite0", "weights": "efficientnet_lite0"}
    lite["stimuli"] = ["v4", "v4_alone", "objects", "brain"]
    changes = {"published": {"lite0": lite}}
    numbers, made = planned("small", {**changes, "objects": "objects92"})
    found = made.published["lite0"]
    assert found.model["stimuli"] == ["v4", "v4_alone", "objects"]  # no NSD at small
    assert found.stimuli == {"recordings": "m/macaque_v4", "objects": "m/objects92"}
    assert found.weights == "m/efficientnet_lite0"
    assert {"efficientnet_lite0", "objects92"} <= set(numbers["datasets"])
    _, demo = planned("demo", changes)
    assert demo.published["lite0"].model["stimuli"] == ["v4", "brain"]
    only = {"published": {"lite0": {**lite, "stimuli": ["objects"]}}}
    assert "lite0" not in planned("small", only)[1].published
    assert planned("full")[1].published["dinov2_s"].stimuli == {"betas": "m/nsd_regions"}
    assert planned("full")[1].published["llama_1b"].stimuli == {"text": "m/wikitext"}


def test_a_pair_may_join_published_models_on_pictures_that_nobody_recorded(planned):
    both = {
        name: {"network": name, "weights": name, "stimuli": ["objects"]}
        for name in ("efficientnet_lite0", "efficientnet_lite1")
    }
    pair = {"source": "efficientnet_lite0", "target": "efficientnet_lite1", "domain": "objects"}
    changes = {"published": both, "pairs": {"lites": {**pair, "rotate": False}}}
    made = planned("small", {**changes, "objects": "objects92"})[1]
    files = {name: one.files for one in made.fixed_pairs for name in one.pairs}["lites"]
    assert "<results>/activations/published/efficientnet_lite1.safetensors" in files
    with pytest.raises(StudyError, match="is no system of objects"):
        planned("small", changes)
    ours = {**pair, "target": "resnet_deep", "rotate": False}
    with pytest.raises(StudyError, match="'resnet_deep' is no system of objects"):
        planned("small", {**changes, "objects": "objects92", "pairs": {"lites": ours}})
