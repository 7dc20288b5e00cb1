"""Training states: checksum, the state before, ownership, time."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from replicortex.core.errors import StudyError
from replicortex.training import state as state_module
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


@pytest.mark.parametrize("alive", [True, False])
def test_another_machine_lives_as_long_as_its_heartbeat_moves(tmp_path: Path, alive: bool) -> None:
    """What the clocks of both machines say does not count: the lock may be of any age."""
    owner(tmp_path, host="elsewhere")
    os.utime(tmp_path / "owner.json", (0, 0) if alive else (2**33, 2**33))
    (tmp_path / ".beat.other").write_text("7")
    done = threading.Event()

    def beat() -> None:
        for count in range(8, 100):
            if done.wait(0.05):
                return
            (tmp_path / ".beat.other").write_text(str(count))

    beating = threading.Thread(target=beat)
    if alive:
        beating.start()
    state = State(tmp_path, deadline=time.time() + 1, stale_s=0.4, poll_s=0.02)
    started = time.monotonic()
    if alive:
        with pytest.raises(OutOfTime), state:
            pass
        done.set()
        beating.join()
    else:
        with state:
            assert time.monotonic() - started >= 0.4
            assert not (tmp_path / ".beat.other").exists()
    assert alive == (tmp_path / "owner.json").exists()


def test_heartbeat_counts_and_goes_with_its_owner(tmp_path: Path) -> None:
    with State(tmp_path, stale_s=0.2) as state:
        beat = tmp_path / f".beat.{json.loads(state.lock.read_text())['token']}"
        time.sleep(0.3)
        first = int(beat.read_text())
        time.sleep(0.2)
        assert int(beat.read_text()) > first > 0
    assert not beat.exists()


def test_who_was_taken_over_beats_no_more(tmp_path: Path) -> None:
    with State(tmp_path, stale_s=0.2) as state:
        beat = tmp_path / f".beat.{json.loads(state.lock.read_text())['token']}"
        owner(tmp_path)
        time.sleep(0.1)
        beat.unlink(missing_ok=True)
        time.sleep(0.2)
        assert not beat.exists()


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

    monkeypatch.setattr(state_module, "_alive", overtaken)
    State(tmp_path)._bury_dead()
    assert json.loads((tmp_path / "owner.json").read_text())["token"] == "faster"
    assert [path.name for path in tmp_path.iterdir()] == ["owner.json"]


CLAIMANT = """
import os, sys, time
from pathlib import Path
step = float(sys.argv[2])
if step:
    import psutil
    clock, linux = time.time, getattr(psutil, "_pslinux", None)
    time.time = lambda: clock() + step
    if linux:
        boot = linux.boot_time()
        linux.BOOT_TIME = boot + step
        linux.boot_time = lambda: boot + step
from replicortex.training.state import OutOfTime, State
try:
    with State(Path(sys.argv[1]), deadline=time.time() + 0.5, poll_s=0.05):
        print("took over")
except OutOfTime:
    print("waited")
"""
# A step of the clock shows in /proc/stat as another time of the boot.
STEPPED = """
awk -v step={step} '$1 == "btime" {{ $2 += step }} 1' /proc/stat > {folder}/stat
mount --bind {folder}/stat /proc/stat
exec {python} -c "$CLAIMANT" {folder}/state 0
"""


def _private_mounts() -> list[str]:
    """Return how this user may mount in private, or nothing where that is not allowed."""
    for words in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        with suppress(OSError):
            asked = subprocess.run([*words, "mount", "--bind", "/proc/stat", "/proc/stat"])
            if asked.returncode == 0:
                return words
    return []


@pytest.mark.parametrize("how", ["mounted", "told"])
@pytest.mark.parametrize("step", [3, -3600])
def test_after_a_clock_step_a_live_owner_stays_the_owner(
    root: Path, tmp_path: Path, step: int, how: str
) -> None:
    """Another process, for which the clock has stepped, looks at the lock of this one."""
    mounts = _private_mounts() if how == "mounted" else []
    if mounts:
        script = STEPPED.format(step=step, folder=tmp_path, python=sys.executable)
        command = [*mounts, "bash", "-ec", script]
    else:  # the processes of users that may not mount are told another time
        command = [sys.executable, "-c", CLAIMANT, str(tmp_path / "state"), str(step)]
    with State(tmp_path / "state") as state:
        done = subprocess.run(
            command,
            env=os.environ | {"CLAIMANT": CLAIMANT, "PYTHONPATH": str(root / "workflow")},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout.strip() == "waited", done.stdout + done.stderr
        state.save("run", content(1))


def test_a_clock_step_moves_no_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = time.time
    state = State(tmp_path, deadline=clock() + 0.3)
    for step in (10_000, -10_000):
        monkeypatch.setattr(time, "time", lambda step=step: clock() + step)
        assert not state.out_of_time()
    time.sleep(0.3)
    assert state.out_of_time()


def test_the_start_is_what_the_kernel_counts_since_boot() -> None:
    """Field 22, whatever the name of the process: here `sleep) S (`."""
    if not Path("/proc/self/stat").exists():
        assert float(_start_of(os.getpid())) > 0
        return
    code = """
