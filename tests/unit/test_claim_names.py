"""What claims name is looked up before any job; what a scale leaves out is no error."""

import csv
import lzma
import re

import pytest
import yaml

from replicortex.core.codehash import ROOT
from replicortex.core.config import check, checked_numbers, merge, paper_names
from replicortex.core.errors import StudyError
from replicortex.core.scales import SCALES
from replicortex.core.study import OpenStudy
from replicortex.core.yaml_text import read_yaml_file
from replicortex.verdicts import reading
from replicortex.verdicts.claim_names import check_names
from replicortex.verdicts.model import Claim

CLAIM = {
    "id": "drop",
    "kind": "control",
    "says": "It falls.",
    "where": "here",
    "measure": {
        "table": "curves",
        "select": {"rule": "bp", "layer": "conv1"},
        "value": "rho",
        "from": {"epoch": 0},
        "to": {"epoch": "last"},
    },
    "verdict": {"direction": "negative", "smallest": 0.1},
    "data": {"same_when": {"brain.data": "things"}},
}
NAMES = {"rule": ["bp", "fa"], "layer": ["conv1"], "epoch": [0, 40]}
WIDE = {"kind": "number", "unit": "by measure"}
FACTS = {"brain": {"data": "things"}, "people": None}
EVERYWHERE = {**NAMES, "rule": ["bp", "fa", "stdp"], "epoch": [0, 2, 40]}


def look(tmp_path, changes=None, **measure):
    tables = tmp_path / "tables.yaml"
    words = {"rule": "words", "layer": "words", "seed": "count", "epoch": "count"}
    noise = {"roi": "words", "value": "correlation", "low": "correlation", "high": "correlation"}
    shares = {"measure": "words", "value": {**WIDE, "by": {"measure": {"share*": "share"}}}}
    listed = {
        "curves": {**words, "rho": "correlation"},
        "noise": noise,
        "shares": {**shares, "seed": "count"},
    }
    tables.write_text(yaml.safe_dump(listed))
    one = Claim.model_validate({**merge(CLAIM, {"measure": measure}), **(changes or {})})
    aliases = {"epoch": {"last": 40}}
    return check_names([one], "claims.yaml", tables, NAMES, lambda: EVERYWHERE, aliases, FACTS)


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ({"table": "curve"}, "table: 'curve' is no table of the paper; did you mean 'curves'"),
        ({"table": "noise"}, "value: 'rho' is no column of table 'noise'"),
        ({"value": "roh"}, "value: 'roh' is no column of table 'curves'; did you mean 'rho'"),
        ({"less": "x"}, "less: 'x' is no column of table 'curves'"),
        ({"select": {"layr": "x"}}, r"select\.layr: 'layr' is no column.*did you mean 'layer'"),
        ({"select": {"rule": "stpd"}}, r"select\.rule: 'stpd' is no rule of .*configuration"),
        ({"from": {"epoch": 3}}, r"from\.epoch: '3' is no epoch of .*configuration"),
        ({"to": {"epoch": "lst"}}, r"to\.epoch: 'lst' is no epoch of .*did you mean 'last'"),
        ({"minus": {"layer": "conv9"}}, r"minus\.layer: 'conv9' is no layer of"),
    ],
)
def test_a_name_that_is_nowhere_is_one_sentence(tmp_path, measure, message):
    with pytest.raises(StudyError, match=rf"^claims\.yaml: claim 'drop': measure\.{message}") as e:
        look(tmp_path, **measure)
    assert "\n" not in str(e.value)


def test_what_another_scale_has_is_told_and_not_testable(tmp_path):
    assert look(tmp_path, select={"rule": "fa"}, **{"from": {"epoch": 0.0}}) == {}
    assert look(tmp_path, select={"rule": "stdp"}) == {"rule stdp": ["drop"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"needs": {"brain.date": 1}},
            "needs: 'brain.date' is no key of the configuration; did you",
        ),
        (
            {"needs": {"brian": 1}},
            "needs: 'brian' is no key of the configuration; did you mean 'brain'",
        ),
        ({"data": {"same_when": {"x": 1}}}, r"data\.same_when: 'x' is no key of the configuration"),
    ],
)
def test_keys_that_a_claim_asks_for_are_the_configurations(tmp_path, changes, message):
    with pytest.raises(StudyError, match=f"^claims.yaml: claim 'drop': {message}"):
        look(tmp_path, changes)
    assert look(tmp_path, {"needs": {"people.first": 1}}) == {}  # nothing is set there


