"""Training states: checksum, the state before, ownership, time."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from replicortex.errors import StudyError
from replicortex.training.state import OutOfTime, State, _machine, _start_of


def content(value: float) -> dict:
    return {"weights": {"a": torch.full((3,), value)}, "rows": [{"epoch": 1, "loss": value}]}


def owner(folder: Path, **changes: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    who = {
        "token": "other",
        "host": _machine(),
        "pid": os.getpid(),
        "started": _start_of(os.getpid()),
        "slurm_job": "",
    }
    (folder / "owner.json").write_text(json.dumps(who | changes))


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        assert state.load("run") is None
        state.save("run", content(1.5))
        state.save("run", content(2.5))
        found = state.load("run")
    assert torch.equal(found["weights"]["a"], torch.full((3,), 2.5))
    assert found["rows"] == [{"epoch": 1, "loss": 2.5}]
    assert not (tmp_path / "owner.json").exists()


@pytest.mark.parametrize("how", ["flip", "cut", "empty"])
def test_a_damaged_state_is_named_and_the_one_before_used(tmp_path: Path, how: str) -> None:
    with State(tmp_path) as state:
        state.save("run", content(1))
        state.save("run", content(2))
        raw = bytearray(state.path("run").read_bytes())
        if how == "flip":
            raw[len(raw) // 2] ^= 1
        state.path("run").write_bytes({"flip": raw, "cut": raw[:200], "empty": b""}[how])
        with pytest.warns(UserWarning, match=r"run\.state: the saved state is damaged"):
            found = state.load("run")
    assert found["rows"][0]["loss"] == 1


def test_both_damaged_starts_anew(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        for value in (1, 2):
            state.save("run", content(value))
        for path in tmp_path.glob("run.*"):
            path.write_bytes(b"x")
        with pytest.warns(UserWarning, match="damaged"):
            assert state.load("run") is None


def test_killed_between_two_renames_the_one_before_is_used(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        state.save("run", content(1))
        state.path("run").rename(tmp_path / "run.previous")
        assert state.load("run")["rows"][0]["loss"] == 1


def test_second_copy_waits_for_a_live_owner(tmp_path: Path) -> None:
    order = []

    def second() -> None:
        with State(tmp_path, poll_s=0.02):
            order.append("second")

    with State(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_waiting_ends_at_the_deadline(tmp_path: Path) -> None:
    owner(tmp_path)
    with (
        pytest.raises(OutOfTime, match="another process"),
        State(tmp_path, deadline=time.time() + 0.1, poll_s=0.02),
    ):
        pass
    assert json.loads((tmp_path / "owner.json").read_text())["token"] == "other"


def test_takes_over_from_a_dead_process(tmp_path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    owner(tmp_path, pid=int(child.stdout), started="1.0")
    with State(tmp_path) as state:
        state.save("run", content(1))


def test_a_reused_process_number_is_not_the_owner(tmp_path: Path) -> None:
    owner(tmp_path, started="12345.0")
    with State(tmp_path, deadline=time.time() + 1, poll_s=0.02):
        pass


@pytest.mark.parametrize(("age_s", "alive"), [(1, True), (500, False)])
def test_other_machine_lives_by_its_heartbeat(tmp_path: Path, age_s: float, alive: bool) -> None:
    owner(tmp_path, host="elsewhere")
    os.utime(tmp_path / "owner.json", (time.time() - age_s,) * 2)
    state = State(tmp_path, deadline=time.time() + 0.2, poll_s=0.02)
    if alive:
        with pytest.raises(OutOfTime), state:
            pass
    else:
        with state:
            pass


def test_heartbeat_beats(tmp_path: Path) -> None:
    with State(tmp_path, stale_s=0.2) as state:
        os.utime(state.lock, (0, 0))
        time.sleep(0.3)
        assert time.time() - state.lock.stat().st_mtime < 5


def test_who_was_taken_over_writes_nothing(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        state.save("run", content(1))
        owner(tmp_path)
        with pytest.raises(StudyError, match="taken over"):
            state.save("run", content(2))
        assert state.load("run")["rows"][0]["loss"] == 1
    # Leaving does not remove somebody else's lock.
    assert (tmp_path / "owner.json").exists()


def test_only_one_of_many_takes_over(tmp_path: Path) -> None:
    owner(tmp_path, started="1.0")
    inside, most = [], []

    def claim() -> None:
        with State(tmp_path, poll_s=0.005):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1] * 8


def test_due_and_deadline(tmp_path: Path) -> None:
    with State(tmp_path, every_s=0.05, deadline=time.time() + 0.1) as state:
        assert not state.due() and not state.out_of_time()
        time.sleep(0.12)
        assert state.due() and state.out_of_time()
        state.save("run", content(1))
        assert not state.due()
    assert not State(tmp_path).out_of_time()


def test_who_came_first_keeps_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process takes over between our look at a dead owner and our burying it."""
    owner(tmp_path, started="1.0")

    def overtaken(*_: object) -> bool:
        owner(tmp_path, token="faster")
        return False

    monkeypatch.setattr("replicortex.training.state._alive", overtaken)
    State(tmp_path)._bury_dead()
    assert json.loads((tmp_path / "owner.json").read_text())["token"] == "faster"
    assert [path.name for path in tmp_path.iterdir()] == ["owner.json"]