import ctypes, sys
ctypes.CDLL(None).prctl(15, b"a) S (1 2", 0, 0, 0)
print(open("/proc/self/stat").read(), flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as child:
        line = child.stdout.readline()
        assert "(a) S (1 2)" in line
        since_boot_s = int(_start_of(child.pid)) / os.sysconf("SC_CLK_TCK")
        assert 0 <= time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot_s < 30
        assert _start_of(child.pid) != _start_of(os.getpid())
        child.stdin.close()
        for _ in range(500):  # ended, and not yet collected: a zombie
            if _start_of(child.pid) == "":
                break
            time.sleep(0.01)
        assert child.returncode is None and _start_of(child.pid) == ""
    assert _start_of(child.pid) == ""


def test_an_owner_that_proc_hides_lives_by_its_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner(tmp_path, pid=2**22 + 1)  # no such number on Linux

    def of_another_user(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", of_another_user)
    state = State(tmp_path, deadline=time.time() + 0.3, stale_s=60, poll_s=0.02)
    with pytest.raises(OutOfTime), state:
        pass


DAMAGED = {
    "empty": b"",
    "cut": b'{"host": "a", "pi',
    "binary": bytes(range(128, 256)),
    "a list": b"[1]",
    "without token": b'{"host": "a", "pid": 1, "started": "1"}',
    "null": b"null",
    "pid no number": b'{"host": "a", "pid": "x", "started": "1", "token": "t"}',
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_lock_that_names_nobody_is_told_with_the_remedy(tmp_path: Path, how: str) -> None:
    (tmp_path / "owner.json").write_bytes(DAMAGED[how])
    with pytest.raises(StudyError, match=r"owner\.json: \d+ bytes .*delete this file"):
        State(tmp_path).__enter__()
    assert [path.name for path in tmp_path.iterdir() if path.name != ".claim"] == ["owner.json"]
    (tmp_path / "owner.json").unlink()
    with State(tmp_path) as state:
        state.save("run", content(1))


def test_a_lock_that_is_emptied_or_deleted_meanwhile_is_told(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        state.lock.write_bytes(b"")
        with pytest.raises(StudyError, match=r"names? no owner .*delete this file"):
            state.save("run", content(1))
        state.lock.unlink()
        with pytest.raises(StudyError, match="was deleted while this training held it"):
            state.save("run", content(1))


def test_without_hard_links_one_of_many_owns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    test_only_one_of_many_takes_over(tmp_path)
    test_second_copy_waits_for_a_live_owner(tmp_path / "second")


def test_a_lock_that_is_just_being_written_is_waited_for(tmp_path: Path) -> None:
    owner(tmp_path)
    content = (tmp_path / "owner.json").read_bytes()
    (tmp_path / "owner.json").write_bytes(b"")
    writer = threading.Timer(0.1, (tmp_path / "owner.json").write_bytes, [content])
    writer.start()
    state = State(tmp_path, deadline=time.time() + 0.5, poll_s=0.02)
    with pytest.raises(OutOfTime), state:
        pass
    writer.join()


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="no namespaces on this system")
def test_a_machine_is_a_boot_and_its_namespaces() -> None:
    """In another one, the same process has another number or another start."""
    machine = _machine()
    assert Path("/proc/sys/kernel/random/boot_id").read_text().strip() in machine
    for path in Path("/proc/self/ns").glob("[pt]i[dm]*"):
        assert path.name.endswith("children") or str(path.readlink()) in machine
    who = {"pid": os.getpid(), "started": _start_of(os.getpid())}
    assert state_module._alive(who | {"host": machine}) is True
    assert state_module._alive(who | {"host": f"{machine} and another"}) is None
    assert state_module._alive(who | {"host": machine, "started": "1"}) is False


def test_one_claims_while_another_process_looks(tmp_path: Path) -> None:
    with (tmp_path / ".claim").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        state = State(tmp_path)
        waits = threading.Thread(target=state.__enter__, daemon=True)
        waits.start()
        waits.join(timeout=0.3)
        assert waits.is_alive() and not state.lock.exists()
    waits.join(timeout=30)
    assert json.loads(state.lock.read_text())["pid"] == os.getpid()
    state.__exit__()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_folder_without_locks_is_claimed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with State(tmp_path) as state:
        assert json.loads(state.lock.read_text())["pid"] == os.getpid()
