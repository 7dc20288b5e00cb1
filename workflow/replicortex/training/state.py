"""Whole training states on disk: atomic, checked, owned by one process, resumable.

Nothing here relies on signals. A training asks `due` and `out_of_time` between its steps.
"""

from __future__ import annotations

import fcntl
import hashlib
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

from replicortex.errors import StudyError
from replicortex.files import write_bytes

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
        Moment (as `time.time()` counts) at which the training is to stop; None for never. Whoever
        sets it leaves time for one step and one save before the real limit.
    stale_s
        Seconds without heartbeat after which an owner on another machine counts as dead.
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
        self.stale_s, self.poll_s = stale_s, poll_s
        self._saved = time.monotonic()
        self._token = ""
        self._stop = threading.Event()
        self._beat: threading.Thread | None = None

    # Ownership

    @property
    def lock(self) -> Path:
        """The file that names the owner; its time of change is the heartbeat."""
        return self.folder / "owner.json"

    def __enter__(self) -> State:
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
        if self._owned():
            self.lock.unlink(missing_ok=True)
        self._token = ""

    def _claim(self) -> bool:
        """Become the owner if there is none, or none alive."""
        me = {
            "token": uuid.uuid4().hex,
            "host": _machine(),
            "pid": os.getpid(),
            "started": _start_of(os.getpid()),
            "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
        }
        # Written aside, then linked: the lock appears whole or not at all, for one claimant only.
        aside = self.folder / f".owner.{me['token']}"
        write_bytes(aside, json.dumps(me, sort_keys=True).encode())
        try:
            with self._alone():
                self._bury_dead()
                os.link(aside, self.lock)
        except FileExistsError:
            return False
        finally:
            aside.unlink(missing_ok=True)
        self._token = me["token"]
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one claimant at a time look and take over; the system ends it with its process."""
        with (self.folder / ".claim").open("a") as stream:
            # Without such locks (some cluster file systems) `_bury_dead` still notices a rival.
            with suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _bury_dead(self) -> None:
        """Remove the lock of an owner that no longer lives."""
        try:
            found = self.lock.read_bytes()
            age = time.time() - self.lock.stat().st_mtime
        except FileNotFoundError:
            return
        if _alive(json.loads(found), age, self.stale_s):
            return
        grave = self.folder / f".dead.{uuid.uuid4().hex}"
        try:
            self.lock.rename(grave)
        except FileNotFoundError:
            return
        # Somebody else may have taken over between the look and the rename: give it back.
        if grave.read_bytes() != found:
            with suppress(FileExistsError):
                os.link(grave, self.lock)
        grave.unlink(missing_ok=True)

    def _owned(self) -> bool:
        try:
            return json.loads(self.lock.read_bytes())["token"] == self._token
        except FileNotFoundError:
            return False

    def _keep_alive(self) -> None:
        while not self._stop.wait(min(BEAT_S, self.stale_s / 4)):
            try:
                os.utime(self.lock)
            except OSError:
                # `save` reports a lost lock; a beat cannot.
                continue

    # Time

    def due(self) -> bool:
        """Say whether it is time to save."""
        return time.monotonic() - self._saved >= self.every_s

    def out_of_time(self) -> bool:
        """Say whether the deadline has come."""
        return self.deadline is not None and time.time() >= self.deadline

    # States

    def path(self, name: str) -> Path:
        """Return where the newest state of that name lies."""
        return self.folder / f"{name}.state"

    def save(self, name: str, content: dict[str, Any]) -> None:
        """Save a state (nested mappings and lists of tensors and plain values); keep the one before.

        Raises
        ------
        StudyError
            When another process has taken the folder over meanwhile.
        """
        import torch

        if not self._owned():
            raise StudyError(
                f"{self.lock}: this training was taken over by another process; this one stops"
            )
        stream = io.BytesIO()
        torch.save(content, stream)
        payload = stream.getvalue()
        newest = self.path(name)
        if newest.exists():
            newest.replace(newest.with_suffix(".previous"))
        write_bytes(newest, hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
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
            if hashlib.sha256(payload).hexdigest().encode() != digest:
                warnings.warn(
                    f"{path}: the saved state is damaged (checksum differs) and is not used; "
                    "training resumes from an older state or from the start",
                    stacklevel=2,
                )
                continue
            return torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        return None


def _alive(owner: dict[str, Any], age_s: float, stale_s: float) -> bool:
    if owner["host"] == _machine():
        return _start_of(owner["pid"]) == owner["started"] != ""
    return age_s < stale_s


def _machine() -> str:
    """Name the machine and the process namespace, within which process numbers mean something."""
    try:
        space = Path("/proc/self/ns/pid").readlink()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        space, boot = "", ""
    return f"{socket.gethostname()} {boot} {space}"


def _start_of(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; "" when it does not run.

    Numbers of processes are used again; number and start together are not.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return str(process.create_time())
    except psutil.NoSuchProcess:
        return ""
