"""Whole training states on disk: atomic, checked, owned by one process, resumable.

Nothing here relies on signals. A training asks `due` and `out_of_time` between its steps. Nor does
anything rely on the time of day, which steps (time servers, resumed laptops and virtual machines): an
owner on this machine is known by its boot and by its start in ticks since boot, one on another machine
by a heartbeat that it counts up, and that is watched on the watcher's own clock.
"""

from __future__ import annotations

import errno
import io
import json
import os
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from replicortex.core.digests import sha256
from replicortex.core.errors import StudyError
from replicortex.core.files import write_bytes

STALE_S = 120.0
BEAT_S = 15.0


class OutOfTime(Exception):
    """The job's time nears its end; all states are saved, and a second start will resume."""


class State:
    """A folder of training states, one per name, held by one process at a time.

    Use it as a context: entering waits for a live owner and takes over from a dead one.

    Parameters
    ----------
    folder
        Where the states lie; made when absent.
    every_s
        Seconds between two saves.
    deadline
        Moment (as `time.time()` counts now) at which the training is to stop; None for never. How far
        away it is, is noted here, and later steps of the clock do not move it. Whoever sets it leaves
        time for one step and one save before the real limit.
    stale_s
        Seconds for which the heartbeat of an owner on another machine has to stand still before the
        owner counts as dead, by the clock of whoever waits.
    poll_s
        Seconds between two looks at a live owner.
    """

    def __init__(
        self,
        folder: Path,
        every_s: float = 300,
        deadline: float | None = None,
        *,
        stale_s: float = STALE_S,
        poll_s: float = 2.0,
    ) -> None:
        self.folder = Path(folder)
        self.every_s, self.deadline = every_s, deadline
        self._end = None if deadline is None else time.monotonic() + (deadline - time.time())
        self.stale_s, self.poll_s = stale_s, poll_s
        self._saved = time.monotonic()
        self._token = ""
        self._stop = threading.Event()
        self._beat: threading.Thread | None = None
        self._seen: tuple[str, bytes, float] | None = None  # another's token, its beat, since when

    # Ownership

    @property
    def lock(self) -> Path:
        """The file that names the owner; its heartbeat is counted in a file beside it."""
        return self.folder / "owner.json"

    def _heartbeat(self, token: str) -> Path:
        """Return the file in which an owner counts: a number as text, known by its token alone."""
        return self.folder / f".beat.{token}"

    def __enter__(self) -> State:
        """Become the owner, once a live one has gone.

        Raises
        ------
        OutOfTime
            When the deadline comes first.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        while not self._claim():
            if self.out_of_time():
                raise OutOfTime(f"{self.folder}: another process still trains here")
            time.sleep(self.poll_s)
        self._stop.clear()
        self._beat = threading.Thread(target=self._keep_alive, daemon=True)
        self._beat.start()
        self._saved = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._beat is not None:
            self._beat.join()
        if not self._lost():
            self.lock.unlink(missing_ok=True)
        self._heartbeat(self._token).unlink(missing_ok=True)
        self._token = ""

    def _claim(self) -> bool:
        """Become the owner if there is none, or none alive."""
        token = uuid.uuid4().hex
        me = {
            "token": token,
            "host": _machine(),
            "pid": os.getpid(),
            "started": _start_of(os.getpid()),
            "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
        }
        # Written aside, then linked: the lock appears whole or not at all, for one claimant only.
        aside = self.folder / f".owner.{token}"
        write_bytes(aside, json.dumps(me, sort_keys=True).encode())
        try:
            with self._locked_scratch():
                self._bury_dead()
                _appear(aside, self.lock)
        except FileExistsError:
            return False
        finally:
            aside.unlink(missing_ok=True)
        self._token = token
        return True

    @contextmanager
    def _locked_scratch(self) -> Iterator[None]:
        """Let one claimant at a time look and take over; the system ends it with its process."""
        # A lock of another kind would outlive a claimant that was killed.
        # Imported late: a training without a state needs torch and NumPy alone (benchmarks/gpu.py).
        from filelock import FileLock

        lock = FileLock(self.folder / ".claim", poll_interval=0.01, fallback_to_soft=False)
        try:
            # Without such locks (some cluster file systems) `_bury_dead` still notices a rival.
            with suppress(OSError):
                lock.acquire()
            yield
        finally:
            lock.release()

    def _bury_dead(self) -> None:
        """Remove the lock of an owner that no longer lives."""
        try:
            found, owner = self._owner()
        except FileNotFoundError:
            return
        alive = _alive(owner)
        if self._beats(owner["token"]) if alive is None else alive:
            return
        grave = self.folder / f".dead.{uuid.uuid4().hex}"
        try:
            self.lock.rename(grave)
        except FileNotFoundError:
            return
        # Somebody else may have taken over between the look and the rename: give it back.
        if grave.read_bytes() != found:
            with suppress(FileExistsError):
                _appear(grave, self.lock)
        else:
            self._heartbeat(owner["token"]).unlink(missing_ok=True)
        grave.unlink(missing_ok=True)

    def _owner(self) -> tuple[bytes, dict[str, Any]]:
        """Return the lock's bytes and the owner that they name.

        Raises
        ------
        FileNotFoundError
            When there is none.
        StudyError
            When it names nobody.
        """
        for again in (True, False):
            found = self.lock.read_bytes()
            with suppress(ValueError, KeyError, TypeError):
                owner = json.loads(found)
                return found, {
                    "token": str(owner["token"]),
                    "host": str(owner["host"]),
                    "pid": int(owner["pid"]),
                    "started": str(owner["started"]),
                }
            if again:  # without hard links a lock is empty for a moment
                time.sleep(0.2)
        raise StudyError(self._of_nobody())

    def _of_nobody(self) -> str:
        return (
            f"{self.lock}: {self.lock.stat().st_size} bytes found that name no owner of this training "
            "(emptied or damaged); when no process trains here any more, delete this file and start again"
        )

    def _beats(self, token: str) -> bool:
        """Whether an owner's heartbeat has moved within the last `stale_s` seconds that we watched."""
        try:
            beat = self._heartbeat(token).read_bytes()
        except OSError:
            beat = b""
        now = time.monotonic()
        if self._seen is None or self._seen[:2] != (token, beat):
            self._seen = token, beat, now
        return now - self._seen[2] < self.stale_s

    def _lost(self) -> str:
        """Return why the folder is no longer this process's own; "" while it is."""
        try:
            token = self._owner()[1]["token"]
        except FileNotFoundError:
            return f"{self.lock}: was deleted while this training held it; it stops, start it again"
        except StudyError:
            return self._of_nobody()
        if token == self._token:
            return ""
        return f"{self.lock}: this training was taken over by another process; this one stops"

    def _keep_alive(self) -> None:
        beat = 0
        while not self._stop.wait(min(BEAT_S, self.stale_s / 4)):
            beat += 1
            # `save` reports a lost lock and a full disk; a beat cannot.
            with suppress(OSError):
                if not self._lost():
                    self._heartbeat(self._token).write_text(str(beat))

    # Time

    def due(self) -> bool:
        """Say whether it is time to save."""
        return time.monotonic() - self._saved >= self.every_s

    def out_of_time(self) -> bool:
        """Say whether the deadline has come."""
        return self._end is not None and time.monotonic() >= self._end

    # States

    def path(self, name: str) -> Path:
        """Return where the newest state of that name lies."""
        return self.folder / f"{name}.state"

    def save(self, name: str, content: dict[str, Any]) -> None:
        """Save a state (nested mappings and lists of tensors and plain values); keep the one before.

        Raises
        ------
        StudyError
            When another process has taken the folder over meanwhile, or the lock is gone or damaged.
        """
        import torch

        if lost := self._lost():
            raise StudyError(lost)
        stream = io.BytesIO()
        torch.save(content, stream)
        payload = stream.getvalue()
        newest = self.path(name)
        if newest.exists():
            newest.replace(newest.with_suffix(".previous"))
        write_bytes(newest, sha256(payload).encode() + b"\n" + payload)
        self._saved = time.monotonic()

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the newest whole state of that name, on the CPU; None when there is none.

        A file that does not match its checksum is named in a warning, and the one before is used.
        """
        import torch

        newest = self.path(name)
        for path in (newest, newest.with_suffix(".previous")):
            if not path.exists():
                continue
            digest, _, payload = path.read_bytes().partition(b"\n")
            if sha256(payload).encode() != digest:
                warnings.warn(
                    f"{path}: the saved state is damaged (checksum differs) and is not used; "
                    "training resumes from an older state or from the start",
                    stacklevel=2,
                )
                continue
            saved: dict[str, Any] = torch.load(
                io.BytesIO(payload), map_location="cpu", weights_only=True
            )
            return saved
        return None


def _appear(source: Path, target: Path) -> None:
    """Have a file appear under a second name, whole and only if there is none.

    Raises
    ------
    FileExistsError
        When the name is taken.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        # No hard links here (exFAT, some network and user file systems).
        with target.open("xb") as stream:
            stream.write(source.read_bytes())


