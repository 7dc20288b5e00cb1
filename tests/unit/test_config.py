"""What a user can get wrong in the configuration: one sentence each, before any job starts."""

import pytest
import yaml

from replicortex.core.config import check, merge, paper_names, paper_numbers
from replicortex.core.errors import StudyError


@pytest.fixture
def base(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REPLICORTEX_MIRROR", raising=False)
    return yaml.safe_load((root / "config/config.yaml").read_text())


def paper(**changes):
    return {"papers": {"learning_rules": changes}}


FAULTS = {
    "unknown key": ({"scail": "demo"}, "unknown key 'scail'; did you mean 'scale'"),
    "unknown scale": ({"scale": "smal"}, "scale: .*found 'smal'; did you mean 'small'"),
    "name out of results": ({"name": "../workflow"}, r"name: '\.\./workflow' must be letters"),
    "absolute name": (
        {"name": "/elsewhere"},
        "name: '/elsewhere' must be letters, digits, _ and -",
    ),
    "name of no folder": ({"name": "."}, r"name: '\.' must be letters"),
    "name of a folder above": ({"name": "demo/.."}, r"name: 'demo/\.\.' must be letters"),
    "hidden name": ({"name": ".state"}, r"name: '\.state' must be letters"),
    "name with a space": ({"name": "a b"}, "name: 'a b' must be letters"),
    "name with a wildcard": ({"name": "a{b}c"}, "name: 'a{b}c' must be letters"),
    "name with a command": ({"name": "$(x)"}, r"name: '\$\(x\)' must be letters"),
    "name with an umlaut": ({"name": "ä"}, "name: 'ä' must be letters"),
    "name with a line": ({"name": "a\n"}, r"name: 'a\\n' must be letters"),
    "empty name": ({"name": ""}, "name: '' must be letters"),
    "long name": ({"name": "a" * 101}, "name: a name of 101 characters; at most 100 fit"),
    "name of what is kept": ({"name": "reference"}, "name: 'reference' is where kept results lie"),
    "number as name": ({"name": 7}, "name: .*string, found 7"),
    "empty data folder": ({"data": ""}, "data: .*at least 1 character"),
    "data folder with a wildcard": ({"data": "a{b}"}, "data: 'a{b}' holds '{', which the engine"),
    "infinite number": (
        paper(rules={"bp": {"lr": float("inf")}}),
        "rules.bp.lr: input should be a finite number, found inf",
    ),
    "no number": (paper(rules={"bp": {"weight_decay": float("nan")}}), "finite number, found nan"),
    "unknown paper": (
        {"run": "learning_rule"},
        "run: unknown paper 'learning_rule'; did you mean 'learning_rules'",
    ),
    "unknown paper in a list": ({"run": ["mt_map"]}, "run: unknown paper 'mt_map'"),
    "no paper": ({"run": []}, "run: the list is empty"),
    "changes of an unknown paper": (
        {"papers": {"learnin_rules": {}}},
        "papers.learnin_rules: unknown paper.*did you mean 'learning_rules'",
    ),
    "unknown key of a paper": (
        paper(training={"epoch": 3}),
        "papers.learning_rules: unknown key 'training.epoch'; did you mean 'epochs'",
    ),
    "unknown key of a rule": (
        paper(rules={"bp": {"lrr": 1e-3}}),
        "unknown key 'rules.bp.lrr'; did you mean 'lr'",
    ),
    "wrong type": (paper(training={"batch": "many"}), "training.batch: .*integer.*found 'many'"),
    "negative epochs": (paper(training={"epochs": -1}), "training.epochs: .*greater than 0.*-1"),
    "zero epochs": (paper(training={"epochs": 0}), "training.epochs: .*greater than 0.*found 0"),
    "checkpoint beyond the end": (
        paper(training={"checkpoints": [0, 1, 3]}),
        r"checkpoints: 3 lies beyond the last epoch \(2\)",
    ),
    "no checkpoint at 0": (paper(training={"checkpoints": [1, 2]}), "must start at 0"),
    "duplicate seeds": (paper(seeds=[1, 2, 1]), "seed 1 is given more than once"),
    "no seeds": (paper(seeds=[]), "seeds: .*at least 1 item"),
    "rate of the wrong sign": (paper(rules={"bp": {"lr": -0.1}}), "rules.bp.lr: .*greater than 0"),
    "unknown kind of rule": (paper(rules={"bp": {"kind": "hebb"}}), "rules.bp.*'hebb'"),
    "alias of no ROI": (paper(aliases={"roi": {"early": "V9"}}), "'V9' is no ROI of things"),
    "early and late alike": (
        paper(aliases={"roi": {"late": "V1"}}),
        "aliases.roi: early and late are both 'V1'",
    ),
    "more batch than images": (paper(training={"batch": 999}), "999 is more than the 256"),
    "no global pooling": (
        paper(evaluation={"poolings": ["full"]}),
        r"evaluation: poolings: \['full'\] lacks 'global'",
    ),
    "pooling twice": (
        paper(evaluation={"poolings": ["global", "global"]}),
        "poolings: global is given more than once",
    ),
    "stimuli too small": (
        paper(evaluation={"px": {"large": 4}}),
        "evaluation.px.large: .*greater than or equal to 8, found 4",
    ),
    "one size for two": (
        paper(evaluation={"px": {"train": 32, "large": 32}}),
        "evaluation: px: train and large are both 32; two sizes are compared",
    ),
    "all dropped out": (paper(network={"dropout": 1.0}), "network.dropout: .*less than 1"),
    "momentum of one": (paper(rules={"fa": {"momentum": 1}}), "momentum: .*less than 1, found 1"),
    "one draw": (paper(scores={"bootstrap_draws": 1}), "bootstrap_draws: .*equal to 2, found 1"),
    "no layers drawn": (paper(scores={"bootstrap_layers": []}), "bootstrap_layers: .*at least 1"),
    "pooling drawn that is not made": (
        paper(evaluation={"poolings": ["global"]}),
        "scores.bootstrap_poolings: 'grid' is none of evaluation.poolings",
    ),
    "last epoch not kept": (
        paper(training={"checkpoints": [0, 1]}),
        "checkpoints: the last is 1, epochs is 2; the last epoch must be kept",
    ),
    "only the start kept": (
        paper(training={"checkpoints": [0]}),
        "checkpoints: the last is 0, epochs is 2",
    ),
    "sweep without its start": (
        paper(evaluation={"sweep": [48, 64]}),
        r"evaluation: sweep: \[48, 64\] lacks px.train, 32",
    ),
    "size swept twice": (
        paper(evaluation={"sweep": [32, 32]}),
        "sweep: 32 is given more than once",
    ),
    "shifted out of sight": (paper(training={"crop_padding": 40}), "crop_padding: .*equal to 32"),
    "region of no column": (paper(things={"rois": {"V1": []}}), "rois.V1: .*at least 1 item"),
    "rule that leads elsewhere": (
        paper(rules={"../x": {"kind": "bp"}}),
        r"'\.\./x' must be letters, digits, _ and - alone",
    ),
    "undeclared dataset": (
        paper(training_data="cifar10_fixtur"),
        "needs the dataset 'cifar10_fixtur'.*did you mean 'cifar10_fixture'",
    ),
    "no such mirror": ({"mirror": "nowhere"}, "mirror: the folder 'nowhere' does not exist"),
    "no such data folder": ({"data": "nowhere"}, "data: the folder 'nowhere' does not exist"),
    "user data of no dataset": (
        {"user_data": {"things_image": "x"}},
        "user_data.things_image: no such dataset; did you mean 'things_images'",
    ),
    "licensed data not placed": (
        {"scale": "full", "run": "learning_rules"},
        "user_data.things_.*no folder is given.*not redistributable.*terms",
    ),
    "licensed data placed nowhere": (
        {
            "scale": "full",
            "run": "learning_rules",
            "user_data": {"things_images": "no", "things_fmri_betas": "no"},
        },
        "user_data.things_.*the folder no does not exist",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_clear_sentence(base, root, fault):
    changes, expected = FAULTS[fault]
    with pytest.raises(StudyError, match=expected) as caught:
        check(merge(base, changes), root)
    assert len(str(caught.value).splitlines()) == 1
    assert ".yaml" in str(caught.value)


def test_a_mirror_of_the_environment_is_checked_too(base, root, monkeypatch):
    monkeypatch.setenv("REPLICORTEX_MIRROR", "gone")
    with pytest.raises(StudyError, match="REPLICORTEX_MIRROR: the folder 'gone' does not exist"):
        check(base, root)


def test_results_that_cannot_be_written(base, root, tmp_path, monkeypatch):
    (tmp_path / "results").write_text("a file stands in the way")
    with pytest.raises(StudyError, match="results cannot be written"):
        check(base, root)


def test_the_shipped_configuration_is_valid(base, root):
    study = check(base, root)
    assert study.synthetic and study.run == "demo"
    assert study.headline().startswith("Replicortex: scale demo, synthetic data")


@pytest.mark.parametrize("scale", ["demo", "small", "full"])
def test_every_paper_is_valid_at_every_scale(root, scale):
    for name in paper_names(root):
        numbers = paper_numbers(name, scale, {}, root)
        assert numbers["scale"] == scale and numbers["datasets"]


def test_types_follow_the_schema_not_the_spelling(root):
    one = paper_numbers("learning_rules", "demo", {"rules": {"bp": {"clip": 1}}}, root)
    same = paper_numbers("learning_rules", "demo", {"rules": {"bp": {"clip": 1.0}}}, root)
    assert repr(one) == repr(same)


def test_merge_replaces_lists_and_keeps_the_rest():
    assert merge({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}}) == {"a": {"b": 1, "c": [3]}}


def test_schemas_for_editors_are_in_step(root):
    from replicortex.tools.schemas import stale

    assert stale(root) == [], "run `make schemas`"
