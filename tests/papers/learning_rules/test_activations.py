"""Activations against torch's own layers, torchvision's transforms, and counting by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.papers.learning_rules.small_nets import (
    BUILD,
    CPU,
    EVALUATION,
    NETWORK,
    TRAINING,
    changed,
    cifar,
    rules,
)
from tests.papers.learning_rules.test_learners import slow_inference
from torch.nn import functional as F

from papers.learning_rules import activations, resize
from papers.learning_rules.activations import Model, View, extract_pictures, views
from papers.learning_rules.learners import fa, pc, stdp
from papers.learning_rules.network import Network
from papers.learning_rules.settings.evaluation import Evaluation
from papers.learning_rules.settings.sizes import Sizes
from papers.learning_rules.train import train_arrays
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors

pytestmark = pytest.mark.numbers

RULES = ["bp", "fa", "pc", "stdp", "fa_all", "pc_supervised", "stdp_pair"]
MEAN, SD = np.array(TRAINING.mean), np.array(TRAINING.sd)


def pictures(count: int = 20, height: int = 50, width: int = 61) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    coarse = random.integers(0, 256, (count, 7, 9, 3)).astype(np.uint8)
    grown = coarse.repeat(-(-height // 7), 1).repeat(-(-width // 9), 2)
    return [np.ascontiguousarray(picture[:height, :width]) for picture in grown]


@pytest.fixture(scope="module")
def models(root: Path) -> dict[str, Tensors]:
    found = {}
    for rule in RULES:
        out = train_arrays(
            BUILD[rules(root)[rule].kind],
            train=cifar(),
            test=cifar(40, seed=1),
            rule=rule,
            settings=rules(root)[rule],
            network=NETWORK,
            training=changed(TRAINING, epochs=2, checkpoints=[0, 2]),
            device=CPU,
            seeds=[42],
        )
        found[rule] = out["model"][0]
        # BatchNorm gains of both signs: pooling before BatchNorm must not mind.
        stream = torch.Generator().manual_seed(3)
        for name in found[rule].arrays:
            if name.startswith("epoch2/bn") and name.endswith(("weight", "bias")):
                shape = found[rule].arrays[name].shape
                found[rule].arrays[name] = torch.randn(shape, generator=stream)
    return found


def extracted(model: Tensors, evaluation: Evaluation = EVALUATION) -> Tensors:
    arrays = {name: tensor.numpy() for name, tensor in model.arrays.items()}
    drawn = pictures()
    return extract_pictures(
        Model.of(arrays, model.metadata),
        [f"s{n}" for n in range(len(drawn))],
        drawn,
        evaluation,
        CPU,
    )


def network(model: Tensors, prefix: str) -> Network:
    """The trained network as a module, loaded by torch."""
    common = {"widths": [6, 8, 10], "grid": 4, "hidden": 16, "seed": 0, "init": "default"}
    kind = model.metadata["settings"]["kind"]
    if kind == "fa":
        everywhere = model.metadata["settings"]["layers"] == "all"
        layers = ("conv1", "conv2", "conv3", *(["fc1", "fc2"] if everywhere else []))
        net: Network = fa.FeedbackNetwork(feedback_layers=layers, conv_bias=True, **common)
    elif kind == "pc":
        net = pc.FeedbackNetwork(**common)
    else:
        net = Network(relu_first=kind == "stdp", **common)
    state = {k.removeprefix(prefix): v for k, v in model.arrays.items() if k.startswith(prefix)}
    if prefix == "filled/":
        state = {
            k.removeprefix("epoch0/"): v for k, v in model.arrays.items() if k.startswith("epoch0/")
        } | state
    net.load_state_dict(state)
    return net


def reference(model: Tensors, view: View) -> dict[str, torch.Tensor]:
    """Features through torch's modules in float64, one forward pass per evaluation batch."""
    prefix = "filled/" if view.bn == "filled" else f"epoch{view.epoch}/"
    stacked = resize.stack(pictures(), view.px, view.arm, 32)
    images = torch.from_numpy(((stacked / 255 - MEAN) / SD).transpose(0, 3, 1, 2))
    parts: dict[str, list] = {}
    for part in images.split(EVALUATION.batch if view.bn == "batch" else 100):
        net = network(model, prefix).double().train(view.bn == "batch")
        with torch.no_grad():
            maps = net.blocks(part)
            if model.metadata["rule"] == "pc":
                maps = slow_inference(
                    maps, net.conv2.weight, net.conv3.weight, net.feedback2, net.feedback3, 10, 0.02
                )
            hidden = net.hidden(maps[-1])
        for name, layer in zip(("conv1", "conv2", "conv3"), maps, strict=True):
            parts.setdefault(f"global/{name}", []).append(layer.mean((2, 3)))
            grid = F.adaptive_avg_pool2d(layer, 4)
            parts.setdefault(f"grid/{name}", []).append(grid.reshape(len(part), -1))
            parts.setdefault(f"full/{name}", []).append(layer.reshape(len(part), -1))
        for pooling in ("global", "grid", "full"):
            parts.setdefault(f"{pooling}/fc1", []).append(hidden)
    return {name: torch.cat(features) for name, features in parts.items()}


