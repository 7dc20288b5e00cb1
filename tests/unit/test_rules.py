"""What the Snakefiles use: one canonical parameter a job, fixed packs, checked names."""

import json
import os
from types import SimpleNamespace

import pytest

from replicortex.core import rules
from replicortex.core.arrays import choose
from replicortex.core.codehash import code_hash
from replicortex.core.errors import StudyError

TRAIN = "papers.learning_rules.trainings.bp:train"


class Named(list):
    """The engine's lists: items, some of them with names."""

    def __init__(self, *items, **named):
        super().__init__([*items, *named.values()])
        self.pairs = [*((None, item) for item in items), *named.items()]

    def _allitems(self):
        return self.pairs


MODELS = ["<results>/models/{rule}/seed0.safetensors", "<results>/models/{rule}/seed7.safetensors"]


def made(params, inputs=(), conda=None, name="train", outputs=None):
    return SimpleNamespace(
        name=name,
        params=Named(job=params),
        input=Named(**dict(inputs)),
        output=Named(**(outputs or {"model": MODELS})),
        conda_env=conda,
    )


def test_neither_order_of_keys_nor_of_arguments_counts():
    one = rules.job(TRAIN, rule="bp", settings={"lr": 0.1, "clip": 1.0})
    two = rules.job(TRAIN, settings={"clip": 1.0, "lr": 0.1}, rule="bp")
    assert one(None) == two(None)


def test_two_numbers_swapped_give_another_parameter():
    one = rules.job(TRAIN, epochs=5, batch=10)
    assert one(None) != rules.job(TRAIN, epochs=10, batch=5)(None)


def test_a_function_of_the_wildcards_is_called_with_them():
    parameter = rules.job(TRAIN, rule=lambda w: w.rule)
    said = json.loads(parameter(SimpleNamespace(rule="fa")))
    assert said["arguments"] == {"rule": "fa"}
    assert said["call"] == TRAIN and said["code"] == code_hash("papers.learning_rules.trainings.bp")


TRAININGS = {rule: f"papers.learning_rules.trainings.{rule}:train" for rule in ("bp", "stdp")}


def test_a_wildcard_chooses_the_function_and_its_code_alone():
    parameter = rules.job(TRAININGS, by="rule", rule=lambda w: w.rule)
    for rule, call in TRAININGS.items():
        said = json.loads(parameter(SimpleNamespace(rule=rule)))
        assert said["call"] == call and said["code"] == code_hash(call.partition(":")[0])
        assert parameter(SimpleNamespace(rule=rule)) == rules.job(call, rule=rule)(None)
    with pytest.raises(
        StudyError, match="no function is given for rule 'std'; did you mean 'stdp'"
    ):
        parameter(SimpleNamespace(rule="std"))


def test_functions_and_the_wildcard_that_chooses_come_together():
    with pytest.raises(StudyError, match="several functions without by="):
        rules.job(TRAININGS)
    with pytest.raises(StudyError, match="by='rule' with one function"):
        rules.job(TRAIN, by="rule")


def test_every_function_of_a_rule_is_checked_and_so_is_what_chooses():
    wrong = {**TRAININGS, "stdp": "papers.learning_rules.trainings.stdp:trian"}
    rule = made(rules.job(wrong, by="rule", **GIVEN), {"images": "x"})
    with pytest.raises(StudyError, match=r"stdp\.py has no function 'trian'"):
        rules.complete_rules([rule], {}, threads=1)
    rule = made(rules.job(TRAININGS, by="rules", **GIVEN), {"images": "x"})
    with pytest.raises(StudyError, match=r"chosen by 'rules', .*; did you mean 'rule'"):
        rules.complete_rules([rule], {}, threads=1)
    rules.complete_rules(
        [made(rules.job(TRAININGS, by="rule", **GIVEN), {"images": "x"})], {}, threads=1
    )


def test_a_job_without_code_hashes_none():
    assert json.loads(rules.job(TRAIN, code=False)(None))["code"] is None


