"""Training as a whole: formats, independence of seeds, resuming, errors."""

import random
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from fresh_python import said
from tests.papers.learning_rules.small_nets import (
    BUILD,
    CPU,
    NETWORK,
    TRAINING,
    changed,
    cifar,
    rules,
)

from papers.learning_rules import train as module
from papers.learning_rules.network import Network
from papers.learning_rules.settings.bp import BPSettings
from papers.learning_rules.train import train_arrays
from replicortex.core.errors import StudyError
from replicortex.core.files import Tensors, read_tensors, write
from replicortex.core.randomness import torch_generator
from replicortex.training.loop import Run
from replicortex.training.state import OutOfTime, State

pytestmark = pytest.mark.numbers

RULES = ["bp", "fa", "pc", "stdp", "fa_all", "pc_supervised", "stdp_pair"]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(
    root: Path, rule: str = "bp", seeds: tuple = (42,), state: Any = None, **changes: Any
) -> dict:
    return train_arrays(
        BUILD[rules(root)[rule].kind],
        train=cifar(),
        test=cifar(40, seed=1),
        rule=rule,
        settings=rules(root)[rule],
        network=NETWORK,
        training=changed(TRAINING, **changes),
        device=CPU,
        seeds=list(seeds),
        state=state,
    )


def same(one: Tensors, other: Tensors) -> bool:
    return (
        one.metadata == other.metadata
        and one.arrays.keys() == other.arrays.keys()
        and all(torch.equal(one.arrays[name], other.arrays[name]) for name in one.arrays)
    )


@pytest.mark.parametrize("rule", RULES)
def test_packed_seeds_equal_separate_runs(root: Path, rule: str) -> None:
    packed = run(root, rule, seeds=(42, 123))
    for place, seed in enumerate((42, 123)):
        alone = run(root, rule, seeds=(seed,))
        assert same(packed["model"][place], alone["model"][0])
        pd.testing.assert_frame_equal(
            packed["history"][place], alone["history"][0], check_exact=True
        )
    assert not same(*packed["model"])


def test_same_seed_same_bytes_whatever_the_global_state(root: Path, tmp_path: Path) -> None:
    found = []
    for number in range(2):
        torch.manual_seed(number)
        np.random.seed(number)  # noqa: NPY002
        random.seed(number)
        out = run(root, "stdp")
        write(tmp_path / f"{number}.safetensors", out["model"][0])
        write(tmp_path / f"{number}.csv", out["history"][0])
        found.append([(tmp_path / f"{number}.{s}").read_bytes() for s in ("safetensors", "csv")])
    assert found[0] == found[1]


def test_measuring_more_often_changes_no_weight(root: Path) -> None:
    seldom = run(root, "bp", checkpoints=[0, 3], test_images=5)["model"][0]
    often = run(root, "bp", checkpoints=[0, 1, 2, 3], test_images=40)["model"][0]
    for name, tensor in seldom.arrays.items():
        assert torch.equal(tensor, often.arrays[name]), name


def test_format_of_the_model(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "seed42.safetensors", run(root, "pc")["model"][0])
    arrays, metadata = read_tensors(tmp_path / "seed42.safetensors")
    assert metadata["rule"] == "pc" and metadata["seed"] == 42
    assert metadata["checkpoints"] == [0, 1, 3]
    assert metadata["settings"] == rules(root)["pc"].model_dump()
    assert metadata["network"] == NETWORK.model_dump()
    assert metadata["normalisation"] == {"mean": TRAINING.mean, "sd": TRAINING.sd}
    names = {name.partition("/")[0] for name in arrays}
    assert names == {"epoch0", "epoch1", "epoch3", "filled"}
    assert arrays["epoch0/conv1.weight"].shape == (6, 3, 3, 3)
    assert arrays["epoch3/feedback3"].shape == (10, 8, 3, 3)
    assert {name for name in arrays if name.startswith("filled/")} == {
        f"filled/bn{n}.{part}"
        for n in (1, 2, 3)
        for part in ("running_mean", "running_var", "num_batches_tracked")
    }


