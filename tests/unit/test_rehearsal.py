"""A rehearsal is `full` but for its data and for declared sizes, and says so wherever it shows."""

import json
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from replicortex.core import config, papers, rehearsal, rules, runner
from replicortex.core.codehash import ROOT
from replicortex.core.errors import StudyError
from replicortex.core.study import OpenStudy
from replicortex.core.yaml_text import read_yaml_file
from replicortex.data.declared import load as load_datasets

FILE = "config/papers/{}.yaml"
PAPERS = [
    paper
    for paper in config.paper_names(ROOT.parent)
    if rehearsal.SCALE in read_yaml_file(ROOT.parent / FILE.format(paper))
]


def numbers(paper, scale, root):
    return config.checked_numbers(paper, scale, {}, root)


def listed(paper, root):
    full, here = (numbers(paper, scale, root).model_dump() for scale in ("full", rehearsal.SCALE))
    return list(rehearsal.differences(full, here))


def test_there_are_rehearsals():
    assert "learning_rules" in PAPERS


@pytest.mark.parametrize("paper", PAPERS)
def test_every_declared_size_is_cut_and_no_other_differs(paper, root):
    from fnmatch import fnmatchcase

    declared = papers.load(paper, root).rehearsal
    keys = [one.key for one in listed(paper, root)]
    assert [p for p in declared if not any(fnmatchcase(key, p) for key in keys)] == []
    sizes = [
        one
        for one in listed(paper, root)
        if not rehearsal.packs(one.key) and not str(one.here).endswith("_fixture")
    ]
    assert all(any(fnmatchcase(one.key, p) for p in declared) for one in sizes)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_dataset_is_a_fixture(paper, root):
    declared = load_datasets(root / "config/datasets.yaml")
    names = numbers(paper, rehearsal.SCALE, root).datasets()
    assert {declared[name].kind for name in names} == {"fixture"}
    assert len(names) == len(numbers(paper, "full", root).datasets())


@pytest.mark.parametrize("paper", PAPERS)
def test_claims_are_those_that_full_can_judge(paper, root, monkeypatch):
    monkeypatch.chdir(root)
    settings = read_yaml_file(root / "config/config.yaml")

    def claims(scale):
        study = config.check({**settings, "scale": scale, "run": paper}, root, placed=False)
        return OpenStudy(**vars(study), root=root).claims()[paper]

    full, here = claims("full"), claims(rehearsal.SCALE)
    assert here["rehearsal"] and not full["rehearsal"]
    assert (here["facts"], here["absent"]) == (full["facts"], full["absent"])


BREAKS = {
    "another rule": ({"rules": {"bp": {"lr": 1.0e-4}}}, "rules.bp.lr: 0.0001 where full has 0.001"),
    "another switch": ({"training": {"subset": "fixed"}}, "training.subset: 'fixed' where full"),
    "a new rule": ({"rules": {"mine": {"kind": "stdp_pair"}}}, "rules.mine: "),
    "larger": (
        {"training": {"images": 9000}},
        "training.images: 9000 where full has 8000; smaller",
    ),
    "one value": (
        {"evaluation": {"sweep": [32]}},
        r"evaluation.sweep: \[32\] .* at least 2 entries",
    ),
    "another dataset": ({"training_data": "cifar10_jpeg"}, "training_data: 'cifar10_jpeg' where"),
    "fewer seeds": ({"seeds": [42, 123]}, "seeds: "),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_may_not_differ_is_told(name, root):
    changes, message = BREAKS[name]
    model = config.numbers_model("learning_rules")
    full = numbers("learning_rules", "full", root)
    values = full.model_dump()
    if name == "a new rule":
        changes = {"rules": {"mine": values["rules"]["stdp_pair"]}}
    here = model.model_validate(config.merge(values, changes))
    smaller = papers.load("learning_rules", root).rehearsal
    with pytest.raises(StudyError, match=f"^numbers.yaml \\(rehearsal\\): {message}"):
        rehearsal.check(full, here, smaller, "numbers.yaml")
    rehearsal.check(full, full, [], "numbers.yaml")


def test_a_paper_without_the_section_does_not_rehearse(root, tmp_path, monkeypatch):
    import shutil

    for name in ("config", "envs", "workflow"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / FILE.format("topographic")
    path.write_text(path.read_text().replace("\nrehearsal:", "\ndemo_of_old:", 1))
    path.write_text(path.read_text().partition("\ndemo_of_old:")[0])
    monkeypatch.chdir(tmp_path)
    settings = read_yaml_file(tmp_path / "config/config.yaml") | {"scale": rehearsal.SCALE}
    with pytest.raises(StudyError, match=r"topographic\.yaml: there is no section `rehearsal:`"):
        config.check(settings | {"run": "topographic"}, tmp_path)
    study = config.check(settings | {"run": "all"}, tmp_path)
    assert "topographic" not in study.papers and "learning_rules" in study.papers
    assert any("topographic" in sentence for sentence in study.left_out)
    assert "REHEARSAL" in study.headline() and study.rehearsal


def test_jobs_of_a_rehearsal_say_so_and_no_others(monkeypatch):
    made = rules.job("papers.learning_rules.trainings.bp:train", rule="bp")
    plain = json.loads(made(None))
    made.rehearsal = True
    assert json.loads(made(None)) == {**plain, "rehearsal": True} and "rehearsal" not in plain


@pytest.mark.parametrize(
    "what, synthetic, words",
    [
        ({"rehearsal": True}, False, ["REHEARSAL ON SYNTHETIC DATA"]),
        ({"rehearsal": True}, True, ["REHEARSAL ON SYNTHETIC DATA"]),
        ({}, True, ["SYNTHETIC DATA"]),
        ({}, False, []),
    ],
)
def test_figures_say_it(tmp_path, what, synthetic, words):
    figure = Figure()
    identity = SimpleNamespace(
        what={"call": "a:b", **what}, synthetic=synthetic, of_seed=lambda seed: "0" * 64
    )
    runner.write_results({"f": figure}, {"f": tmp_path / "f.svg"}, identity, [])
    assert [text.get_text().partition(":")[0] for text in figure.texts] == words
