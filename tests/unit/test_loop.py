"""The training loop with a learner that counts."""

from pathlib import Path
from typing import Any

import pytest
import torch

from replicortex.core.errors import StudyError
from replicortex.training import device as devices
from replicortex.training.augment import Batches
from replicortex.training.finite import Watch
from replicortex.training.loop import Run, fit
from replicortex.training.state import OutOfTime, State

pytestmark = pytest.mark.numbers


class Counter:
    """Adds up what it sees; its draws come from the step's streams."""

    def __init__(self) -> None:
        self.network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(self.network.weight)
        self.epochs = 0
        self.seen: list[list[int]] = []
        self.draws: list[float] = []

    def step(self, images: torch.Tensor, labels: torch.Tensor, streams: Any) -> dict:
        self.seen.append(labels.tolist())
        self.draws.append(float(torch.rand((), generator=streams("noise"))))
        with torch.no_grad():
            self.network.weight += 1
        return {"loss": self.network.weight.detach().squeeze().clone()}

    def end_epoch(self) -> None:
        self.epochs += 1

    def state_dict(self) -> dict:
        return {"network": self.network.state_dict(), "epochs": self.epochs}

    def load_state_dict(self, state: dict) -> None:
        self.network.load_state_dict(state["network"])
        self.epochs = state["epochs"]


def make(seed: int = 1, measured: list | None = None) -> tuple[Counter, Run]:
    learner = Counter()
    batches = Batches(
        torch.zeros(10, 4, 4, 3, dtype=torch.uint8),
        torch.arange(10),
        batch=3,
        seed=seed,
        padding=1,
        flip=True,
        mean=[0.5] * 3,
        sd=[0.2] * 3,
        device=torch.device("cpu"),
    )

    def measure(epoch: int) -> dict[str, float]:
        if measured is not None:
            measured.append(epoch)
        return {"steps": float(learner.network.weight.detach())}

    return learner, Run(f"seed{seed}", seed, learner, batches, measure)


def test_means_checkpoints_and_measures() -> None:
    measured: list[int] = []
    learner, run = make(measured=measured)
    (done,) = fit([lambda: run], epochs=4, checkpoints=[0, 1, 4], precision="fp32")
    assert measured == [0, 1, 4]
    assert learner.epochs == 4 and len(learner.seen) == 12
    assert done.rows == [
        {"epoch": 0, "steps": 0.0},
        {"epoch": 1, "loss": 2.0, "steps": 3.0},
        {"epoch": 4, "loss": 11.0, "steps": 12.0},
    ]
    kept = {epoch: float(tensors["weight"]) for epoch, tensors in done.checkpoints.items()}
    assert kept == {0: 0.0, 1: 3.0, 4: 12.0}


def test_draws_are_new_in_every_step_and_order_in_every_epoch() -> None:
    learner, run = make()
    fit([lambda: run], epochs=3, checkpoints=[3], precision="fp32")
    assert len(set(learner.draws)) == 9
    assert learner.seen[0:3] != learner.seen[3:6]
    again, run = make()
    fit([lambda: run], epochs=3, checkpoints=[3], precision="fp32")
    assert learner.seen == again.seen and learner.draws == again.draws
    other, run = make(seed=2)
    fit([lambda: run], epochs=3, checkpoints=[3], precision="fp32")
    assert learner.seen != other.seen and not set(learner.draws) & set(other.draws)


@pytest.mark.parametrize("stop", range(1, 9))
def test_stopped_anywhere_it_sees_every_batch_once(tmp_path: Path, stop: int) -> None:
    class Late(State):
        looks = 0

        def out_of_time(self) -> bool:
            self.looks += 1
            return self.looks == stop

    whole, run = make()
    (expected,) = fit([lambda: run], epochs=3, checkpoints=[0, 2, 3], precision="fp32")
    first, run_1 = make()
    second, run_2 = make()
    with pytest.raises(OutOfTime, match="seed1: stopped"):
        fit(
            [lambda: run_1], epochs=3, checkpoints=[0, 2, 3], precision="fp32", state=Late(tmp_path)
        )
    assert not (tmp_path / "owner.json").exists()
    (found,) = fit(
        [lambda: run_2], epochs=3, checkpoints=[0, 2, 3], precision="fp32", state=State(tmp_path)
    )
    assert first.seen + second.seen == whole.seen
    assert first.draws + second.draws == whole.draws
    assert found.rows == expected.rows
    assert second.epochs == whole.epochs


