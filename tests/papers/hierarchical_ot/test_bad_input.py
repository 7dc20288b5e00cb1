"""What a user can get wrong in the numbers: one sentence each, before any job."""

import pytest

from papers.hierarchical_ot.systems import files_of, is_trained
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.scales import SCALES

FAULTS = {
    "unknown system": (
        {"pairs": {"vit": {"source": "vit_shalow"}}},
        r"pairs\.vit\.source: 'vit_shalow' is no system of vision \(cnn_shallow",
    ),
    "system of another domain": (
        {"pairs": {"lm": {"target": "vit_deep"}}},
        r"pairs\.lm\.target: 'vit_deep' is no system of language \(lm_4, lm_8, stories260k\)",
    ),
    "system without its data": (
        {"resnets": None},
        r"pairs\.resnet_20_56\.source: 'resnet20' is no system of vision",
    ),
    "session without images of its own": (
        {"pairs": {"v4": {"domain": "v4_alone"}}},
        r"pairs\.v4\.source: 'v4_210322' is no system of v4_alone",
    ),
    "session that is one of the two days": (
        {"session": "210325"},
        r"'v4_210325' is the name of two systems; choose another",
    ),
    "too few orders for a null": (
        {"matched": {"null_draws": 38}},
        r"matched\.null_draws: .*equal to 39, found 38",
    ),
    "unknown region": ({"brain": {"regions": ["V9"]}}, r"brain\.regions.*found 'V9'"),
    "unknown network": ({"vision": {"followed": "vgg"}}, r"vision\.followed: 'vgg' is no network"),
    "checkpoint too late": (
        {"vision": {"checkpoints": [0, 99]}},
        r"vision\.checkpoints: the last is 99, vision\.epochs 2 expected",
    ),
    "checkpoints out of order": (
        {"vision": {"checkpoints": [1, 0, 2]}},
        r"vision\.checkpoints: \[1, 0, 2\] must increase",
    ),
    "checkpoint twice": (
        {"vision": {"checkpoints": [0, 0, 2]}},
        r"vision\.checkpoints: 0 is given more than once",
    ),
    "no whole batch": (
        {"vision": {"batch": 101}},
        r"vision\.batch: 101 is more than the 100 training images",
    ),
    "passages of one character": (
        {"language": {"context": 1}},
        r"language\.context: .*equal to 2, found 1",
    ),
    "subject twice": ({"brain": {"subjects": [1, 1]}}, r"brain\.subjects: 1 is given more than"),
    "noise named alike": (
        {"cortex": {"noise": [0.5, 0.500000001]}},
        r"cortex\.noise: 0\.5 and 0\.500000001 would both be named 0\.5",
    ),
    "kind of simulated subjects named as a pair": (
        {"cortex": {"renewal": {"vit": 0.5}}},
        r"cortex\.renewal: 'vit' is the name of a pair; choose another",
    ),
    "no shares": ({"matched": {"shares": []}}, r"matched\.shares: .*at least 1 item"),
    "name of a pair that leads elsewhere": (
        {"pairs": {"../x": None}},
        r"'\.\./x' must be letters, digits, _ and - alone",
    ),
    "name of two systems": (
        {"vision": {"networks": {"subject1": {"family": "cnn", "depth": 2, "width": 2}}}},
        "'subject1' is the name of two systems",
    ),
    "no pair with its rotated self": (
        {"pairs": {name: {"probe": False} for name in ("cnn", "resnet", "vit", "lm")}},
        "pairs: none has `probe: true`",
    ),
    "heads": ({"language": {"models": {"lm_4": {"heads": 3}}}}, "lm_4: heads 3 does not divide"),
    "too few stimuli": ({"vision": {"stimuli": 12}}, r"vision\.stimuli: .*equal to 13, found 12"),
    "nothing held out": ({"matched": {"held_out": 0.0}}, r"matched\.held_out: .*found 0\.0"),
    "unknown key": (
        {"matched": {"split": 3}},
        r"unknown key 'matched\.split'; did you mean 'splits",
    ),
    "unknown revision": (
        {"published": {"dinov2_s": {"revision": "main"}}},
        r"published\.dinov2_s\.revision: .*found 'main'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_is_one_sentence(root, fault):
    changes, message = FAULTS[fault]
    with pytest.raises(StudyError, match=message) as error:
        paper_numbers("hierarchical_ot", "demo", changes, root)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("scale", SCALES)
def test_datasets_of_a_scale(root, scale):
    found = paper_numbers("hierarchical_ot", scale, {}, root)["datasets"]
    assert ("nsd_regions" in found) == ("vision_models" in found) == (scale == "full")
    made_up = scale in ("demo", "rehearsal")
    assert all(name.endswith("_fixture") for name in found) == made_up


def test_files_of_systems_that_are_not_trained(root):
    own = paper_numbers("hierarchical_ot", "full", {}, root)
    alone = {name: [name] for name in own["published"]}
    pairs = own["pairs"]
    assert is_trained(pairs["resnet_to_v4"], own) and not is_trained(pairs["v4"], own)
    llama = "<results>/activations/published/llama_{}.safetensors"
    found = files_of([pairs["llama_1b_3b"]], own, "FIXED", alone)
    assert found == [llama.format("1b"), llama.format("3b")]
    dinov2 = "<results>/activations/published/dinov2_l.safetensors"
    assert files_of([pairs["nsd_to_dinov2"]], own, "FIXED", alone) == ["FIXED", dinov2]
    assert files_of([pairs["v4"]], own, "FIXED", alone) == ["FIXED"]
    packs = {"a-b": ["dinov2_s", "dinov2_l"], "c": ["llama_1b"]}
    assert files_of([pairs["dinov2_s_l"]], own, "FIXED", packs) == [
        "<results>/activations/published/a-b.safetensors"
    ]
