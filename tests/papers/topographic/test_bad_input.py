"""What a user can get wrong is told in one sentence; a training that diverges stops in time."""

import numpy as np
import pytest
import torch

from papers.topographic import images as pictures
from papers.topographic.conditions import conditions
from papers.topographic.learner import Topographic
from papers.topographic.objectives import task_loss
from papers.topographic.train import train
from papers.topographic.training_settings import Condition, Settings, Split
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors, write
from replicortex.core.randomness import generator, torch_generator
from replicortex.training.state import State

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arms": {"main": {"rhos": [0, -0.2]}}}, r"arms\.main\.rhos.*greater than.*0.*-0\.2"),
        ({"arms": {"main": {"objectives": ["simcrl"]}}}, "'simcrl'; did you mean 'simclr'"),
        ({"network": {"side": 15.8}}, r"network\.side: .*integer.*15\.8"),
        ({"network": {"side": 1}}, r"network\.side: .*greater than or equal to 2"),
        ({"network": {"dropout": 1.0}}, r"network\.dropout: .*less than 1"),
        ({"balance": {"form": "unit"}}, "did you mean 'units'"),
        ({"objectives": {"supcon": {"temperature": 0}}}, r"temperature: .*greater than 0"),
        ({"readout": "slow"}, "readout: 'slow' is no probe"),
        ({"ensemble": {"seeds": [1]}}, "seed 1 is among `seeds` already"),
        ({"ensemble": {"seeds": [2, 2]}}, r"ensemble\.seeds: 2 is given more than once"),
        ({"ensemble": {"draws": 1}}, r"ensemble\.draws: .*equal to 2, found 1"),
        ({"measured": {"tsne_rhos": []}}, r"measured\.tsne_rhos: .*at least 1 item"),
        (
            {"measured": {"tsne_rhos": [0.3]}},
            r"measured\.tsne_rhos: 0\.3 is none of arms\.main\.rhos \(\[0\.0, 0\.2\]\)",
        ),
        (
            {"arms": {"main": {"objectives": ["supcon"]}}},
            r"arms\.main\.objectives: \['supcon'\] lacks 'ce'",
        ),
        (
            {"arms": {"main": {"rhos": [0.2, 0.20000001]}}},
            r"arms\.main\.rhos: 0\.2 and 0\.20000001 would both be named 0\.2 in files",
        ),
        ({"arms": {"main": {"rhos": [0.2, 0.2]}}}, r"arms\.main\.rhos: 0\.2 is given more than"),
        (
            {"arms": {"main": {"objectives": ["ce", "ce"]}}},
            "objectives: ce is given more than once",
        ),
        (
            {"arms": {"a/b": {"objectives": [], "rhos": [0], "seeds": 1, "change": {}}}},
            "'a/b' must be letters, digits, _ and - alone",
        ),
        (
            {"arms": {"ensemble": {"objectives": [], "rhos": [0], "seeds": 1, "change": {}}}},
            r"arms\.ensemble: the name is that of the networks of ensemble\.seeds",
        ),
        ({"training": {"batch": 1}}, r"training\.batch: .*equal to 2, found 1"),
        ({"measured": {"rdm_images": 1}}, r"measured\.rdm_images: .*equal to 2, found 1"),
        ({"measured": {"tsne_images": 1}}, r"measured\.tsne_images: .*equal to 2, found 1"),
        (
            {"objectives": {"margin": {"margins": {"near": 0.6}}}},
            r"margins: same 0\.05, near 0\.6 and far 0\.5 must not fall",
        ),
        ({"network": {"frozen": {"patch": 33}}}, r"frozen\.patch: .*equal to 30, found 33"),
        (
            {"network": {"trunk": "frozen", "frozen": {"samples": 5}}},
            r"network\.frozen\.filters: 200 are more than the 5 samples",
        ),
        (
            {"network": {"trunk": "frozen", "frozen": {"size": 1601}}},
            r"network\.frozen\.size: 1601 are more than the 8 components of each of 200 filters",
        ),
        (
            {"network": {"trunk": "frozen"}},
            r"arms\.gradients_encoder: gradients of the encoder, which a frozen trunk",
        ),
        (
            {"arms": {"lite0": {"change": {"balance": {"gradients": "encoder"}}}}},
            r"arms\.lite0: gradients of the encoder, which a frozen trunk",
        ),
        ({"arms": {"lite0": {"change": {"network": {"trunk": "lite1"}}}}}, "did you mean 'lite0'"),
        (
            {"network": {"trunk": "lite0"}, "arms": {"gradients_encoder": {"objectives": []}}},
            r"network\.trunk: lite0 has no features of noisy images, .* let another arm change",
        ),
        ({"lite0": {"side": 16}}, r"lite0\.side: .*equal to 32, found 16"),
        ({"noise": {"levels": [0.1, 0.1]}}, r"noise\.levels: 0\.1 is given more than once"),
        (
            {"objectives": {"ce": {"views": {"scale": [0.5, 0.2]}}}},
            r"views\.scale: \[0\.5, 0\.2\] found, the smaller one comes first",
        ),
    ],
)
def test_wrong_numbers_are_named(root, change, message):
    with pytest.raises(StudyError, match=message) as error:
        paper_numbers("topographic", "demo", change, root)
    assert "\n" not in str(error.value)


