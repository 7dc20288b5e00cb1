"""What the rules make of the paper's numbers."""

import pytest

from papers.topographic.plan import FIGURES, plan
from replicortex.core.config import paper_numbers

PATHS = [
    *("cifar10", "cifar10_jpeg", "cifar10_fixture", "floc_128", "floc_128_fixture"),
    *("efficientnet_lite0", "efficientnet_lite0_fixture"),
]


@pytest.fixture
def planned(root):
    def of(scale, changes=None):
        numbers = paper_numbers("topographic", scale, changes or {}, root)
        folder = root / "workflow/papers/topographic"
        return plan({**numbers, "manifests": {n: f"m/{n}" for n in PATHS}, "folder": folder})

    return of


def test_every_network_is_trained_and_embedded_once(planned):
    for scale in ("demo", "small", "rehearsal", "full"):
        made = planned(scale)
        trained = [unit for training in made.trainings.values() for unit in training.units]
        embedded = [unit for units in made.embeddings.values() for unit in units]
        assert sorted(trained) == sorted(embedded) == sorted(made.units)
        assert len(set(trained)) == len(trained)
        assert [name for one in made.drawings for name in one.figures] == list(FIGURES)


def test_jobs_hold_a_condition_or_all_strengths_of_an_objective(planned):
    full = planned("full", {"seeds_per_job": 2})
    one = full.trainings["main_ce_rho0p2_0"]
    assert one.units == ["main/ce/rho0.2/seed0", "main/ce/rho0.2/seed1"]
    assert [condition["rho"] for condition in one.conditions] == [0.2]
    demo = planned("demo")
    assert {c["rho"] for c in demo.trainings["main_ce"].conditions} == {0.0, 0.2}
    assert list(demo.embeddings) == ["all"]
    rehearsed = planned("rehearsal")
    objectives = ["ce", "margin", "supcon", "simclr"]
    # The main arm has five seeds, and so have the ensembles; the controls three, and the switches two.
    assert set(rehearsed.trainings) == {
        *(f"{one}_{count}_seeds" for one in objectives for count in (3, 5)),
        *("ce_2_seeds", "supcon_2_seeds"),
    }
    assert list(rehearsed.embeddings) == objectives
    for training in rehearsed.trainings.values():
        assert len(training.units) % len(training.conditions) == 0
    assert all(f"/{one}/" in unit for one in objectives for unit in rehearsed.embeddings[one])


FLOC = {"floc": "m/floc_128"}
FEATURES = {"features": "<results>/activations/frozen.safetensors"}
LITE0 = {"lite0": "<results>/activations/lite0.safetensors"}


def test_what_networks_are_shown(planned):
    small, full, demo = planned("small"), planned("full"), planned("demo")
    for made, images, floc in ((small, FEATURES, {}), (full, {"images": "m/cifar10"}, FLOC)):
        for job, training in made.trainings.items():
            expected = LITE0 if training.units[0].startswith("lite0") else images
            assert made.learned_from[job] == expected
            embedded = expected if expected == LITE0 else images | floc
            assert made.embedded_from[job] == embedded
    together = {"images": "m/cifar10_fixture", "floc": "m/floc_128_fixture", **LITE0}
    assert demo.embedded_from == {"all": together}
    assert demo.learned_from["lite0_ce"] == LITE0
    assert demo.weights == "m/efficientnet_lite0_fixture"
    assert planned("full", {"localizer": None}).localizer == {}


def test_a_network_that_no_arm_stands_on_is_not_asked_for(planned):
    off = {"arms": {"lite0": {"objectives": []}, "lite0_mean": {"objectives": []}}}
    made = planned("small", off)
    assert made.weights is None
    assert all(shown == FEATURES for shown in made.embedded_from.values())


def test_figures_are_drawn_alone_or_together(planned):
    alone = planned("full").drawings
    assert [one.rule for one in alone][:2] == ["draw_accuracy", "draw_tsne"]
    assert set(alone[0].tables) == {"measures", "published"}
    assert set(alone[1].tables) == {"tsne", "measures"}
    assert alone[1].job.arguments == {} and "quoted" in alone[0].job.arguments
    (one,) = planned("demo").drawings
    assert one.rule == "draw_0" and one.job.call.endswith("figures.together:draw")
    assert one.job.arguments["figures"] == list(FIGURES)