@pytest.mark.parametrize("rule", RULES)
def test_every_view_equals_torchs_own_layers(
    models: dict, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several passes per evaluation batch, so that joining their statistics is tested too.
    monkeypatch.setitem(activations.PIXELS, "cpu", 3 * 48**2)
    model = models[rule]
    before = {name: tensor.clone() for name, tensor in model.arrays.items()}
    found = extracted(model)
    for view in views([0, 2], EVALUATION):
        for name, expected in reference(model, view).items():
            if name.startswith("full") and view.px != 32:
                continue
            key = f"epoch{view.epoch}/px{view.px}/{view.arm}/{view.bn}/{name}"
            scale = expected.abs().max().item()
            np.testing.assert_allclose(
                found.arrays[key], expected.numpy(), rtol=2e-4, atol=2e-5 * scale, err_msg=key
            )
            assert found.arrays[key].dtype == np.float32
    # Batch statistics leave the running ones alone, and all else too.
    for name, tensor in model.arrays.items():
        assert torch.equal(tensor, before[name])


def test_keys_are_those_agreed(models: dict) -> None:
    found = extracted(models["bp"])
    keys = set()
    for epoch in (0, 2):
        for px in (32, 48):
            for bn in ("running", "batch", *(["filled"] if epoch == 0 else [])):
                keys.add((epoch, px, "native", bn))
        for px in (32, 40, 48):
            keys |= {(epoch, px, arm, "running") for arm in ("native", "upsampled")}
    expected = {
        f"epoch{epoch}/px{px}/{arm}/{bn}/{pooling}/{layer}"
        for epoch, px, arm, bn in keys
        for pooling in ("global", "grid", "full")
        if pooling != "full" or px == 32
        for layer in ("conv1", "conv2", "conv3", "fc1")
    }
    assert set(found.arrays) == expected
    assert found.metadata == {
        "rule": "bp",
        "seed": 42,
        "stimuli": [f"s{n}" for n in range(20)],
    }


def test_views_of_the_paper_are_not_computed_twice() -> None:
    evaluation = changed(EVALUATION, px=Sizes(train=32, large=224), sweep=[32, 64, 224])
    found = views([0, 1, 5], evaluation)
    assert len(found) == len(set(found)) == 3 * 2 * 2 + 2 + 2 * 1 + 2 * 2
    assert View(0, 32, "upsampled", "running") not in found


def test_bn_modes_and_epochs_differ(models: dict) -> None:
    arrays = extracted(models["bp"]).arrays
    running = arrays["epoch0/px32/native/running/global/conv2"]
    for other in (
        "epoch0/px32/native/batch",
        "epoch0/px32/native/filled",
        "epoch2/px32/native/running",
    ):
        assert np.abs(arrays[f"{other}/global/conv2"] - running).max() > 0.05
    up = arrays["epoch0/px48/upsampled/running/grid/conv1"]
    assert np.abs(up - arrays["epoch0/px48/native/running/grid/conv1"]).max() > 0.01


def test_batch_of_the_evaluation_matters_in_batch_mode_alone(models: dict) -> None:
    one, other = (extracted(models["pc"], changed(EVALUATION, batch=b)).arrays for b in (8, 20))
    for name in one:
        close = np.allclose(one[name], other[name], rtol=1e-3, atol=1e-4)
        assert close is ("/batch/" not in name), name


def test_features_after_or_before_inference(models: dict) -> None:
    model = models["pc"]
    settings = model.metadata["settings"] | {"features": "feedforward"}
    forward = extracted(Tensors(model.arrays, model.metadata | {"settings": settings})).arrays
    inferred = extracted(model).arrays
    key = "epoch0/px32/native/running/full/conv2"
    net = network(model, "epoch0/").eval()
    stacked = resize.stack(pictures(), 32, "native", 32)
    images = torch.from_numpy(((stacked / 255 - MEAN) / SD).transpose(0, 3, 1, 2)).float()
    expected = net.blocks(images)[1].detach().flatten(1).numpy()
    np.testing.assert_allclose(forward[key], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(inferred[key] - expected).max() > 1e-3


def test_not_finite_is_an_error(models: dict) -> None:
    arrays = {k: v.clone() for k, v in models["bp"].arrays.items()}
    arrays["epoch2/conv2.weight"][0, 0, 0, 0] = float("nan")
    with pytest.raises(StudyError, match=r"model: activations epoch2/.* are not all finite"):
        extracted(Tensors(arrays, models["bp"].metadata))


@pytest.mark.parametrize("shape", [(50, 61), (61, 50), (33, 97), (175, 175), (32, 32), (20, 31)])
@pytest.mark.parametrize("px", [32, 45, 64, 224])
def test_sizes_equal_torchvision(shape: tuple[int, int], px: int) -> None:
    from PIL import Image
    from torchvision import transforms

    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    author = transforms.Compose([transforms.Resize(px), transforms.CenterCrop(px)])
    expected = author(Image.fromarray(picture))
    np.testing.assert_array_equal(resize.square(picture, px), np.asarray(expected))
    small = transforms.Compose(
        [transforms.Resize(32), transforms.CenterCrop(32), transforms.Resize(px)]
    )
    expected = small(Image.fromarray(picture))
    found = resize.stack([picture], px, "upsampled", 32)[0]
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_gpu_asked_for_and_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(StudyError, match="device: 'cuda'"):
        activations.extract(
            models=[], stimuli="objects92", images=Path("x"), evaluation=EVALUATION, device="cuda"
        )


@pytest.mark.gpu
@pytest.mark.parametrize("rule", RULES)
def test_cpu_and_gpu_agree(models: dict, rule: str) -> None:
    from replicortex.training import device as devices

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    place: Any = devices.choose("cuda")
    model = models[rule]
    arrays = {name: tensor.numpy() for name, tensor in model.arrays.items()}
    stimuli = pictures()
    common = (Model.of(arrays, model.metadata), [""] * len(stimuli), stimuli, EVALUATION)
    ours, theirs = (extract_pictures(*common, where).arrays for where in (CPU, place))
    for name in ours:
        scale = np.abs(ours[name]).max()
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-4 * scale)


def test_stdp_variant_is_the_only_one_with_a_relu_in_front(root: Path) -> None:
    from papers.learning_rules.network import VARIANTS, variant_of

    assert variant_of({"kind": "bp", "relu_first": True}) == {"relu_first": True}
    assert variant_of({"kind": "bp", "relu_first": False}) == variant_of({"kind": "pc"}) == {}
    assert VARIANTS == {"fa": {"conv_bias": True}, "stdp": {"relu_first": True}}
    assert stdp.build(1, NETWORK, rules(root)["stdp"], 1, CPU).network.relu_first