def data_set(monkeypatch, labels, classes):
    images = np.zeros((len(labels), 32, 32, 3), np.uint8)
    read = (images, np.asarray(labels), [f"class {number}" for number in range(classes)])
    monkeypatch.setattr(pictures.cifar, "read", lambda manifest, split: read)


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (range(10), 100, "some.json: 100 classes, 10 expected"),
        ([*range(10), 10], 10, "label 10 belongs to none of the 10 classes"),
        ([*range(10), -1], 10, "label -1 belongs to none"),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], 10, r"class 9 of the data set has 0"),
    ],
)
def test_other_classes_than_cifars_are_refused(monkeypatch, labels, classes, message):
    data_set(monkeypatch, list(labels), classes)
    with pytest.raises(StudyError, match=message):
        pictures.read("some.json", Split(validation=0, train=1, test=1))


def settings(root, objective):
    name = f"main/{objective}/rho0.2"
    made, frozen = (
        conditions(paper_numbers("topographic", scale, {}, root))[name]["settings"]
        for scale in ("demo", "small")
    )
    return made, frozen


@pytest.mark.parametrize("objective", ["ce", "margin", "supcon", "simclr"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_changes_nothing(root, objective, value):
    learner = Topographic(
        objective, Settings.model_validate(settings(root, objective)[0]), 0.2, 7, CPU
    )
    views = 2 if objective in ("supcon", "simclr") else 1
    images = torch.randn(4 * views, 3, 32, 32, generator=torch_generator(0, "x"))
    labels = torch.tensor([0, 0, 3, 3])

    def streams(purpose):
        return torch_generator(0, purpose)

    learner.step(images, labels, streams)
    before = {name: p.detach().clone() for name, p in learner.network.named_parameters()}
    moments = [[m.clone() for m in pair] for pair in learner.optimiser.moments]
    images[0, 0, 0, 0] = value
    with pytest.raises(StudyError, match=rf"{objective}, rho 0\.2, seed 7: step 2: the loss is"):
        learner.step(images, labels, streams)
    for name, parameter in learner.network.named_parameters():
        assert torch.equal(parameter, before[name]), name
    for now, kept in zip(learner.optimiser.moments, moments, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(now, kept, strict=True))


def test_a_training_that_diverges_leaves_its_last_good_state(root, tmp_path):
    own = settings(root, "ce")[1]
    own["network"] |= {"side": 4, "frozen": {**own["network"]["frozen"], "size": 16}}
    own["objective"] = {**own["objective"], "epochs": 3}
    own["training"] = {**own["training"], "batch": 20}
    features = generator(0, "f").normal(size=(40, 16)).astype(np.float32)
    features[-1] = np.nan  # met once in the first epoch
    labels = np.arange(40) % 10
    path = tmp_path / "frozen.safetensors"
    arrays = {"train/features": features, "train/labels": labels, "validation/labels": labels}
    write(path, Tensors(arrays | {"test/labels": labels}))
    condition = Condition(arm="main", objective="ce", rho=0.2, settings=own)

    def run(seed):
        state = State(tmp_path / f"state{seed}", every_s=0)
        with pytest.raises(StudyError, match=rf"ce, rho 0\.2, seed {seed}: step [12]:"):
            train(
                conditions=[condition],
                split=Split(validation=0, train=4, test=1),
                device="cpu",
                seeds=[seed],
                features=path,
                state=state,
            )
        return state.load(f"main_ce_rho0.2_seed{seed}")

    # The order of images decides in which of the two steps the bad one is met.
    kept = [state for state in map(run, range(6)) if state is not None]
    assert 0 < len(kept) < 6
    for state in kept:
        assert state["step"] == 1 and state["learner"]["optimiser"]["steps"] == 1
        assert all(torch.isfinite(t).all() for t in state["learner"]["network"].values())


@pytest.mark.parametrize("objective", ["ce", "margin", "supcon", "simclr"])
def test_losses_are_in_single_precision_under_autocast(root, objective):
    numbers = Settings.model_validate(settings(root, objective)[0]).objective
    out = torch.randn(24, 10, generator=torch_generator(0, "out"))
    labels = torch.arange(12) % 4
    if objective != "ce":
        out = torch.nn.functional.normalize(out, dim=1)
    labels = labels if objective in ("supcon", "simclr") else labels.repeat(2)
    plain = task_loss(objective, out, labels, numbers)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = task_loss(objective, out, labels, numbers)
    assert mixed.dtype == torch.float32 and torch.equal(mixed, plain)


@pytest.mark.parametrize("objective", ["ce", "supcon"])
def test_a_step_in_bf16_is_near_one_in_fp32(root, objective):
    own = Settings.model_validate(settings(root, objective)[0])
    found = {}
    for enabled in (False, True):
        learner = Topographic(objective, own, 0.2, 1, CPU)
        views = 2 if objective == "supcon" else 1
        images = torch.randn(16 * views, 3, 32, 32, generator=torch_generator(0, "x"))
        labels = torch.arange(16) % 8
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            terms = learner.step(images, labels, lambda purpose: torch_generator(0, purpose))
        assert learner.network.sheet.weight.dtype == torch.float32
        found[enabled] = {name: float(term) for name, term in terms.items()}
    for name, value in found[False].items():
        assert found[True][name] == pytest.approx(value, rel=0.05), name
