"""Training: the balanced gradient, early stopping, resuming, and the frozen features."""

from pathlib import Path

import numpy as np
import pytest
import torch

from papers.topographic.conditions import conditions, without_seeds
from papers.topographic.frozen import Patches
from papers.topographic.images import of_each_class
from papers.topographic.learner import Topographic
from papers.topographic.network import Network
from papers.topographic.train import train
from papers.topographic.training_settings import Condition, FrozenSettings, Settings, Split
from replicortex.core.config import paper_numbers
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors, read_tensors, write
from replicortex.core.randomness import generator, torch_generator
from replicortex.training.state import OutOfTime, State

pytestmark = pytest.mark.numbers

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def numbers(root):
    return {
        scale: paper_numbers("topographic", scale, {}, root) for scale in ("full", "small", "demo")
    }


def settings(numbers, objective="ce", arm="main", epochs=None, **changes):
    made = conditions(numbers)
    (name,) = [n for n in made if n.startswith(f"{arm}/{objective}/")][1:2]
    found = made[name]["settings"]
    made = {part: {**found[part], **changes.get(part, {})} for part in found}
    if epochs:
        made["objective"]["epochs"] = epochs
    return Settings.model_validate(made)


def streams(purpose):
    return torch_generator(0, purpose)


@pytest.mark.parametrize("objective", ["ce", "margin", "supcon", "simclr"])
@pytest.mark.parametrize("gradients", ["sheet", "encoder"])
def test_the_weight_of_topography_is_rho_times_the_ratio_of_gradients(
    numbers, objective, gradients
):
    changes = {"balance": {"gradients": gradients}, "network": {"dropout": 0.0}}
    own = settings(numbers["demo"], objective, **changes)
    learner = Topographic(objective, own, 0.2, 0, CPU)
    from papers.topographic.objectives import VIEWS, task_loss

    labels = torch.arange(8) // 2
    images = torch.randn(8 * VIEWS[objective], 3, 32, 32, generator=streams("images"))
    other = Topographic(objective, own, 0.2, 0, CPU)
    net = other.network.train()
    task = task_loss(objective, net.head(net(images)), labels, own.objective)
    which = net.sheet if gradients == "sheet" else torch.nn.ModuleList([net.trunk, net.sheet])
    slopes = torch.autograd.grad(task, list(which.parameters()), retain_graph=True)
    size = torch.cat([slope.flatten() for slope in slopes]).norm()
    (pull,) = torch.autograd.grad(other.topographic(net.sheet.weight), net.sheet.weight)
    found = learner.step(images, labels, streams)
    assert float(found["lambda"]) == pytest.approx(0.2 * float(size / pull.norm()), rel=1e-4)
    (own_slope,) = torch.autograd.grad(task, net.sheet.weight)
    expected = own_slope + float(found["lambda"]) * pull
    torch.testing.assert_close(learner.network.sheet.weight.grad, expected, rtol=1e-3, atol=1e-6)


def test_seeds_start_equal_under_every_objective(numbers):
    made = [
        Topographic(o, settings(numbers["demo"], o), 0.2, 3, CPU).network for o in ("ce", "simclr")
    ]
    assert torch.equal(made[0].sheet.weight, made[1].sheet.weight)
    assert torch.equal(made[0].trunk.conv1.weight, made[1].trunk.conv1.weight)


def test_the_paper_has_its_conditions(numbers):
    made = conditions(numbers["full"])
    main = [one for one in made.values() if one["arm"] == "main"]
    assert len(main) == 24 and sum(len(one["seeds"]) for one in main) == 120
    assert sum(len(one["seeds"]) for one in made.values() if one["arm"] == "ensemble") == 30
    bare = made["no_dropout/simclr/rho0.2"]["settings"]
    assert bare["network"]["dropout"] == 0 and bare["network"]["bias"] is True
    assert made["form_units/ce/rho1"]["settings"]["balance"]["form"] == "units"
    assert "seeds" not in without_seeds(made["main/ce/rho0"])