def test_units_need_their_columns(tmp_path):
    with pytest.raises(StudyError, match=r"over\.column: 'seed' is no column of table 'noise'"):
        look(tmp_path, table="noise", value="value")
    unit = {"name": "stimuli", "lower": "low", "upper": "hihg", "table": "noise"}
    seeds = {"name": "seeds", "column": "seed"}
    with pytest.raises(
        StudyError, match=r"over\.upper: 'hihg' is no column .* did you mean 'high'"
    ):
        look(tmp_path, {"over": [seeds, unit]})
    with pytest.raises(
        StudyError, match=r"over\.table: 'nois' is no table .* did you mean 'noise'"
    ):
        look(tmp_path, {"over": [seeds, {**unit, "table": "nois", "upper": "high"}]})


@pytest.mark.parametrize(
    ("measure", "verdict", "message"),
    [
        (
            "share",
            {"direction": "positive", "threshold": -0.1},
            "never below 0: that it lies above -0.1",
        ),
        (
            "shares",
            {"direction": "negative", "threshold": 1},
            "never above 1: that it lies below 1",
        ),
        ("share", {"direction": "positive", "smallest": 0.1}, ""),
        ("other", {"direction": "positive", "threshold": -0.1}, ""),
    ],
)
def test_a_claim_that_no_number_could_contradict_is_refused(tmp_path, measure, verdict, message):
    place = {"table": "shares", "select": {"measure": measure}, "value": "value"}
    if not message:
        assert look(tmp_path, {"measure": place, "verdict": verdict}) == {}
        return
    with pytest.raises(StudyError, match=rf"claim 'drop': verdict: value of .* is {message}"):
        look(tmp_path, {"measure": place, "verdict": verdict})


def test_names_are_looked_up_when_a_study_is_opened(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checked = vars(check(read_yaml_file(root / "config/config.yaml"), root))
    assert set(OpenStudy(**checked, root=root).claims()) == set(paper_names(root))
    wrong = {"measure": {"select": {"rule": "stpd"}}, "data": "other"}
    one = Claim.model_validate({**merge(CLAIM, wrong), "data": "other"})
    monkeypatch.setattr(reading, "load", lambda _: [one])
    with pytest.raises(StudyError, match=r"hierarchical_ot/claims\.yaml: claim 'drop'"):
        OpenStudy(**checked, root=root).claims()


@pytest.mark.parametrize("paper", paper_names(ROOT.parent))
def test_declared_columns_are_those_of_kept_tables(root, paper):
    declared = read_yaml_file(root / f"workflow/papers/{paper}/tables.yaml")
    kept = sorted((root / f"results/reference/{paper}/metrics").glob("*.csv*"))
    kept = [path for path in kept if path.name.endswith((".csv", ".csv.xz"))]
    # A kept run may be older than a table.
    assert {path.name.partition(".")[0] for path in kept} <= set(declared) and len(kept) > 5
    for path in kept:
        with (lzma.open if path.suffix == ".xz" else open)(path, "rt") as stream:
            found = next(csv.reader(stream))
        found = [name for name in found if not name.startswith("spatial ")]  # one a sheet
        # Kept tables may be older than a column.
        known = declared[path.name.partition(".")[0]]
        assert found == [name for name in known if name in found], path


@pytest.mark.parametrize("scale", SCALES)
def test_each_paper_says_what_its_configuration_names(root, scale):
    for paper in paper_names(root):
        names = checked_numbers(paper, scale, {}, root).names()
        assert names and all(names.values())


DENIAL = re.compile(
    r"\b(does|do|did|is|are) not\b|\b(next to|changes|loses|leaves|costs) nothing\b"
)
MARGIN = re.compile(r"\d|\b(half|third|quarter|fifth|tenth|hundredth)\b")


@pytest.mark.parametrize("paper", paper_names(ROOT.parent))
def test_a_denial_is_a_test_of_equivalence_or_names_its_margin(paper):
    """`A does not beat B` says less than `A lies below B`, and is met by more."""
    for claim in reading.load(ROOT / f"papers/{paper}/claims.yaml"):
        if DENIAL.search(claim.says) and claim.verdict.direction != "zero":
            said = re.sub(r"\([A-Z]\d+[^)]*\)", "", claim.says)  # such as (E5): an experiment
            bound = claim.verdict.threshold is not None and MARGIN.search(said)
            assert bound, f"{claim.id}: {claim.says}"
