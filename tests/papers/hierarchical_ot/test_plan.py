"""What the rules make of the paper's numbers: jobs of seeds and pairs, what each reads."""

import pytest

from papers.hierarchical_ot.plan import FIXED, plan
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.scales import SCALES
from replicortex.verdicts.reading import load


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


@pytest.mark.parametrize("scale", SCALES)
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
    assert full.published["mae_h"].weights == ["m/vision_models"]
    assert full.published["llama_1b"].weights == ["m/language_models"]


def test_models_may_share_a_process(planned):
    alone = planned("full")[1]
    made = planned("full", {"models_per_job": 5, "pairs_per_job": 100})[1]
    assert [list(one.models) for one in alone.published.values()] == [[n] for n in alone.published]
    models = {name: model for one in made.published.values() for name, model in one.models.items()}
    assert models == {name: one.models[name] for name, one in alone.published.items()}
    first, *_, last = made.published
    assert (first, last) == ("dinov2_s-mae_l", "minilm_untrained-smollm2_untrained")
    assert [len(one.models) for one in made.published.values()] == [5, 5, 5, 5, 2]
    for one in made.published.values():
        assert one.weights == [alone.published[name].weights[0] for name in one.models]
        shown = [alone.published[name].stimuli for name in one.models]
        assert one.stimuli == {key: path for each in shown for key, path in each.items()}
    (fixed,) = made.fixed_pairs  # each file once
    packs = [f"<results>/activations/published/{pack}.safetensors" for pack in made.published]
    assert fixed.files == [FIXED, *packs]


def test_what_is_null_is_left_out(planned):
    _, small = planned("small", {"resnets": None, "pairs": {"resnet_20_56": None}})
    assert small.betas == {} and set(small.others) == {"tiny"}
    assert {"dinov2_s", "llama_1b"}.isdisjoint(small.published)
    assert set(planned("demo")[1].betas) == {"betas"}


def test_jobs_are_given_what_they_read_and_no_more(planned):
    _, made = planned("demo")
    assert set(made.sections["brain"]) == {"subjects", "repeats"}
    assert {"lr", "batch", "precision"}.isdisjoint(made.sections["vision"])
    assert "shares" not in made.matching and "splits" in made.matching


def test_published_models_are_shown_what_is_there_at_the_scale(planned):
    lite = {"network": "efficientnet_lite0", "weights": "efficientnet_lite0"}
    lite["stimuli"] = ["v4", "v4_alone", "objects", "brain"]
    changes = {"published": {"another": lite}}
    numbers, made = planned("small", {**changes, "objects": "objects92"})
    found = made.published["another"]
    shown = found.models["another"]["stimuli"]
    assert shown == ["v4", "v4_alone", "objects"]  # no NSD at small
    assert found.stimuli == {"recordings": "m/macaque_v4", "objects": "m/objects92"}
    assert found.weights == ["m/efficientnet_lite0"]
    assert {"efficientnet_lite0", "objects92"} <= set(numbers["datasets"])
    _, demo = planned("demo", changes)
    assert demo.published["another"].models["another"]["stimuli"] == ["v4", "brain"]
    brain = {"published": {"another": {**lite, "stimuli": ["brain"]}}}
    assert "another" not in planned("small", brain)[1].published
    assert planned("full")[1].published["dinov2_s"].stimuli == {"betas": "m/nsd_regions"}
    assert planned("full")[1].published["llama_1b"].stimuli == {"text": "m/wikitext"}


@pytest.mark.parametrize(("scale", "memory"), [("demo", 4000), ("small", 4000), ("full", 32_000)])
def test_large_memory_is_asked_for_large_models_alone(planned, scale, memory):
    """The demo is for any cluster, where a node may have 16 GB."""
    assert planned(scale)[1].embed_mb == memory


def test_a_pair_may_join_published_models_on_pictures_that_nobody_recorded(planned):
    made = planned("small")[1]
    files = {name: one.files for one in made.fixed_pairs for name in one.pairs}["lite0_1_objects"]
    assert "<results>/activations/published/lite1.safetensors" in files
    with pytest.raises(StudyError, match="is no system of objects"):
        planned("small", {"objects": None})
    ours = {"pairs": {"lite0_1_objects": {"target": "resnet_deep"}}}
    with pytest.raises(StudyError, match="'resnet_deep' is no system of objects"):
        planned("small", ours)


def test_networks_of_packages_are_matched_beside_their_untrained_twins(planned):
    numbers, made = planned("small")
    for name, model in numbers["published"].items():
        twin = numbers["published"].get(f"{name}_untrained")
        if twin is not None:
            assert (model["network"], model["weights"]) == (twin["network"], twin["weights"])
            assert model.get("untrained") is None and made.published[name].weights
            drawn = f"{name}_untrained"
            assert made.published[drawn].models[drawn]["untrained"] == 0
            assert set(twin["stimuli"]) <= set(model["stimuli"])
    pairs = {name: pair for one in made.fixed_pairs for name, pair in one.pairs.items()}
    twins = [name for name in pairs if name.endswith("_untrained")]
    assert len(twins) == 9
    for name in twins:
        own, twin = pairs[name.removesuffix("_untrained")], pairs[name]
        sides = {side: (own[side], twin[side]) for side in ("source", "target")}
        assert all(b in (a, f"{a}_untrained") for a, b in sides.values()) and own != twin
    used = {pair[side] for pair in pairs.values() for side in ("source", "target")}
    assert set(made.published) <= used  # nothing is embedded that no pair reads


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairs": {"lite0_1": {"target": "lite3"}}}, "'lite3' is no system of v4"),
        ({"pairs": {"lite0_1": {"domain": "vision"}}}, "'lite1' is no system of vision"),
        ({"published": {"lite0": {"stimuli": ["language", "v4"]}}}, "stimuli: language and pict"),
        ({"published": {"lite1": None}}, "'lite1' is no system of v4"),
    ],
)
def test_a_pair_of_a_network_that_is_not_there_is_told(planned, changes, message):
    with pytest.raises(StudyError, match=message):
        planned("small", changes)


def test_claims_on_networks_of_packages_name_pairs_that_are_matched(planned, root):
    pairs = planned("small")[0]["pairs"]
    claims = load(root / "workflow/papers/hierarchical_ot/claims.yaml")
    ours = [claim for claim in claims if claim.id.startswith("r_")]
    assert ours and {claim.kind for claim in ours} == {"control"}
    for claim in ours:
        named = claim.measure.select | {"minus": (claim.measure.minus or {}).get("pair")}
        for pair in (named["pair"], named["minus"]):
            assert pair is None or pairs[pair], claim.id
        if "yes" in (named["rotate"], (claim.measure.minus or {}).get("rotate")):
            assert pairs[named["pair"]]["rotate"], claim.id
        if claim.measure.select.get("measure") == "depth above permuted":
            assert pairs[named["pair"]].get("depth_null", True), claim.id
        # Splits of one pair describe it; its trainings were never repeated.
        assert [unit.name for unit in claim.over] == ["splits"], claim.id