def test_nan_is_no_parameter():
    with pytest.raises(ValueError, match="Out of range float"):
        rules.job(TRAIN, lr=float("nan"))(None)


def test_resources_grow_with_each_attempt():
    memory = rules.growing(4000)
    assert [memory(None, attempt) for attempt in (1, 2, 3)] == [4000, 8000, 12000]


def test_a_gpu_is_asked_for_on_cuda_alone():
    assert rules.gpu("cuda") == {"gres": "gpu:1"}
    assert rules.gpu("cpu") == {}


GIVEN = dict.fromkeys(("rule", "settings", "network", "training", "device"), 0)


def test_finishing_tells_a_job_its_datasets_environment_and_threads(root):
    parameter = rules.job(TRAIN, **GIVEN)
    inputs = {"images": "data/manifests/cifar10@0a1b2c3d.json"}
    rule = made(parameter, inputs, conda=root / "envs/networks.yaml")
    rules.complete_rules([rule], {"cifar10": "2009", "things": "3"}, threads=2)
    said = json.loads(parameter(None))
    assert said["datasets"] == {"cifar10": "2009"} and said["threads"] == 2
    assert said["environment"]["file"] == "networks"
    assert said["environment"]["hash"] == rules.environment_hash(root / "envs/networks.yaml")


def test_inputs_that_depend_on_wildcards_are_checked_and_their_datasets_told(root):
    """An input, or by the engine's `unpack` several by name, of which each job has its own."""
    flagged = SimpleNamespace(callable=choose("rule", {"bp": {"images": "<manifests>/a@1.json"}}))
    parameter = rules.job(TRAIN, **GIVEN)
    rule = made(parameter)
    rule.input = Named(flagged)
    rules.complete_rules([rule], {"a": "1", "b": "2"}, threads=1)
    assert json.loads(parameter(SimpleNamespace(rule="bp")))["datasets"] == {"a": "1"}
    named = choose("rule", {"bp": "<manifests>/a@1.json", "fa": ["<manifests>/b@2.json"]})
    parameter = rules.job(TRAIN, **GIVEN)
    rules.complete_rules([made(parameter, {"images": named})], {"a": "1", "b": "2"}, threads=1)
    for name, told in (("bp", {"a": "1"}), ("fa", {"b": "2"})):
        assert json.loads(parameter(SimpleNamespace(rule=name)))["datasets"] == told
    for given, words in (
        ({"bp": {}}, "needs 'images'"),
        ({"bp": {"imagess": "x"}}, "did you mean"),
    ):
        rule.input = Named(SimpleNamespace(callable=choose("rule", given)))
        with pytest.raises(StudyError, match=words):
            rules.complete_rules([rule], {}, threads=1)


def test_any_seed_of_a_wildcard_is_a_seed():
    for wildcard in ("{seed}", "{seed,0|7}"):
        path = f"<results>/models/{{rule}}/seed{wildcard}.safetensors"
        rule = made(rules.job(TRAIN, **GIVEN), {"images": "x"}, outputs={"model": path})
        rules.complete_rules([rule], {}, threads=1)


def test_the_hash_of_an_environment_is_that_of_its_dependencies(tmp_path):
    texts = {
        "plain": "dependencies:\n  - numpy=2.4.6\n",
        "comment": "# why\nchannels: [conda-forge]\ndependencies: [numpy=2.4.6]\n",
        "newer": "dependencies:\n  - numpy=2.4.7\n",
    }
    hashes = {}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
        hashes[name] = rules.environment_hash(tmp_path / f"{name}.yaml")
    assert hashes["plain"] == hashes["comment"] != hashes["newer"]


def test_a_rule_without_job_is_left_alone():
    rules.complete_rules([SimpleNamespace(name="all", params=Named())], {}, threads=1)


def test_an_argument_that_the_function_does_not_take_is_named():
    rule = made(rules.job(TRAIN, **GIVEN, sede=1), {"images": "x"})
    with pytest.raises(StudyError, match=r"rule train: .* takes no 'sede'; did you mean 'seeds'"):
        rules.complete_rules([rule], {}, threads=1)