@pytest.fixture
def frozen(tmp_path):
    rng = generator(0, "frozen")
    labels = np.repeat(np.arange(10), 12)
    centres = rng.normal(size=(10, 16))
    arrays = {
        "train/features": (centres[labels] + rng.normal(size=(120, 16))).astype(np.float32),
        "train/labels": labels,
        "test/labels": labels[:0],
        "validation/labels": labels,
        "validation/features": (centres[labels] + rng.normal(size=(120, 16))).astype(np.float32),
    }
    path = tmp_path / "frozen.safetensors"
    write(path, Tensors(arrays))
    return path


def condition(numbers, objective="ce", rho=0.2, epochs=4, network=None, **changes):
    small = numbers["small"]
    frozen = {**small["network"]["frozen"], "size": 16}
    own = settings(
        small,
        objective,
        network={"side": 4, "projection": 4, "frozen": frozen} | (network or {}),
        epochs=epochs,
        training={"batch": 40, **changes},
    )
    return Condition(arm="main", objective=objective, rho=rho, settings=own)


def run(frozen: Path, listed, seeds, state=None):
    split = Split(validation=0, train=12, test=1)
    return train(
        conditions=listed, split=split, device="cpu", seeds=seeds, features=frozen, state=state
    )


def test_a_training_learns_from_its_trunks_file(numbers, frozen, tmp_path):
    """Features of Lite0 have their own file, and keep their mean where they are not centred."""
    arrays, _ = read_tensors(frozen)
    mean = np.ones(16, np.float32)
    negative = {name: -a if name.endswith("features") else a for name, a in arrays.items()}
    lite0, shifted = tmp_path / "lite0.safetensors", tmp_path / "shifted.safetensors"
    write(lite0, Tensors(negative | {"mean": mean}))
    names = ("train/features", "validation/features")
    write(shifted, Tensors(negative | {name: negative[name] + mean for name in names}))
    trunks = ({}, {"trunk": "lite0"}, {"trunk": "lite0", "centred": False})
    together = train(
        conditions=[condition(numbers, network=trunk) for trunk in trunks],
        split=Split(validation=0, train=12, test=1),
        device="cpu",
        seeds=[5, 5, 5],
        features=frozen,
        lite0=lite0,
    )["model"]
    alone = [run(file, [condition(numbers)], [5])["model"][0] for file in (frozen, lite0, shifted)]
    assert all(same(one, other) for one, other in zip(together, alone, strict=True))
    assert not same(alone[1], alone[2])


def same(one: Tensors, other: Tensors) -> bool:
    return all(torch.equal(one.arrays[name], other.arrays[name]) for name in one.arrays)


def test_conditions_and_seeds_in_one_process_equal_separate_ones(numbers, frozen):
    listed = [condition(numbers, "ce"), condition(numbers, "supcon", 1.0)]
    together = run(frozen, listed, [5, 6, 5, 6])
    alone = run(frozen, [listed[1]], [6])
    assert together["model"][3].metadata == alone["model"][0].metadata
    assert together["model"][3].metadata["seed"] == 6
    assert same(together["model"][3], alone["model"][0])
    assert not same(together["model"][2], together["model"][3])


def test_a_resumed_training_equals_an_uninterrupted_one(numbers, frozen, tmp_path):
    whole = run(frozen, [condition(numbers)], [5])
    with pytest.raises(OutOfTime):
        run(frozen, [condition(numbers)], [5], State(tmp_path / "state", deadline=0))
    resumed = run(frozen, [condition(numbers)], [5], State(tmp_path / "state"))
    assert same(whole["model"][0], resumed["model"][0])
    assert whole["history"][0].equals(resumed["history"][0])