def test_epoch_0_is_untrained_with_identity_statistics(root: Path) -> None:
    arrays = run(root, "bp")["model"][0].arrays
    net = Network(widths=[6, 8, 10], grid=4, hidden=16, seed=42, init="default")
    for name, value in net.state_dict().items():
        assert torch.equal(arrays[f"epoch0/{name}"], value)
    assert not arrays["epoch0/bn2.running_mean"].any()
    assert arrays["filled/bn2.running_mean"].abs().min() > 0
    assert arrays["filled/bn2.num_batches_tracked"] == 7


def test_rules_of_equal_initialisation_start_alike(root: Path) -> None:
    starts = {rule: run(root, rule, epochs=1, checkpoints=[0])["model"][0].arrays for rule in RULES}
    for rule in ("pc", "fa_all", "pc_supervised", "stdp_pair"):
        for layer in ("conv1", "conv2", "conv3", "fc1", "fc2"):
            key = f"epoch0/{layer}.weight"
            assert torch.equal(starts["bp"][key], starts[rule][key])
    assert torch.equal(starts["fa"]["epoch0/conv1.weight"], starts["stdp"]["epoch0/conv1.weight"])
    assert not torch.equal(starts["fa"]["epoch0/conv1.weight"], starts["bp"]["epoch0/conv1.weight"])


def test_history(root: Path) -> None:
    out = run(root, "bp", seeds=(5,))
    table, arrays = out["history"][0], out["model"][0].arrays
    assert list(table.columns) == [
        "rule",
        "seed",
        "epoch",
        "loss",
        "train_accuracy",
        "test_accuracy",
        "displacement_conv1",
        "displacement_conv2",
        "displacement_conv3",
        "displacement_fc1",
        "displacement_fc2",
        "relaxed",
    ]
    assert table["relaxed"].isna().all(), "backpropagation does not relax"
    assert table["epoch"].tolist() == [0, 1, 3]
    assert set(table["rule"]) == {"bp"} and set(table["seed"]) == {5}
    assert table.loc[0, ["loss", "train_accuracy"]].isna().all()
    assert table.loc[1:, "loss"].between(1, 4).all()
    for column in ("train_accuracy", "test_accuracy"):
        assert table.loc[1:, column].between(0, 1).all()
    for layer in ("conv1", "conv2", "conv3", "fc1", "fc2"):
        start, end = (arrays[f"epoch{e}/{layer}.weight"].double() for e in (0, 3))
        expected = ((end - start).norm() / start.norm()).item()
        assert table[f"displacement_{layer}"].iloc[-1] == pytest.approx(expected)
        assert table[f"displacement_{layer}"].iloc[0] == 0


def test_accuracy_is_that_of_the_kept_network(root: Path) -> None:
    out = run(root, "bp", epochs=12, checkpoints=[0, 12], seeds=(5,))
    arrays = out["model"][0].arrays
    net = Network(widths=[6, 8, 10], grid=4, hidden=16, seed=0, init="default")
    net.load_state_dict(
        {k.removeprefix("epoch12/"): v for k, v in arrays.items() if k.startswith("epoch12/")}
    )
    chosen = torch.randperm(40, generator=torch_generator(0, "test images"))[:30].numpy()
    images, labels = (part[chosen] for part in cifar(40, seed=1))
    mean, sd = np.array(TRAINING.mean), np.array(TRAINING.sd)
    pixels = ((images / 255 - mean) / sd).transpose(0, 3, 1, 2).astype(np.float32)
    found = net.eval()(torch.from_numpy(pixels)).argmax(1).numpy()
    expected = (found == labels).mean()
    assert expected > 0.3
    assert out["history"][0]["test_accuracy"].iloc[-1] == pytest.approx(expected)