def test_an_argument_that_is_missing_is_named():
    rule = made(rules.job(TRAIN, **GIVEN))
    with pytest.raises(StudyError, match="needs 'images', which the rule does not give"):
        rules.complete_rules([rule], {}, threads=1)


def test_a_rule_cannot_give_what_the_runner_provides():
    given = {**GIVEN, "seeds": [0, 1]}
    rule = made(rules.job(TRAIN, **given), {"images": "x"})
    with pytest.raises(StudyError, match="rule train: 'seeds' is provided by the runner"):
        rules.complete_rules([rule], {}, threads=1)
    rule = made(rules.job(TRAIN, **GIVEN, state="x"), {"images": "x"})
    with pytest.raises(StudyError, match="rule train: 'state' is provided by the runner"):
        rules.complete_rules([rule], {}, threads=1)


def test_a_rule_whose_files_name_no_seed_gives_the_seeds():
    outputs = {"model": "<results>/model.safetensors"}
    without = made(rules.job(TRAIN, **GIVEN), {"images": "x"}, outputs=outputs)
    with pytest.raises(StudyError, match="needs 'seeds', which the rule does not give"):
        rules.complete_rules([without], {}, threads=1)
    given = rules.job(TRAIN, **GIVEN, seeds=[0])
    rules.complete_rules([made(given, {"images": "x"}, outputs=outputs)], {}, threads=1)
    assert json.loads(given(None))["arguments"]["seeds"] == [0]


def test_outputs_that_disagree_about_seeds_are_refused_before_any_job():
    outputs = {"model": MODELS, "history": ["<results>/models/{rule}/seed7.csv"]}
    rule = made(rules.job(TRAIN, **GIVEN), {"images": "x"}, outputs=outputs)
    with pytest.raises(StudyError, match=r"rule train: output 'history' has files of seeds \[7\]"):
        rules.complete_rules([rule], {}, threads=1)


def test_a_function_or_module_that_does_not_exist_is_named():
    with pytest.raises(StudyError, match=r"bp\.py has no function 'trian'"):
        rules.check_signature("r", "papers.learning_rules.trainings.bp:trian", set())
    with pytest.raises(StudyError, match=r"there is no papers/learning_rules/nothing\.py"):
        rules.check_signature("r", "papers.learning_rules.nothing:f", set())


def test_a_signature_is_read_without_importing(tmp_path, monkeypatch):
    (tmp_path / "made_up.py").write_text(
        "raise RuntimeError\ndef f(a, b=1, *, c, d=2, seeds):\n    pass\n"
    )
    monkeypatch.setattr(rules, "ROOT", tmp_path)
    required, optional = rules.signature.__wrapped__("made_up", "f")
    assert required == {"a", "c", "seeds"} and optional == {"b", "d"}


def test_a_partial_has_what_is_left_of_a_functions_arguments():
    required, optional = rules.signature("papers.learning_rules.trainings.bp", "train")
    whole, _ = rules.signature("papers.learning_rules.train", "train")
    assert required == whole - {"kind", "build"} and optional == {"state", "progress"}
    with pytest.raises(StudyError, match=r"trainings\.bp:train takes no 'imagess'; did you mean"):
        rules.check_signature("r", "papers.learning_rules.trainings.bp:train", {"imagess"}, [1])


def test_the_main_process_finds_facts_and_jobs_inherit_them(monkeypatch):
    monkeypatch.setenv("REPLICORTEX_MADE_UP", "the shell's")
    rules.export({"made_up": "found"}, main=True)
    assert os.environ["REPLICORTEX_MADE_UP"] == "found"
    rules.export({"made_up": "found on a node"}, main=False)
    assert os.environ["REPLICORTEX_MADE_UP"] == "found"
    monkeypatch.delenv("REPLICORTEX_MADE_UP")
    rules.export({"made_up": "found on a node"}, main=False)
    assert os.environ["REPLICORTEX_MADE_UP"] == "found on a node"
