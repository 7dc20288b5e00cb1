"""What the rules make of the paper's numbers."""

import pytest

from papers.learning_rules.plan import FIGURES, REFERENCE_TABLES, TABLES, plan
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.rules import signature


class Paths(dict):
    """A manifest of any dataset."""

    def __missing__(self, name):
        return f"m/{name}"


@pytest.fixture
def planned(root):
    def of(scale, changes=None):
        numbers = paper_numbers("learning_rules", scale, changes or {}, root)
        return plan({**numbers, "manifests": Paths()})

    return of


def test_every_network_is_trained_and_shown_the_stimuli_once(planned):
    for scale in ("demo", "small", "full"):
        made = planned(scale)
        trained = [unit for units in made.jobs.values() for unit in units]
        extracted = [unit for units in made.activations.values() for unit in units]
        assert sorted(trained) == sorted(extracted) == sorted(made.units)
        assert len(set(trained)) == len(trained)
        assert [name for one in made.drawings for name in one.figures] == list(FIGURES)


def test_each_rule_is_trained_by_the_function_of_its_kind(planned):
    made = planned("full")
    folder = "papers.learning_rules.trainings"
    assert list(made.trainings) == made.rules
    assert made.trainings["fa"] == made.trainings["fa_all"] == f"{folder}.fa:train"
    assert made.trainings["stdp_pair"] == f"{folder}.stdp_pair:train"
    signatures = {signature(*call.split(":")) for call in made.trainings.values()}
    assert len(signatures) == 1  # the rule gives all of them the same arguments


def test_a_rule_of_ones_own_is_trained_by_its_kind(planned, root):
    own = paper_numbers("learning_rules", "demo", {}, root)["rules"]["bp"]
    made = planned("demo", {"rules": {"slow": {**own, "lr": 0.0001}}})
    assert made.trainings["slow"] == made.trainings["bp"]
    assert {unit for unit in made.units if unit.startswith("slow/")} <= {*made.activations["all"]}
    with pytest.raises(StudyError, match="hebb"):
        planned("demo", {"rules": {"slow": {**own, "kind": "hebb"}}})


def test_seeds_and_networks_are_packed_as_asked(planned):
    three = {"seeds": [1, 2, 3], "seeds_per_job": 2}
    jobs = planned("full", three).jobs
    assert jobs["fa_0"] == ["fa/seed1", "fa/seed2"] and jobs["fa_1"] == ["fa/seed3"]
    made = planned("full", three | {"pack": "unit"})
    assert made.activations["fa_2"] == ["fa/seed2"]
    assert len(made.activations) == len(made.units) == 3 * len(made.rules)
    made = planned("full", three | {"pack": "rule"})
    assert list(made.activations) == made.rules
    assert made.activations["fa"] == ["fa/seed1", "fa/seed2", "fa/seed3"]
    made = planned("full", three | {"pack": "all"})
    assert made.activations == {"all": made.units}


def test_what_networks_are_shown_and_what_brains_answered(planned, root):
    for scale in ("demo", "full"):
        made = planned(scale, {"stimuli": "things"})
        assert set(made.stimuli) == {"images", "events"}
        assert set(made.responses) == {"images", "events", "betas"}
        assert made.stimuli.items() <= made.responses.items()
    words = {"aliases": {"roi": {"early": "EVC", "late": "IT"}}}
    other = planned("full", {"stimuli": "objects92", **words})
    name = paper_numbers("learning_rules", "full", {}, root)["objects92"]["dataset"]
    assert other.stimuli == other.responses == {"images": f"m/{name}"}
    # Names of datasets are no arguments: their manifests are inputs.
    assert set(made.compared) == {"subjects", "rois", "pairs"}
    assert other.compared == {"rois": ["EVC", "IT"]}


def test_figures_are_drawn_alone_or_together(planned):
    alone = planned("full").drawings
    assert [one.rule for one in alone] == [f"draw_{name}" for name in FIGURES]
    assert {name for one in alone for name in one.tables} <= {*TABLES, *REFERENCE_TABLES, "noise"}
    (one,) = planned("demo").drawings
    assert one.rule == "draw_0" and one.job.call.endswith("figures.together:draw")
    assert one.job.arguments["figures"] == list(FIGURES)