def test_test_images_are_a_mixture_where_data_lie_class_by_class(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = cifar(400, seed=1)
    order = np.argsort(labels, kind="stable")
    seen = []

    def look(learner: Any, images: Any, labels: torch.Tensor, **_: Any) -> float:
        seen.append(labels)
        return 0.0

    monkeypatch.setattr(module, "test_accuracy", look)
    for rule, seed in (("bp", 1), ("pc", 2)):
        train_arrays(
            BUILD[rule],
            train=cifar(),
            test=(images[order], labels[order]),
            rule=rule,
            settings=rules(root)[rule],
            network=NETWORK,
            training=changed(TRAINING, epochs=1, checkpoints=[0], test_images=100),
            device=CPU,
            seeds=[seed],
        )
    assert len(seen[0]) == 100 and len(seen[0].unique()) == 10
    assert torch.equal(seen[0], seen[1])


def test_subset_fixed_or_per_seed(root: Path) -> None:
    def drawn(seed: int, how: str) -> torch.Tensor:
        training = changed(TRAINING, subset=how)
        setup = module.Setup(BUILD["bp"], rules(root)["bp"], NETWORK, training, CPU)
        return setup.batches(seed, cifar()).pixels

    assert torch.equal(drawn(1, "fixed"), drawn(2, "fixed"))
    assert torch.equal(drawn(1, "fixed"), drawn(42, "per_seed"))
    assert not torch.equal(drawn(1, "per_seed"), drawn(2, "per_seed"))


def test_every_setting_changes_the_result(root: Path) -> None:
    """No number of the configuration may be without effect."""
    for rule in RULES:
        settings = rules(root)[rule]
        usual = _end(root, rule, settings)
        for key, value in settings:
            if key in ("kind", "features"):
                continue
            other = {
                bool: lambda v: not v,
                str: lambda v: {
                    "default": "kaiming_normal",
                    "kaiming_normal": "default",
                    "coded": "stated",
                    "convs": "all",
                    "all": "convs",
                }[v],
                int: lambda v: v + 3,
                # Limits that seldom bind are made to bind.
                float: lambda v: v / 50,
            }[type(value)](value)
            assert _end(root, rule, changed(settings, **{key: other})) != usual, (rule, key)


def _end(root: Path, rule: str, settings: Any) -> list:
    out = train_arrays(
        BUILD[settings.kind],
        train=cifar(),
        test=cifar(40, seed=1),
        rule=rule,
        settings=settings,
        network=NETWORK,
        training=changed(TRAINING, epochs=2, checkpoints=[0, 2]),
        device=CPU,
        seeds=[3],
    )
    arrays = out["model"][0].arrays
    return [arrays[key].sum().item() for key in arrays if key.startswith("epoch2/")]


# Resuming


class Interrupted(State):
    """A state that saves and stops after a given number of looks at the clock."""

    def __init__(self, folder: Path, looks: int, *, kill: bool, every: int = 1) -> None:
        super().__init__(folder)
        self.looks, self.kill, self.every = looks, kill, every

    def out_of_time(self) -> bool:
        self.looks -= 1
        if self.looks == 0 and self.kill:
            raise KeyboardInterrupt
        return self.looks == 0

    def due(self) -> bool:
        return self.looks % self.every == 0


@pytest.mark.parametrize("rule", RULES)
def test_resumed_equals_uninterrupted(root: Path, tmp_path: Path, rule: str) -> None:
    expected = run(root, rule, seeds=(42, 123))
    random_ = random.Random(rule)
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        stops = 0
        for kill in (False, True, False):
            try:
                state = Interrupted(
                    folder, random_.randint(1, 12), kill=kill, every=random_.randint(1, 5)
                )
                run(root, rule, seeds=(42, 123), state=state)
            except (OutOfTime, KeyboardInterrupt):
                stops += 1
        assert stops
        found = run(root, rule, seeds=(42, 123), state=State(folder))
        for place in range(2):
            assert same(found["model"][place], expected["model"][place])
            pd.testing.assert_frame_equal(
                found["history"][place], expected["history"][place], check_exact=True
            )


def test_a_finished_seed_is_reloaded(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(root, seeds=(42,), state=State(tmp_path))

    def no_step(*_: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("papers.learning_rules.learners.bp.Gradient.step", no_step)
    again = run(root, seeds=(42,), state=State(tmp_path))
    assert same(first["model"][0], again["model"][0])


def test_damaged_newest_state_resumes_from_the_one_before(root: Path, tmp_path: Path) -> None:
    expected = run(root)
    with pytest.raises(OutOfTime):
        run(root, state=Interrupted(tmp_path, 9, kill=False))
    (newest,) = tmp_path.glob("*.state")
    raw = bytearray(newest.read_bytes())
    raw[-100] ^= 4
    newest.write_bytes(raw)
    with pytest.warns(UserWarning, match="damaged"):
        found = run(root, state=State(tmp_path))
    assert same(found["model"][0], expected["model"][0])


# Errors


def test_the_training_of_a_kind_takes_the_settings_of_that_kind_alone(root: Path) -> None:
    for settings in rules(root).values():
        job = import_module(f"papers.learning_rules.trainings.{settings.kind}").train
        kind, build = job.args
        assert kind is type(settings) and build is BUILD[settings.kind]
        with pytest.raises(ValueError, match="hebb"):
            kind.model_validate(settings.model_dump() | {"hebb": 1})


def test_gpu_asked_for_and_absent_is_said_before_data_are_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def unread(*_: Any) -> None:
        raise AssertionError("data were read")

    monkeypatch.setattr(module.cifar, "read", unread)
    with pytest.raises(StudyError, match="device: 'cuda' was asked for"):
        module.train(
            BPSettings,
            BUILD["bp"],
            images=Path("nowhere.json"),
            rule="bp",
            settings=rules(root)["bp"].model_dump(),
            network=NETWORK,
            training=TRAINING,
            device="cuda",
            seeds=[1],
        )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": 500}, r"training\.images: 500 .* 120 training images"),
        ({"test_images": 500}, r"training\.test_images: 500 .* 40 test images"),
    ],
)
def test_too_many_images(root: Path, changes: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        run(root, **changes)


def test_what_takes_seconds_to_import_stays_out(root: Path) -> None:
    code = (
        "import sys, torch; import papers.learning_rules.train, papers.learning_rules.activations;"
        "from papers.learning_rules.learners import bp, fa;"
        "from papers.learning_rules.settings.bp import BPSettings;"
        "from papers.learning_rules.settings.network import NetworkSettings;"
        "net = NetworkSettings(widths=[2, 2, 2], grid=4, hidden=4, dropout=0.3);"
        "how = {'lr': 0.1, 'weight_decay': 0.1, 'clip': 1.0, 'second_pass': True, 'relu_first': False};"
        "how = BPSettings(kind='bp', init='default', dropout=True, **how);"
        "make = bp.build(1, net, how, 1, torch.device('cpu'));"
        "make.step(torch.zeros(4, 3, 32, 32), torch.zeros(4, dtype=int), lambda _: torch.Generator());"
        "slow = ('torchvision', 'matplotlib', 'seaborn', 'sklearn', 'torch._dynamo', 'sympy');"
        "print([name for name in slow if name in sys.modules])"
    )
    assert said(root, code) == "[]"


@pytest.mark.gpu
def test_training_repeats_itself_on_a_gpu(root: Path) -> None:
    from replicortex.training import device as devices

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    arguments = {
        "train": cifar(),
        "test": cifar(40, seed=1),
        "network": NETWORK,
        "training": TRAINING,
        "device": devices.choose("cuda"),
    }
    for rule in RULES:
        settings = rules(root)[rule]
        build = BUILD[settings.kind]
        first = train_arrays(build, rule=rule, settings=settings, seeds=[1, 2], **arguments)
        again = train_arrays(build, rule=rule, settings=settings, seeds=[2], **arguments)
        assert same(first["model"][1], again["model"][0]), rule


def test_run_is_what_the_loop_wants(root: Path) -> None:
    setup = module.Setup(BUILD["bp"], rules(root)["bp"], NETWORK, TRAINING, CPU)
    tested = tuple(map(torch.from_numpy, cifar(10)))
    made = module._make(setup, 1, "bp_seed_1", cifar(), tested)
    assert isinstance(made, Run) and made.name == "bp_seed_1"