@pytest.mark.parametrize("objective", ["ce", "margin", "supcon", "simclr"])
def test_a_bias_that_batch_normalisation_follows_has_no_gradient(numbers, objective):
    from papers.topographic.objectives import VIEWS

    learner = Topographic(objective, settings(numbers["demo"], objective), 0.2, 0, CPU)
    images = torch.randn(16 * VIEWS[objective], 3, 32, 32, generator=streams("images"))
    learner.step(images, torch.arange(16) // 2, streams)
    bias, weight = (getattr(learner.network.sheet, name).grad for name in ("bias", "weight"))
    share = float(bias.norm() / weight.norm())
    assert share > 1e-3 if objective == "ce" else share < 1e-5


@pytest.mark.parametrize("objective", ["margin", "supcon"])
def test_such_a_bias_stays_where_it_starts_and_changes_no_weight(numbers, frozen, objective):
    changes = [{"bias_start": "random"}, {"bias_start": "zero"}, {"bias": False}]
    listed = [condition(numbers, objective, 1.0, network=change) for change in changes]
    drawn, zero, none = (run(frozen, [one], [5])["model"][0].arrays for one in listed)
    start = Network(listed[0].settings.network, objective, 5).sheet.bias.detach()
    # Adam's step does not know how small a gradient is: rounding moves the bias a little.
    assert float((drawn["sheet.bias"] - start).abs().max()) < 0.05
    assert float(zero["sheet.bias"].abs().max()) < 0.05
    assert "sheet.bias" not in none
    for one in (zero, none):
        torch.testing.assert_close(one["sheet.weight"], drawn["sheet.weight"], rtol=0.02, atol=2e-3)


def test_no_patience_keeps_validation(numbers, frozen):
    made = run(frozen, [condition(numbers, epochs=6, patience=0, lr=1e-12)], [0])
    history = made["history"][0]
    assert len(history) == 6 and history["validation_accuracy"].notna().all()


def test_a_perturbation_multiplies_what_networks_are_shown(numbers, frozen):
    one, other = (
        run(frozen, [condition(numbers, perturb=change)], [5])["model"][0] for change in (0.0, 1e-6)
    )
    weights = one.arrays["sheet.weight"], other.arrays["sheet.weight"]
    assert not torch.equal(*weights)
    torch.testing.assert_close(*weights, atol=0.05, rtol=0)


def test_topography_aligns_neighbours(numbers, frozen):
    made = run(frozen, [condition(numbers, rho=0.0), condition(numbers, rho=5.0)], [1, 1])
    last = [table.iloc[-1] for table in made["history"]]
    assert last[1]["neighbour_cosine"] > last[0]["neighbour_cosine"] + 0.02
    assert last[0]["lambda"] == 0 and last[1]["lambda"] > 0


def test_patience_ends_a_training_and_the_best_is_kept(numbers, frozen):
    listed = [condition(numbers, epochs=30, patience=1, lr=1e-12)]
    made = run(frozen, listed, [0])
    history = made["history"][0]
    # Nothing improves at such a rate: one epoch, and one of patience.
    assert len(history) < 30
    assert {"validation_task", "validation_accuracy"} <= set(history.columns)


def test_features_of_patches_have_their_size_and_norm():
    images = generator(0, "i").integers(0, 256, (60, 32, 32, 3)).astype(np.uint8)
    sizes = {"patch": 6, "filters": 12, "samples": 400, "size": 10}
    numbers = FrozenSettings(**sizes, norm=16, noise=0, seed=0)
    features = Patches(images, numbers)(images)
    assert features.shape == (60, 10) and features.dtype == np.float32
    assert np.linalg.norm(features, axis=1).mean() == pytest.approx(16, rel=1e-4)
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-3)
    again = Patches(images, numbers)(images[:5] / 255)
    np.testing.assert_allclose(again, features[:5], atol=1e-3)


def test_too_few_images_of_a_class_are_named():
    labels = np.repeat(np.arange(10), 3)
    assert of_each_class(labels, 1, 2, "split.train").tolist()[:4] == [1, 2, 4, 5]
    with pytest.raises(
        StudyError, match=r"split\.train: 4 images of each class .* class 0 .* has 3"
    ):
        of_each_class(labels, 1, 3, "split.train")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("objective", ["ce", "margin", "supcon", "simclr"])
def test_steps_on_a_gpu_are_those_of_the_cpu(numbers, objective):
    from papers.topographic.objectives import VIEWS

    labels = torch.arange(16) // 2
    images = torch.randn(16 * VIEWS[objective], 3, 32, 32, generator=streams("images"))
    found = {}
    for name in ("cpu", "cuda"):
        own = settings(numbers["demo"], objective)
        learner = Topographic(objective, own, 0.2, 0, torch.device(name))
        found[name] = [
            {
                k: float(v)
                for k, v in learner.step(images.to(name), labels.to(name), streams).items()
            }
            for _ in range(3)
        ]
    for cpu, gpu in zip(found["cpu"], found["cuda"], strict=True):
        assert gpu == pytest.approx(cpu, rel=1e-3)