def test_progress_wraps_the_epochs() -> None:
    told = []

    def progress(items: Any, desc: str = "", total: int | None = None) -> Any:
        told.append((desc, total, len(items)))
        return items

    _, run = make()
    fit([lambda: run], epochs=3, checkpoints=[3], precision="fp32", progress=progress)
    assert told == [("seed1", 3, 3)]


def test_bf16_computes_in_bf16() -> None:
    with devices.precision(torch.device("cpu"), "bf16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with devices.precision(torch.device("cpu"), "fp32"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_unknown_words() -> None:
    with pytest.raises(StudyError, match=r"precision: 'fp16' is unknown"):
        devices.precision(torch.device("cpu"), "fp16")
    with pytest.raises(StudyError, match=r"device: 'tpu' is unknown"):
        devices.choose("tpu")


def test_a_run_stops_where_it_says_and_stays_stopped_when_resumed(tmp_path: Path) -> None:
    means = []

    def once() -> tuple[Counter, Run]:
        learner, run = make()
        run.ended = lambda epoch, terms: means.append(terms["loss"]) or epoch == 2
        return learner, run

    (trained,) = fit(
        [lambda: once()[1]], epochs=5, checkpoints=[0], precision="fp32", state=State(tmp_path)
    )
    assert sorted(trained.checkpoints) == [0, 2]
    # Three batches an epoch; the loss counts steps: means of 1 to 3 and 4 to 6.
    assert means == [2.0, 5.0]
    (again,) = fit(
        [lambda: once()[1]], epochs=5, checkpoints=[0], precision="fp32", state=State(tmp_path)
    )
    assert sorted(again.checkpoints) == [0, 2] and means == [2.0, 5.0]


class Diverging(Counter):
    """Its loss, or its weights alone, are no numbers from one step on."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__()
        self.bad, self.what = step, what

    def step(self, images: torch.Tensor, labels: torch.Tensor, streams: Any) -> dict:
        terms = super().step(images, labels, streams)
        if len(self.seen) - 1 == self.bad:
            if self.what == "weights":
                self.network.weight.data.fill_(float("nan"))
            elif self.what == "refuses":
                raise StudyError("too large")
            else:
                terms["loss"] = torch.tensor(float("inf"))
        return {"sure": torch.tensor(1.0), **terms}


@pytest.mark.parametrize("every", [1, 2, 50])
@pytest.mark.parametrize(("step", "place"), [(0, "1, step 1"), (4, "2, step 2"), (8, "3, step 3")])
def test_a_loss_that_is_no_number_stops_the_training(tmp_path, monkeypatch, step, place, every):
    _, run = make()
    run.learner = Diverging(step, "loss")

    class Sometimes(Watch):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.every = every  # as on a GPU

    monkeypatch.setattr("replicortex.training.loop.Watch", Sometimes)
    state = State(tmp_path, every_s=0)
    with pytest.raises(StudyError, match=rf"^seed1, seed 1: epoch {place}: loss is inf;"):
        fit([lambda: run], epochs=3, checkpoints=[0], precision="fp32", state=state)
    assert len(run.learner.seen) <= step + every
    kept = state.load("seed1")
    done = 0 if kept is None else 3 * kept["epoch"] + kept["step"]
    assert done == step
    assert all(torch.isfinite(total) for total in (kept or {"sums": {}})["sums"].values())


@pytest.mark.parametrize("step", [1, 2, 5])
def test_weights_that_are_no_numbers_are_never_kept(tmp_path, step):
    _, run = make()
    run.learner = Diverging(step, "weights")
    state = State(tmp_path, every_s=0)
    place = rf"epoch {step // 3 + 1}, step {step % 3 + 1}: "
    with pytest.raises(
        StudyError, match=rf"^seed1, seed 1: {place}.*('weight' of the network|nan)"
    ):
        fit([lambda: run], epochs=2, checkpoints=[0, 1, 2], precision="fp32", state=state)
    kept = state.load("seed1")
    assert 3 * kept["epoch"] + kept["step"] == step
    assert torch.isfinite(kept["learner"]["network"]["weight"]).all()


def test_a_step_that_refuses_is_told_with_its_place() -> None:
    _, run = make()
    run.learner = Diverging(4, "refuses")
    with pytest.raises(StudyError, match=r"^seed1, seed 1: epoch 2, step 2: too large$"):
        fit([lambda: run], epochs=2, checkpoints=[0], precision="fp32")