def _alive(owner: dict[str, Any]) -> bool | None:
    """Whether an owner lives; None when only its heartbeat can tell."""
    if owner["host"] != _machine():
        return None
    started = _start_of(owner["pid"])
    return None if started is None else started == owner["started"] != ""


def _machine() -> str:
    """Name the machine, its boot, and the namespaces in which process numbers and ticks are counted."""
    words = [socket.gethostname()]
    with suppress(OSError):
        words.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    for kind in ("pid", "time"):
        with suppress(OSError):
            words.append(str(Path(f"/proc/self/ns/{kind}").readlink()))
    return " ".join(words)


def _start_of(pid: int) -> str | None:
    """Return when a process started; "" when it does not run, None when that cannot be told.

    Numbers of processes are used again; number and start together are not. On Linux the start is in
    clock ticks since boot, field 22 of /proc/<pid>/stat (proc_pid_stat(5)), which a step of the clock
    does not change. Elsewhere it is what psutil tells, which macOS notes once, as the process starts.
    """
    if not Path("/proc/self/stat").exists():
        return _start_elsewhere(pid)
    try:
        # The name in brackets may itself hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if _hidden(pid) else ""
    except OSError:
        return None
    return "" if fields[0] in "ZX" else fields[19]


def _hidden(pid: int) -> bool:
    """Whether a process runs, of another user, that /proc does not show (option hidepid)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return False


def _start_elsewhere(pid: int) -> str:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return str(process.create_time())
    except psutil.NoSuchProcess:
        return ""
